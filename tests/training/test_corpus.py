"""What may not be in the corpus is not in it, and nothing is in it twice."""

import errno
import json
import shutil
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training import corpus
from training.corpus import (
    RUN_TOKENS,
    Corpus,
    Package,
    Requirement,
    SourceFile,
    benchmark_runs,
    build,
    capped,
    clean,
    declared_licence,
    read_list,
    reason_to_drop,
    runs,
    with_splits,
    without_duplicates,
    write_whole,
)

LINES = [f"    value_{n} = compute_{n}(value_{n - 1}, key='name_{n}')" for n in range(1, 21)]
MODULE = "def build(value_0):\n" + "\n".join(LINES) + "\n    return value_20\n"


PROBLEM = (
    "def mean(numbers, weight):\n    " + "\n    ".join(f"total_{n} = numbers[{n}] * weight" for n in range(12)) + "\n"
)


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


PACKAGE = Package("package", "1", "MIT", held_out=False, train_only=False, sha256="", files=())


def test_splits_follow_the_path_alone() -> None:
    """Fails if a held-out file could become a training file when the list of packages changes."""
    files = [source("", f"package/module_{n}.py") for n in range(2000)]
    splits = Counter(split for split, _ in with_splits(PACKAGE, files))
    assert 10 < splits["valid-files"] < 60
    assert {"valid-packages"} == {split for split, _ in with_splits(replace(PACKAGE, held_out=True), files)}
    assert {"train"} == {split for split, _ in with_splits(replace(PACKAGE, train_only=True), files)}


def test_a_larger_corpus_holds_out_the_same_files() -> None:
    """Fails if a larger cap moves files between the sets: numbers of two models would no longer compare."""
    files = [source("x" * 9_000, f"package/{n}.py") for n in range(2000)]
    small, large = (capped(files, cap) for cap in (6_000_000, 15_000_000))
    assert small == large[: len(small)]
    held_out = [
        {file.path for split, file in with_splits(PACKAGE, part) if split == "valid-files"} for part in (small, large)
    ]
    assert held_out[0]
    assert held_out[0] == held_out[1]


def test_no_package_outweighs_the_rest() -> None:
    """Fails if the cap cuts a file in two or does not bind."""
    files = [source("x" * 1_000_000, f"package/{n}.py") for n in range(9)]
    assert 6 == len(capped(files, 6_000_000))


def test_licence_and_list(tmp_path) -> None:
    """Fails if a wheel's licence is read from the wrong field, or a held-out package is trained on."""
    assert "MIT" == declared_licence("Name: x\nLicense-Expression: MIT\nLicense: long text\n\nbody")
    old = "Name: x\nLicense: see file\nClassifier: License :: OSI Approved :: BSD License\n\nLicense: GPL"
    assert "BSD License" == declared_licence(old)
    (tmp_path / "list.txt").write_text("# comment\na==1\n\nb==2 held-out\nc==3 platform=any\n")
    wanted = [Requirement("a==1"), Requirement("b==2", held_out=True), Requirement("c==3", platform="any")]
    assert wanted == read_list(tmp_path / "list.txt")


@pytest.fixture
def small(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    """A corpus of two wheels that are at hand, and a benchmark of one problem that a file of the second one copies."""
    (tmp_path / "list.txt").write_text("first==1\nsecond==2\n")
    for name, files in (
        ("first==1", {"first/a.py": MODULE}),
        ("second==2", {"second/b.py": MODULE.replace("value", "other"), "second/c.py": PROBLEM}),
    ):
        (tmp_path / "wheels" / name).mkdir(parents=True)
        with zipfile.ZipFile(tmp_path / "wheels" / name / "x.whl", "w") as wheel:
            wheel.writestr("x.dist-info/METADATA", "Name: x\nLicense-Expression: MIT\n\n")
            for path, text in files.items():
                wheel.writestr(path, text)
    (tmp_path / "benchmark").mkdir()
    row = {"prefix": PROBLEM, "canonical": "", "suffix": "", "test": ""}
    (tmp_path / "benchmark" / "single.jsonl").write_text(json.dumps(row) + "\n")
    monkeypatch.setattr(corpus, "WHEELS", tmp_path / "wheels")
    monkeypatch.setattr(corpus, "DATA", tmp_path / "data")
    monkeypatch.setattr(
        corpus, "read_standard_library", lambda: replace(PACKAGE, name="cpython", sha256="of the library")
    )
    made = Corpus((tmp_path / "list.txt",), tmp_path / "manifest.json", tmp_path / "data", 10_000)
    made.data.mkdir()
    return made


def built(made: Corpus) -> bytes:
    """Build the corpus of the manifest once more; gives the texts."""
    build(made, None)
    return (made.data / "files.jsonl").read_bytes()


def test_a_corpus_is_made_again_byte_for_byte(small, tmp_path) -> None:
    """Fails if order, hashes or what the benchmark forbids are not in the manifest, or the benchmark were needed again."""
    manifest = build(small, tmp_path / "benchmark")
    small.manifest.write_text(json.dumps(manifest))
    first = (small.data / "files.jsonl").read_bytes()
    assert ["second/second/c.py"] == manifest["contaminated"]
    assert b"first/a.py" in first
    assert b"c.py" not in first
    shutil.rmtree(small.data)
    small.data.mkdir()
    assert first == built(small)


def test_a_changed_wheel_is_refused(small, tmp_path) -> None:
    """Fails if a package that is not the one of the manifest is trained on without a word."""
    small.manifest.write_text(json.dumps(build(small, tmp_path / "benchmark")))
    with zipfile.ZipFile(tmp_path / "wheels" / "first==1" / "x.whl", "a") as wheel:
        wheel.writestr("first/new.py", MODULE)
    with pytest.raises(SystemExit, match=r"not the wheel that manifest\.json names; delete its folder"):
        built(small)


def test_a_damaged_wheel_is_named(small, tmp_path) -> None:
    """Fails if half a download ends in a traceback, or in a corpus without the package."""
    wheel = tmp_path / "wheels" / "first==1" / "x.whl"
    wheel.write_bytes(wheel.read_bytes()[:200])
    with pytest.raises(SystemExit, match=r"x\.whl is damaged"):
        build(small, tmp_path / "benchmark")


def test_a_missing_wheel_is_named(small, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if the corpus of a manifest is made without a package that it names."""
    small.manifest.write_text(json.dumps(build(small, tmp_path / "benchmark")))
    monkeypatch.setattr(corpus, "download", lambda *_: None)
    with pytest.raises(SystemExit, match="first==1: the index no longer has a wheel"):
        built(small)


def test_an_interrupted_build_goes_on(small, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if a package is filtered again after an interrupt, or half a result of it is believed."""
    build(small, tmp_path / "benchmark")
    (tmp_path / "data" / "filtered" / "first-half.json.part").write_text('{"files": [')
    monkeypatch.setattr(corpus, "clean", lambda text: pytest.fail(f"filtered again: {text[:20]}"))
    build(small, tmp_path / "benchmark")


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if the old file is gone or cut when the new one does not fit."""
    (tmp_path / "manifest.json").write_text("old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(SystemExit, match="make room"):
        write_whole(tmp_path / "manifest.json", "new")
    assert ["manifest.json"] == [path.name for path in tmp_path.iterdir()]
    assert b"old" == (tmp_path / "manifest.json").read_bytes()
