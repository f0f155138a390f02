"""docs/samplers.md: whole, and of the code's own words."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from dlm_lsp.decoders import CACHES, DECODERS, LENGTHS

DOCS = Path(__file__).parents[2] / "docs"


def module(name: str) -> ModuleType:
    """Load a script of docs/ as `python docs/generate.py` does."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script that writes the page; it finds its neighbours as a script does."""
    monkeypatch.syspath_prepend(str(DOCS))
    return module("samplers_page")


def test_every_name_has_a_section(page: ModuleType) -> None:
    """Fails if a decoder, its parameters or its difference from the paper are missing."""
    text = page.samplers_page()
    tables = {"Samplers": DECODERS, "Caches": CACHES, "Lengths": LENGTHS}
    for heading, name, decoder in ((heading, *row) for heading, table in tables.items() for row in table.items()):
        part = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        section = part.partition(f"\n### `{name}`\n")[2].partition("\n##")[0]
        assert decoder.text[1:] in section, name
        assert decoder.paper in section
        for parameter, told in decoder.parameters.items():
            assert f"| `{parameter}` | `{told.default}` |" in section
        for file in (part.split(")")[0] for part in section.split("](../")[1:]):
            assert (DOCS.parent / file).is_file(), file
    papers = [name for name, decoder in DECODERS.items() if not decoder.paper.startswith("none")]
    for name in papers:
        assert "- Differs from" in text.partition(f"\n### `{name}`\n")[2].partition("\n##")[0], name


def test_a_missing_row_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, page: ModuleType, capsys) -> None:
    """Fails if a page that says less than the code gets through `--check`."""
    generate = module("generate")
    written = tmp_path / "samplers.md"
    whole = page.samplers_page()
    monkeypatch.setattr(generate, "WRITTEN", {written: page.samplers_page})
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    row = next(line for line in whole.splitlines() if line.startswith("| `threshold` | `0.9`"))
    for text, status in ((whole, 0), (whole.replace(row + "\n", ""), 1), ("", 1)):
        written.write_text(text)
        assert status == generate.main()
    assert "run `make generate`" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["generate.py"])
    assert 0 == generate.main()
    assert whole == written.read_text()
