"""Writes what repeats the code: docs/settings.md, docs/samplers.md, and what the editors' plugins say of settings.

python docs/generate.py            # write
python docs/generate.py --check    # exit 1 if it would change
"""

import argparse
import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import neovim_settings as neovim
import samplers_page as samplers

from dlm_lsp import __version__
from dlm_lsp.settings import CHOICES, RANGES, Settings, camel_case, descriptions

SETTINGS = Path(__file__).with_name("settings.md")
MANIFEST = Path(__file__).parents[1] / "vscode-extension" / "package.json"
MANIFEST_TITLE = "Model and answers"
SCOPES = {"enabled": "language-overridable", "model": "machine"} | dict.fromkeys(
    ("device", "dtype", "threads"), "machine-overridable"
)
"""Who may set what in VS Code: a workspace must not say what is loaded; everything else may differ from folder to folder."""
MAX_JSON_INT = 2**53
"""Whole numbers beyond it are not exact in JavaScript."""
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


def vscode_manifest() -> str:
    """Put the settings, and the version, into the manifest of the VS Code extension; the rest of it stays as it is."""
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    properties = {f"dlm-lsp.{camel_case(field.name)}": _property(field.name) for field in fields(Settings)}
    ours = {"title": MANIFEST_TITLE, "order": 2, "properties": properties}
    others = [part for part in manifest["contributes"]["configuration"] if part["title"] != MANIFEST_TITLE]
    manifest["contributes"]["configuration"] = [*others, ours]
    trusted = [f"dlm-lsp.server.{name}" for name in ("path", "python", "package")]
    manifest["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"] = [
        *trusted,
        *(f"dlm-lsp.{camel_case(name)}" for name, scope in SCOPES.items() if scope.startswith("machine")),
    ]
    manifest["version"] = __version__
    return json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"


def _property(name: str) -> dict[str, Any]:
    """Describe one setting as VS Code wants it."""
    default = getattr(Settings(), name)
    kind = {bool: "boolean", int: "integer", float: "number", str: "string", tuple: "array"}[type(default)]
    made = {"type": kind, "default": list(default) if kind == "array" else default}
    if kind == "array":
        made["items"] = {"type": "string"}
    if name in CHOICES:
        made["enum"] = list(CHOICES[name])
    made |= {
        end: limit
        for end, limit in zip(("minimum", "maximum"), RANGES.get(name, ()), strict=False)
        if abs(limit) < MAX_JSON_INT
    }
    return made | {"scope": SCOPES.get(name, "resource"), "markdownDescription": " ".join(descriptions()[name].split())}


WRITTEN = {
    SETTINGS: settings_page,
    samplers.PAGE: samplers.samplers_page,
    MANIFEST: vscode_manifest,
    neovim.TYPES: neovim.types,
    neovim.HELP: neovim.help_page,
    neovim.TAGS: neovim.tags,
}
"""What is written, by what."""


def main() -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a file is not up to date")
    check = parser.parse_args().check
    stale = [path for path, make in WRITTEN.items() if path.read_text(encoding="utf-8") != make()]
    for path in stale:
        if check:
            sys.stderr.write(f"{path} is not what the code and the results say; run `make generate`\n")
        else:
            path.write_text(WRITTEN[path](), encoding="utf-8")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
