"""What may not be in the corpus is not in it, and nothing is in it twice."""

import json
from collections import Counter

import numpy as np
import pytest

from training.corpus import (
    RUN_TOKENS,
    SourceFile,
    benchmark_runs,
    capped,
    clean,
    declared_licence,
    read_list,
    reason_to_drop,
    runs,
    split_of,
    without_duplicates,
)

LINES = [f"    value_{n} = compute_{n}(value_{n - 1}, key='name_{n}')" for n in range(1, 21)]
MODULE = "def build(value_0):\n" + "\n".join(LINES) + "\n    return value_20\n"


def source(text: str, path: str = "package/module.py") -> SourceFile:
    """One file of a package."""
    return SourceFile("package", path, text)


def test_an_ordinary_module_is_kept() -> None:
    """Fails if a filter is so strict that nothing is left to learn."""
    assert "" == reason_to_drop(source(clean(MODULE)))


@pytest.mark.parametrize(
    ("reason", "file"),
    [
        ("path", source(MODULE, "package/tests/test_module.py")),
        ("path", source(MODULE, "package/_vendor/six.py")),
        ("benchmark by name", source(MODULE, "package/human_eval/problems.py")),
        ("size", source("x = 1\n")),
        ("generated", source("# This file was auto-generated.\n" + MODULE)),
        ("does not parse", source(MODULE + "def (:\n")),
        ("no definition", source("\n".join(line.strip() for line in LINES) + "\n")),
        ("long lines", source(MODULE + "x = '" + "a b " * 120 + "'\n")),
        ("data-like", source(MODULE + "DATA = (" + "1234567, 8910,\n" * 400 + ")\n")),
    ],
)
def test_dropped(reason: str, file: SourceFile) -> None:
    """Fails if a kind of file that teaches nothing, or must not be taught, gets in."""
    assert reason == reason_to_drop(file)


def test_clean_leaves_code_alone() -> None:
    """Fails if tabs, CR LF or a licence block reach the model, or code is lost with them."""
    assert "def f():\n        return 1\n" == clean("\ufeff# Licence\r\n#\r\n\r\ndef f():\r\n\treturn 1\r\n\r\n")


def test_a_file_that_shares_a_run_with_a_problem_is_found(tmp_path) -> None:
    """Fails if decontamination misses a solution that was copied with other spacing."""
    solution = (
        "    total = 0\n    for number in numbers:\n        total += number * weight\n    return total / len(numbers)\n"
    )
    row = {"prefix": "def mean(numbers, weight):\n", "canonical": solution, "suffix": "\n", "test": "assert 1"}
    (tmp_path / "single.jsonl").write_text(json.dumps(row) + "\n")
    forbidden = benchmark_runs(tmp_path)
    copied = MODULE + solution.replace(" = ", "=").replace("    ", "  ")
    assert np.isin(runs(copied), forbidden).any()
    assert not np.isin(runs(MODULE), forbidden).any()
    assert 0 == len(runs("a b c")), f"shorter than {RUN_TOKENS} words"


def test_duplicates() -> None:
    """Fails if a file that differs in blanks, or in a line or two, is counted as new."""
    other = MODULE.replace("value", "other").replace("compute", "derive").replace("name", "label")
    files = [source(text) for text in (MODULE, MODULE.replace(" = ", "  =  "), MODULE + "\nEXTRA = build(1)\n", other)]
    dropped: Counter[str] = Counter()
    assert [files[0], files[3]] == list(without_duplicates(files, dropped))
    assert {"exact duplicate": 1, "near duplicate": 1} == dict(dropped)


def test_splits_follow_the_path_alone() -> None:
    """Fails if a held-out file could become a training file when the list of packages changes."""
    paths = [f"package/module_{n}.py" for n in range(2000)]
    splits = Counter(split_of(source("", path), held_out=False) for path in paths)
    assert 10 < splits["valid-files"] < 60
    assert "valid-packages" == split_of(source(""), held_out=True)


def test_no_package_outweighs_the_rest() -> None:
    """Fails if the cap cuts a file in two or does not bind."""
    files = [source("x" * 1_000_000, f"package/{n}.py") for n in range(9)]
    assert 6 == len(capped(files))


def test_licence_and_list(tmp_path) -> None:
    """Fails if a wheel's licence is read from the wrong field, or a held-out package is trained on."""
    assert "MIT" == declared_licence("Name: x\nLicense-Expression: MIT\nLicense: long text\n\nbody")
    old = "Name: x\nLicense: see file\nClassifier: License :: OSI Approved :: BSD License\n\nLicense: GPL"
    assert "BSD License" == declared_licence(old)
    (tmp_path / "list.txt").write_text("# comment\na==1\n\nb==2 held-out\n")
    assert [("a==1", False), ("b==2", True)] == read_list(tmp_path / "list.txt")
