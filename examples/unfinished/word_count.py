"""Count the words of a text."""

import re
from collections import Counter


def most_common_words(text: str, count: int) -> list[tuple[str, int]]:
    """Give the most frequent words of a text, most frequent first."""
    words = re.findall(r"\w+", text.lower())
    counts = 
    return counts.most_common(count)
