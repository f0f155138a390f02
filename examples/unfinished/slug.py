"""Make titles fit for an address."""

import re


def slugify(title: str) -> str:
    """Turn a title into lower-case words with hyphens between them."""
    words = re.sub(r"[^a-z0-9]+", , title.lower()).split()
    return "-".join(words)
