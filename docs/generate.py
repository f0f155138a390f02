"""Writes docs/settings.md from dlm_lsp/settings.py, so that the two cannot differ.

python docs/generate.py            # write
python docs/generate.py --check    # exit 1 if it would change
"""

import argparse
import json
import sys
from dataclasses import fields
from pathlib import Path

from dlm_lsp.settings import Settings, camel_case, descriptions

SETTINGS = Path(__file__).with_name("settings.md")
INTRODUCTION = """# Settings

Written by `make generate` from `dlm_lsp/settings.py`. Editors send them in camelCase, as `initializationOptions` or as the section
`dlm-lsp` of `workspace/didChangeConfiguration`; on the command line they are `--kebab-case`. A wrong value is told once, and the
default is used.

| Setting | Default | What it does |
| --- | --- | --- |
"""


def settings_page() -> str:
    """Lay out all settings, in the order of the file."""
    default, told = Settings(), descriptions()
    rows = [
        f"| `{camel_case(field.name)}` | `{json.dumps(getattr(default, field.name))}` | {' '.join(told[field.name].split())} |"
        for field in fields(Settings)
    ]
    return INTRODUCTION + "\n".join(rows) + "\n"


def main() -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if the page is not up to date")
    page = settings_page()
    if parser.parse_args().check:
        if SETTINGS.read_text(encoding="utf-8") != page:
            sys.stderr.write("docs/settings.md is not what dlm_lsp/settings.py says; run `make generate`\n")
            return 1
    else:
        SETTINGS.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
