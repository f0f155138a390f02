"""The scripted model: decoded by the real loop, it says what its script says, wherever the hole stands."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlm_lsp.errors import ModelError
from dlm_lsp.models.denoiser import View
from dlm_lsp.models.folders import model_hash
from dlm_lsp.models.loading import load
from dlm_lsp.models.scripted import DELETE, EXPAND, MASK, Rule, ScriptedDenoiser
from dlm_lsp.sampling.canvas import Canvas, Move, join
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.samplers.threshold import Threshold

ADD = Rule("def add(a, b):\n    ", "return a + b  # naïve", before="\n")
MUL = Rule("def mul(a, b):\n    ", "return a * b", before="\n")


def lay(model: ScriptedDenoiser, parts: list[str], lengths: list[int], budget: int = 64) -> Canvas:
    """Texts with holes between them."""
    encoded = [model.tokenizer.encode(part) for part in parts]
    return join(encoded, lengths, [budget] * len(lengths), model.vocabulary.mask_id)


def decode(model: ScriptedDenoiser, *canvases: Canvas) -> list[Canvas]:
    """Run the loop to its end."""
    samplers = [Threshold()] * len(canvases)
    done = list(canvases)
    for canvases_now in denoise(canvases, model, samplers, [torch.Generator()] * len(canvases)):
        done = list(canvases_now)
    return done


def texts(model: ScriptedDenoiser, canvas: Canvas) -> list[str]:
    """What stands in the holes."""
    return [model.tokenizer.decode(canvas.hole_tokens(hole)) for hole in range(len(canvas.budget))]


def mask_again(canvas: Canvas, *places: int) -> Canvas:
    """Take back some rows of the only hole."""
    rows = torch.zeros(len(canvas.tokens), dtype=torch.bool)
    rows[canvas.holes.nonzero().flatten()[list(places)]] = True
    return canvas.apply(Move(torch.zeros_like(rows), canvas.tokens, canvas.confidence, revoke=rows))


@pytest.mark.parametrize("length", [1, 2, 5, 9, 40])
def test_the_hole_grows_and_shrinks_to_the_answer(length: int) -> None:
    """Fails when surplus slots do not delete themselves, or missing ones are not asked for."""
    model = ScriptedDenoiser([ADD])
    (canvas,) = decode(model, lay(model, [ADD.after, "\n\nx = 1\n"], [length]))
    assert texts(model, canvas) == [ADD.answer]


def test_a_typed_beginning_is_not_repeated() -> None:
    """Fails when the user types into the answer and gets it whole again."""
    model = ScriptedDenoiser([ADD])
    (canvas,) = decode(model, lay(model, [ADD.after + "ret", "\n"], [6]))
    assert texts(model, canvas) == ["urn a + b  # naïve"]


def test_a_piece_taken_back_is_said_again() -> None:
    """Fails when token healing moves the hole into `after`, and the rule no longer speaks."""
    model = ScriptedDenoiser([ADD])
    (canvas,) = decode(model, lay(model, ["def add(a, b):", "\n"], [12]))
    assert texts(model, canvas) == ["\n    return a + b  # naïve"]


def test_several_holes_have_a_rule_each() -> None:
    """Fails when one hole's answer ends up in another."""
    model = ScriptedDenoiser([ADD, MUL])
    (canvas,) = decode(model, lay(model, ["# x\n" + MUL.after, "\n\n" + ADD.after, "\n"], [9, 3]))
    assert texts(model, canvas) == [MUL.answer, ADD.answer]


def test_several_canvases_in_one_call() -> None:
    """Fails when views of different lengths get each other's answer."""
    model = ScriptedDenoiser([ADD, MUL])
    canvases = decode(model, lay(model, [MUL.after, "\n"], [3]), lay(model, [ADD.after, "\n"], [20]))
    assert [texts(model, canvas) for canvas in canvases] == [[MUL.answer], [ADD.answer]]


def test_alternatives_go_to_further_canvases() -> None:
    """Fails when every candidate is the same, or canvases of other lengths get each other's."""
    model = ScriptedDenoiser(
        [Rule(ADD.after, "return a + b", "\n", alternatives=("return b + a", "return sum((a, b))"))]
    )
    canvases = decode(model, *[lay(model, [ADD.after, "\n"], [length]) for length in (7, 20, 12)])
    assert [texts(model, canvas)[0] for canvas in canvases] == ["return a + b", "return b + a", "return sum((a, b))"]
    sure = [round(float(canvas.confidence[canvas.holes].min()), 3) for canvas in canvases]
    assert sure == [0.99, 0.97, 0.951]  # ranked in the script's order


@pytest.mark.parametrize("places", [(0,), (2, 3), (0, 4), (1, 3, 6), (6,), tuple(range(7))])
def test_gaps_in_an_answer_are_filled_again(places: tuple[int, ...]) -> None:
    """Fails when what a repair left standing is said twice."""
    model = ScriptedDenoiser([MUL])
    (canvas,) = decode(model, lay(model, [MUL.after, "\n"], [7]))
    (repaired,) = decode(model, mask_again(canvas, *places))
    assert texts(model, repaired) == [MUL.answer]


def test_a_draft_is_repaired() -> None:
    """Fails when the mistake does not come first, or comes again."""
    model = ScriptedDenoiser([Rule(MUL.after, "return a * b", "\n", draft="return a *")])
    (canvas,) = decode(model, lay(model, [MUL.after, "\n"], [8]))
    assert texts(model, canvas) == ["return a *"]
    (repaired,) = decode(model, mask_again(canvas, 3, 4))
    assert texts(model, repaired) == ["return a * b"]
    (again,) = decode(model, lay(model, [MUL.after, "\n"], [8]))
    assert texts(model, again) == ["return a *"]


