"""`dlm-lsp trace`: a page and a picture of a decode; what it says when it cannot."""

import io
import json
import re
from html import unescape
from pathlib import Path

import pytest

from dlm_lsp.commands.trace import read_temperatures
from dlm_lsp.errors import DlmError
from tests.cli.test_command_line import SCRIPTED, run

ROOT = Path(__file__).parents[2]
ADD = "def add(a, b):\n    \n"
RULE = {"after": "def add(a, b):\n    ", "before": "\n", "answer": 'return a + b  # </script> "', "confidence": 0.99}


@pytest.fixture
def model(tmp_path: Path) -> str:
    """Name a model that knows one function."""
    (tmp_path / "script.json").write_text(json.dumps({"rules": [RULE]}))
    return f"scripted:{tmp_path / 'script.json'}"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a file that has a hole."""
    (tmp_path / "add.py").write_text(ADD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trace(capsys, model: str, *arguments: str) -> tuple[int, str, str]:
    """Run the command."""
    return run(capsys, "trace", *arguments, "--model", model, "--device", "cpu", "--threads", "1")


def told(page: str) -> list[str]:
    """Give what the page tells of each step."""
    return re.findall(r'data-told="([^"]*)"', page)


def test_a_page_and_a_picture(capsys, folder: Path, model: str) -> None:
    """Fails if one of the files is missing or empty, stands elsewhere, or shows another answer than `fill` gives."""
    status, out, err = trace(capsys, model, "add.py:2:5")
    assert (0, "") == (status, err)
    assert out.startswith("add-2-5.html and add-2-5.png: ")
    page = (folder / "add-2-5.html").read_text(encoding="utf-8")
    assert 1 == page.count("<script>") == page.count("</script>"), "the answer holds one too"
    assert ADD.strip() in page
    assert "nothing is written yet" in told(page)[0]
    assert b"\x89PNG" == (folder / "add-2-5.png").read_bytes()[:4]
    answer = run(capsys, "fill", "add.py:2:5", "--model", model)[1].strip()
    assert 'return a + b  # </script> "' == answer
    shown = re.search(r'An editor is given: <span class="sample">(.*?)</span>', page)
    assert answer.replace(" ", "·") == unescape(shown[1])


def test_temperatures_are_compared(capsys, folder: Path, model: str) -> None:
    """Fails if a temperature or a draw is left out, or every draw has the same seed."""
    status, _, err = trace(capsys, model, "add.py:2:5", "--temperatures", "0,0.5", "--draws", "2", "--out", "x.html")
    assert (0, "") == (status, err)
    rows = re.findall(
        r'<tr><td class="number">([\d.]+)</td><td class="number">(\d+)</td>', (folder / "x.html").read_text()
    )
    assert [("0", "0"), ("0.5", "0"), ("0.5", "1")] == rows
    assert (folder / "x.png").exists()


def test_a_temperature_draws(capsys, folder: Path) -> None:
    """Fails if all decodes are greedy whatever the temperature."""
    (folder / "script.json").write_text(json.dumps({"rules": [{**RULE, "confidence": 0.4}]}))
    options = ("--temperatures", "0,2", "--draws", "1", "--threshold", "0.1", "--repair-rounds", "0", "--out", "x.html")
    trace(capsys, f"scripted:{folder / 'script.json'}", "add.py:2:5", *options)
    page = (folder / "x.html").read_text(encoding="utf-8")
    greedy, drawn = re.findall(r'(\d+) %</td><td class="number">\d+</td><td>', page)
    assert 0 == int(greedy) < int(drawn)


def test_the_lane_that_became_the_answer_is_shown(capsys, folder: Path) -> None:
    """Fails if the steps of a canvas that was given up are shown, or mixed with those of the answer."""
    rule = {**RULE, "answer": "return )", "confidence": 0.5}  # what is drawn leaves the bracket out
    (folder / "script.json").write_text(json.dumps({"rules": [rule]}))
    status, _, _ = trace(capsys, f"scripted:{folder / 'script.json'}", "add.py:2:5", "--repair-rounds", "1")
    assert 0 == status
    page = (folder / "add-2-5.html").read_text(encoding="utf-8")
    calls = [int(number) for number in re.findall(r"model call (\d+)", "".join(told(page)))]
    assert calls[0] > 0, "the first canvas was given up"
    assert calls == sorted(calls)
    assert 'An editor is given: <span class="sample">return<' in page


def test_the_verdict_is_about_what_is_shown(capsys, folder: Path) -> None:
    """Fails if what is shown although it does not fit is said to be withheld or to fit, or the way to see it is not told."""
    (folder / "script.json").write_text(json.dumps({"rules": [{**RULE, "answer": "("}]}))
    model = f"scripted:{folder / 'script.json'}"
    ends = [trace(capsys, model, "add.py:2:5", *more)[1].partition("; ")[2] for more in ((), ("--show-broken",))]
    assert "--show-broken shows it" in ends[0]
    assert "verdict: does not fit\n" == ends[1]


def test_stdin(capsys, folder: Path, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if a text without a file cannot be traced."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(ADD.encode())))
    assert 0 == trace(capsys, model, "-:2:5")[0]
    assert (folder / "stdin-2-5.html").exists()


def test_a_place_beside_the_file(capsys, folder: Path, model: str) -> None:
    """Fails if a place is not taken as `fill` takes it, which the error about a missing one proposes."""
    assert 0 == trace(capsys, model, "add.py", "--at", "2:5")[0]
    assert (folder / "add-2-5.html").exists()


def test_an_empty_answer_has_a_page_too(capsys, folder: Path, model: str) -> None:
    """Fails if just the decode that one wants to understand, because it gave nothing, is not shown."""
    (folder / "other.py").write_text("x = \n")
    status, out, _ = trace(capsys, model, "other.py:1:5", "--repair-rounds", "0")
    assert (1, True) == (status, out.endswith("verdict: The model leaves this hole empty.\n"))
    assert len(told((folder / "other-1-5.html").read_text())) > 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "the following arguments are required: FILE:LINE:COLUMN"),
        (["add.py"], "'add.py' is no place: write FILE:LINE:COLUMN"),
        (["none.py:1:1"], "none.py cannot be read: No such file or directory."),
        (["add.py:9:1"], "add.py has lines 1 to 3, no line 9."),
        (["add.py:1:99"], "no column 99."),
        (["add.js:1:1"], "add.js is no Python file: no other language is known."),
        (["secrets.py:1:1", "--exclude", "secrets*"], "secrets.py is private"),
        (["add.py:2:5", "--sampler", "treshold"], "the nearest name is 'threshold'"),
        (["add.py:2:5", "--sampler", "threshold:temperature=0.5", "--temperatures", "0,1"], "a temperature of its own"),
        (
            ["add.py:2:5", "--temperatures", "0;1"],
            "--temperatures takes numbers with commas, such as 0,0.5,1, not '0;1'.",
        ),
        (["add.py:2:5", "--temperatures", "0,3"], "the temperature 3 is not between 0 and 2."),
        (["add.py:2:5", "--temperature", "3"], "temperature: 3.0 is not between 0 and 2."),
        (["add.py:2:5", "--draws", "0"], "argument --draws: '0' is not a whole number from 1 on;"),
        (["add.py:2:5", "--out", "page.png"], "the page needs a name that ends in .html, not page.png."),
        (["add.py:2:5", "--png", "page.html"], "the picture needs a name that ends in .png, not page.html."),
        (["add.py:2:5", "--out", "no/such/page.html"], "there is no folder no/such to write page.html into."),
    ],
)
def test_bad_arguments_are_one_sentence(capsys, folder: Path, model: str, arguments: list[str], complaint: str) -> None:
    """Fails if a mistake ends in a traceback, starts the model, or leaves half of the files."""
    status, out, err = trace(capsys, model, *arguments)
    assert complaint in err
    assert (2, "", 1) == (status, out, err.count("\n"))
    assert {"add.py", "script.json"} == {path.name for path in folder.iterdir()}


def test_without_matplotlib_there_is_a_page(capsys, folder: Path, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if the page needs matplotlib, or if a picture that was asked for is left out silently."""
    monkeypatch.setattr("dlm_lsp.commands.trace.find_spec", lambda _: None)
    status, out, err = trace(capsys, model, "add.py:2:5")
    assert (0, True, 1) == (status, out.startswith("add-2-5.html: "), err.count("\n"))
    assert "pip install 'dlm-lsp[plots]'" in err
    assert not (folder / "add-2-5.png").exists()
    status, out, err = trace(capsys, model, "add.py:2:5", "--png", "y.png")
    assert (2, "", 1) == (status, out, err.count("\n"))
    assert "pip install 'dlm-lsp[plots]'" in err


