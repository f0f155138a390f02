"""What the Neovim plugin repeats of dlm_lsp/settings.py: types for the Lua language server, a help page, and the help's tags.

In: the settings; nvim-plugin/doc/dlm.txt for its tags. Out: the texts of files; `generate.py` writes them.
"""

import json
import re
import textwrap
from dataclasses import fields
from pathlib import Path

from dlm_lsp.settings import CHOICES, Settings, camel_case, descriptions

PLUGIN = Path(__file__).parents[1] / "nvim-plugin"
TYPES = PLUGIN / "lua/dlm/settings.lua"
HELP = PLUGIN / "doc/dlm-settings.txt"
TAGS = PLUGIN / "doc/tags"
KINDS = {bool: "boolean", int: "integer", float: "number", str: "string", tuple: "string[]"}


def types() -> str:
    """Lay out the settings as a class, with their defaults."""
    default, told = Settings(), descriptions()
    lines = ["--- Written by `make generate` from dlm_lsp/settings.py: the server's settings, and their defaults."]
    lines += ["", "---@class dlm.Settings"]
    for field in fields(Settings):
        words = CHOICES.get(field.name)
        kind = "|".join(f"'{word}'" for word in words) if words else KINDS[type(getattr(default, field.name))]
        lines.append(f"---@field {camel_case(field.name)}? {kind} {' '.join(told[field.name].split())}")
    lines += ["", "---@type dlm.Settings", "return {"]
    lines += [f"  {camel_case(field.name)} = {_lua(getattr(default, field.name))}," for field in fields(Settings)]
    return "\n".join([*lines, "}"]) + "\n"


def help_page() -> str:
    """Lay out the settings as a help file."""
    default, told = Settings(), descriptions()
    lines = ["*dlm-settings.txt*\tThe settings of |dlm|", ""]
    lines += [_tagged("5. Settings", "dlm-settings"), ""]
    lines += ["Written from the server's own list. They go into `settings` of |dlm.setup()|.", ""]
    for field in fields(Settings):
        name = camel_case(field.name)
        lines.append(_tagged(f"{name} = {_lua(getattr(default, field.name))}", f"dlm-{name}"))
        lines += [
            *textwrap.wrap(" ".join(told[field.name].split()), 78, initial_indent="    ", subsequent_indent="    "),
            "",
        ]
    return "\n".join([*lines, " vim:tw=78:ts=8:noet:ft=help:norl:"]) + "\n"


def tags() -> str:
    """Give what `:helptags` would write, so that `:help dlm` works without it."""
    pages = {"dlm.txt": (PLUGIN / "doc/dlm.txt").read_text(encoding="utf-8"), HELP.name: help_page()}
    found = [
        (tag, name) for name, page in pages.items() for tag in re.findall(r"(?<![^ \t\n])\*([^*\s|]+)\*(?!\S)", page)
    ]
    return "".join(f"{tag}\t{name}\t/*{tag}*\n" for tag, name in sorted(found))


def _tagged(text: str, tag: str) -> str:
    """Put a tag at the right end of a line."""
    return text + f"*{tag}*".rjust(78 - len(text))


def _lua(value: object) -> str:
    """Write a value as Lua does."""
    if isinstance(value, tuple):
        return "{ " + ", ".join(map(_lua, value)) + " }" if value else "{}"
    return f"'{value}'" if isinstance(value, str) else json.dumps(value)