def test_without_a_rule_nothing_is_said() -> None:
    """Fails when the model invents something; a hole keeps one row, so a blank remains."""
    model = ScriptedDenoiser([ADD])
    (canvas,) = decode(model, lay(model, ["somewhere else = ", "\n"], [6]))
    assert texts(model, canvas)[0].strip() == ""


def test_the_default_speaks_where_no_rule_does() -> None:
    """Fails when `default` is ignored, or comes before a rule."""
    model = ScriptedDenoiser([ADD], default="pass")
    canvases = decode(model, lay(model, ["if x:\n    ", "\n"], [6]), lay(model, [ADD.after, "\n"], [6]))
    assert [texts(model, canvas) for canvas in canvases] == [["pass"], [ADD.answer]]


def test_before_must_stand_behind() -> None:
    """Fails when a rule speaks at a place that its `before` rules out."""
    model = ScriptedDenoiser([Rule("f(x", ", y", before=")"), Rule("f(x", ") + 1", before="\n")])
    canvases = decode(model, lay(model, ["f(x", ")\n"], [4]), lay(model, ["f(x", "\n"], [4]))
    assert [texts(model, canvas)[0] for canvas in canvases] == [", y", ") + 1"]


def test_confidence_is_the_probability_of_the_token() -> None:
    """Fails when samplers with a threshold see another number than the script says."""
    model = ScriptedDenoiser([Rule("x = ", "1", confidence=0.7)])
    tokens = torch.tensor([*model.tokenizer.encode("x = "), MASK, MASK])
    chances = model.predict([View(tokens, torch.arange(len(tokens)))])[0].softmax(-1)  # [L, V]
    assert chances[-2, ord("1")].item() == pytest.approx(0.7, abs=1e-5)
    assert chances[-1, DELETE].item() == pytest.approx(0.7, abs=1e-5)
    assert chances[0, ord("x")].item() > 0.9


def test_expand_is_said_by_the_last_mask_only() -> None:
    """Fails when a hole that is too short asks for more than one row at once, or says nothing."""
    model = ScriptedDenoiser([ADD])
    canvas = lay(model, [ADD.after, "\n"], [3])
    said = model.predict([View(canvas.tokens, canvas.rows)])[0].argmax(-1).tolist()
    assert said.count(EXPAND) == 1
    assert said[-1] == EXPAND
    assert model.tokenizer.decode(said) == "return "


def test_a_hole_that_may_not_grow_goes_on_with_the_answer() -> None:
    """Fails when a spent budget makes the model say a NUL."""
    model = ScriptedDenoiser([MUL])
    (canvas,) = decode(model, lay(model, [MUL.after, "\n"], [3], budget=0))
    assert texts(model, canvas) == ["return a"]


@given(answer=st.text(st.characters(exclude_categories=["Cs"]), max_size=40), length=st.integers(1, 12))
def test_any_answer_is_said(answer: str, length: int) -> None:
    """Fails when some character cannot be said, or is said twice."""
    model = ScriptedDenoiser([Rule("left ⟨a⟩", answer, before="⟨b⟩")])
    (canvas,) = decode(model, lay(model, ["left ⟨a⟩", "⟨b⟩ right"], [length]))
    said = texts(model, canvas)[0]
    assert answer == (said if answer else said.strip())


def test_a_script_is_a_file(tmp_path: Path) -> None:
    """Fails when `scripted:FILE` is not understood, or two scripts have one hash."""
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"rules": [{"after": "x = ", "answer": "1"}], "default": "pass", "step_ms": 1}))
    model = load(f"scripted:{script}")
    assert isinstance(model, ScriptedDenoiser)
    (canvas,) = decode(model, lay(model, ["x = ", "\n"], [2]))
    assert texts(model, canvas) == ["1"]
    before = model_hash(f"scripted:{script}")
    script.write_text(script.read_text().replace('"1"', '"2"'))
    assert before != model_hash(f"scripted:{script}")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "the script is not an object"),
        ("{}", "the script lacks 'rules'"),
        ('{"rules": [], "colour": 1}', "unknown key 'colour'"),
        ('{"rules": {}}', "'rules' that is not of type list"),
        ('{"rules": [], "step_ms": true}', "'step_ms' that is not of type float"),
        ('{"rules": ["x"]}', "rule 1 is not an object"),
        ('{"rules": [{"after": "x"}]}', "rule 1 lacks 'answer'"),
        ('{"rules": [{"after": "", "answer": ""}]}', "rule 1 has an empty 'after'"),
        ('{"rules": [{"after": "x", "answer": "", "confidence": 1}]}', "not between 0 and 1"),
        ('{"rules": [{"after": "x", "answer": "", "alternatives": [1]}]}', "'alternatives' that are no texts"),
        ('{"rules": [{"after": "x", "answer": "", "draft": "y"}]}', "needs 'before'"),
    ],
)
def test_a_script_that_is_none(script: str, words: str, tmp_path: Path) -> None:
    """Fails when a mistake in a script ends in a stack trace or is passed over."""
    (tmp_path / "script.json").write_text(script)
    with pytest.raises(ModelError, match=words):
        load(f"scripted:{tmp_path / 'script.json'}")