def test_a_page_that_cannot_be_written_is_one_sentence(capsys, folder: Path, model: str) -> None:
    """Fails if a folder in the place of the page ends in a traceback."""
    (folder / "x.html").mkdir()
    status, _, err = trace(capsys, model, "add.py:2:5", "--out", "x.html")
    assert (2, 1) == (status, err.count("\n"))
    assert "x.html cannot be written: Is a directory." in err


def test_the_first_temperature_is_the_one_that_is_shown() -> None:
    """Fails if a temperature is decoded twice, or the comparison changes which decode is shown."""
    assert (0.0, 0.5, 1.0) == read_temperatures(0.0, "0,0.5,1")
    assert (0.7, 0.0, 1.0) == read_temperatures(0.7, "0, 1,0.7")
    assert (0.0,) == read_temperatures(0.0, "")
    with pytest.raises(DlmError, match="takes numbers"):
        read_temperatures(0.0, "warm")


def test_the_bundled_model(capsys, folder: Path) -> None:
    """Fails if steps of a real decode, that grows, shrinks and is repaired, do not fit together in the page."""
    place = f"{ROOT}/examples/unfinished/binary_search.py:9:9"  # where its first text does not fit
    status, out, _ = trace(capsys, "nano", place, "--out", "real.html", "--deadline-ms", "60000")
    assert 0 == status
    page = (folder / "real.html").read_text(encoding="utf-8")
    steps = told(page)
    calls = int(re.search(r"(\d+) model calls", out)[1])
    assert f"model call {calls}," in steps[-1]
    assert any("dropped" in step for step in steps), "the hole begins longer than its text"
    assert any("taken back" in step and "repair round" in step for step in steps)
    answer = run(capsys, "fill", place, "--model", "nano", "--deadline-ms", "60000")[1].strip()
    assert f'<span class="sample">{answer.replace(" ", "·")}</span>' in page


def test_the_scripted_examples(capsys, folder: Path) -> None:
    """Fails if a token that was drawn in place of the likeliest one is not counted as such, or one is where none was drawn."""
    place = f"{ROOT}/examples/unfinished/slug.py:8:35"
    status, out, err = trace(capsys, SCRIPTED, place, "--out", "s.html", "--temperatures", "0,0.5", "--draws", "1")
    assert (0, "", 1) == (status, err, out.count("\n"))
    assert ["0 %", "0 %"] == re.findall(
        r'<td class="number">(\d+ %)</td><td class="number">\d+</td>', (folder / "s.html").read_text()
    )
