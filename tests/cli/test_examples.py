"""The examples, and the commands that fill them, with the model that answers from a script."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from dlm_lsp import cli
from dlm_lsp.commands import picture
from dlm_lsp.commands.ask import Answer, open_model
from dlm_lsp.commands.demo import RUN_TESTS, judge, read_examples
from dlm_lsp.commands.sandbox import run_untrusted
from dlm_lsp.settings import Settings
from dlm_lsp.values import InfillResult, Outcome, Snapshot, Step

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples"
EXAMPLES = read_examples(FOLDER)
SCRIPTED = f"scripted:{FOLDER / 'scripted.json'}"


@pytest.fixture
def silent_model(tmp_path):
    """A model that answers nothing."""
    script = tmp_path / "silent.json"
    script.write_text(json.dumps({"rules": [{"after": "nowhere to be found", "answer": "x"}]}))
    return f"scripted:{script}"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.module)
def test_an_example_passes_with_its_answer_and_only_with_it(example):
    """Fails if a hole is not where holes.json says, or a test would pass whatever stands in the hole."""
    assert run_untrusted(example.test + RUN_TESTS, {example.module: example.complete(example.answer)}).passed
    assert not run_untrusted(example.test + RUN_TESTS, {example.module: example.complete("None")}).passed


async def test_with_the_scripted_model_every_example_passes_its_test():
    """Fails if an answer is changed or lost between the model and what an editor would be shown."""
    async with open_model(Settings(model=SCRIPTED)) as model:
        for example in EXAMPLES:
            answer = await model.ask(example.snapshot, Settings())
            assert (example.answer,) == answer.texts
            attempt = judge(example, answer)
            assert (True, "passed") == (attempt.parses, attempt.test)


def test_fill_prints_the_text_and_nothing_else(capsys):
    """Fails if a script that reads stdout gets anything but the answer."""
    place = f"{FOLDER}/unfinished/binary_search.py:9:9"
    assert 0 == cli.main(["fill", place, "--model", SCRIPTED])
    assert ("middle = (low + high) // 2\n", "") == capsys.readouterr()


def test_fill_as_json_reads_stdin_and_shows_the_canvas(capsys, monkeypatch):
    """Fails if the JSON is cut or wrapped, or if --watch writes to stdout."""
    text = (FOLDER / "unfinished/slug.py").read_bytes()
    monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": type("Bytes", (), {"read": lambda _: text})()})())
    assert 0 == cli.main(["fill", "8:35", "--json", "--watch", "--model", SCRIPTED])
    found = json.loads(capsys.readouterr().out)
    assert (['" "'], "filled") == (found["texts"], found["result"]["outcome"])


def test_fill_without_an_answer_fails_and_says_why(capsys, silent_model):
    """Fails if an empty answer looks like success."""
    assert 1 == cli.main(["fill", f"{FOLDER}/unfinished/slug.py:8:35", "--model", silent_model])
    assert ("", "dlm-lsp: The model leaves this hole empty.\n") == capsys.readouterr()


def test_demo_without_a_terminal(capsys):
    """Fails if the demo needs a terminal, or does not report one of the examples."""
    assert 0 == cli.main(["demo", "--model", SCRIPTED, "--examples", str(FOLDER)])
    out = capsys.readouterr().out
    assert len(EXAMPLES) == out.count("parses, test: passed")
    assert "8 of 8 holes have an answer that parses." in out
    assert "\x1b" not in out


def test_demo_fails_where_an_answer_is_missing(capsys, silent_model):
    """Fails if `make run` succeeds with a model that says nothing."""
    assert 1 == cli.main(["demo", "--model", silent_model, "--examples", str(FOLDER)])
    assert "0 of 8 holes have an answer that parses." in capsys.readouterr().out


def test_an_answer_that_does_not_parse_is_said_to():
    """Fails if the demo counts a broken file as good."""
    result = InfillResult(1, 1, Outcome.FILLED)
    assert not judge(EXAMPLES[0], Answer(("return (",), result, 1.0)).parses


def test_a_picture_tells_masks_new_tokens_and_those_taken_back():
    """Fails if a person who watches cannot see what a step did."""
    snapshot = Snapshot("file:///a.py", "python", 1, "x = \n", 4)
    before = Step(1, 1, (("a", "b", None),), 0, "denoise")
    after = Step(1, 2, (("a", None, "c"),), 1, "repair")
    assert "x = a░░c" == picture.draw(snapshot, Step(1, 2, (("a", None, "c"),), 0, "repair"), before).plain.strip()
    drawn = picture.draw(snapshot, after, before)
    assert "x = a▒▒c" == drawn.plain.strip()
    styles = {drawn.plain[span.start : span.end]: span.style for span in drawn.spans}
    assert ("cyan", "bold red", "bold green") == (styles["a"], styles["▒▒"], styles["c"])


async def test_a_live_picture_ends_with_the_answer():
    """Fails if watching loses the answer or leaves the picture behind."""
    snapshot = Snapshot("file:///a.py", "python", 1, "x = \n", 4)
    expected = Answer(("1",), InfillResult(1, 1, Outcome.FILLED), 1.0)

    async def ask(on_step):
        on_step(Step(1, 1, (("1",),), 0, "denoise"))
        return expected

    console = Console(force_terminal=True, width=60)
    with console.capture() as shown:
        assert expected == await picture.watch(ask, snapshot, console, 0)
    assert "step 1" in shown.get()
