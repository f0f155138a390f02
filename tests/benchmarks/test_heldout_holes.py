"""Holes cut from files that training never saw."""

import ast
import json

from benchmarks import heldout_holes
from dlm_lsp.commands.cases import read_cases

FUNCTION = '''def total(values, start=0):
    """Add up.

    Several lines of prose that nobody should have to guess.
    """
    result = start
    for value in values:
        result += value
    # a comment
    return result
'''
FILE = (
    "import os\n\n\n"
    + FUNCTION
    + "\n\nclass Big:\n    x = 1\n"
    + "".join(
        "\n"
        + "".join(f"    {line}\n" if line else "\n" for line in FUNCTION.replace("total", f"method_{n}").split("\n"))
        for n in range(6)
    )
)


def test_holes_are_whole_documents_with_a_piece_missing(tmp_path, monkeypatch, capsys) -> None:
    """Fails if a training file is cut, a hole does not join to code that parses, prose is hidden, or the seed does not decide."""
    files = tmp_path / "files.jsonl"
    rows = [{"package": "p", "path": f"m{n}.py", "split": "valid-files", "text": FILE} for n in range(3)]
    rows.append({"package": "p", "path": "secret.py", "split": "train", "text": FILE.replace("total", "trained")})
    files.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / "holes.jsonl"
    command = ["heldout_holes.py", "--files", str(files), "--out", str(out), "--count", "15"]
    monkeypatch.setattr("sys.argv", command)
    assert 0 == heldout_holes.main()
    first = out.read_text()
    assert 0 == heldout_holes.main()
    assert first == out.read_text()
    cases = read_cases([out])
    assert {"single-line": 5, "multi-line": 5, "random-span": 5} == {
        kind: sum(case.kind == kind for case in cases) for kind in heldout_holes.KINDS
    }
    for case in cases:
        whole = case.prefix + case.canonical + case.suffix
        ast.parse(whole)
        assert whole.startswith("def ")
        assert "trained" not in whole
        assert "prose" not in case.canonical
        assert "" == case.test
        if case.kind != "random-span":
            assert case.prefix.endswith("\n")
            assert case.canonical.endswith("\n")
    monkeypatch.setattr("sys.argv", [*command, "--seed", "1"])
    heldout_holes.main()
    assert first != out.read_text()
    monkeypatch.setattr("sys.argv", [*command[:-1], "9999"])
    assert 1 == heldout_holes.main(), "there are not so many"
    monkeypatch.setattr("sys.argv", ["heldout_holes.py", "--files", str(tmp_path / "nowhere")])
    assert 2 == heldout_holes.main()
    assert "training.corpus" in capsys.readouterr().err
