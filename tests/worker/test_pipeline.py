"""From a request to ranked fillings, with a scripted model."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from dlm_lsp.models.denoiser import Denoiser, View, Vocabulary
from dlm_lsp.values import Candidate, Hole, HoleKind, InfillRequest, Outcome, Step, Trigger, Window
from dlm_lsp.worker.lane import DRAW_SEEDS
from dlm_lsp.worker.lengths import DRAWN_TEMPERATURE, SPARE_FACTORS, plan_lanes
from tests.worker.conftest import request_at, run

ADD = "def add(a, b):\n    @@\n\n\nprint(add(1, 2))\n"
ADD_RULE = {"after": "def add(a, b):\n    ", "before": "\n", "answer": "total = a + b\n    return total"}
Make = Callable[..., Denoiser]


class Counting:
    """A denoiser around a denoiser that counts calls, and may act before each."""

    def __init__(self, inner: Any, before_call: Callable[[int], None] = lambda _: None) -> None:
        self.inner, self.calls, self.before_call = inner, 0, before_call
        self.vocabulary, self.tokenizer = inner.vocabulary, inner.tokenizer
        self.max_tokens, self.device = inner.max_tokens, inner.device

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        self.calls += 1
        self.before_call(self.calls)
        return self.inner.predict(views)


def test_fills_a_body(scripted: Make) -> None:
    """Fails if prefix, hole and suffix are put together in another order, or the answer keeps typed characters."""
    result = run(request_at(ADD), scripted(ADD_RULE))
    assert Outcome.FILLED == result.outcome
    assert ("total = a + b\n    return total",) == result.candidates[0].texts
    assert result.candidates[0].parses
    assert (7, 1) == (result.id, result.version)


def test_typed_characters_are_not_repeated(scripted: Make) -> None:
    """Fails if the healed token's typed beginning comes back in the answer."""
    result = run(request_at(ADD.replace("@@", "tot@@")), scripted(ADD_RULE))
    assert ("al = a + b\n    return total",) == result.candidates[0].texts


def test_cursor_in_column_0_gets_the_indentation(scripted: Make) -> None:
    """Fails if a line's start is not healed through the line break, so that the body cannot be indented."""
    result = run(request_at("def add(a, b):\n@@\n\n\nprint(add(1, 2))\n"), scripted(ADD_RULE))
    assert ("    total = a + b\n    return total",) == result.candidates[0].texts


def test_what_does_not_parse_is_masked_again(scripted: Make) -> None:
    """Fails if the syntax has no say, if too much is masked (the draft is said again) or the repair is not judged."""
    rule = {**ADD_RULE, "draft": "total = a + b\n    return total)"}
    request = request_at(ADD)
    plain = run(replace(request, repair_rounds=0), scripted(rule))
    guided = run(request, scripted(rule))
    assert (False, 0) == (plain.candidates[0].parses, plain.candidates[0].rounds)
    assert (True, 1) == (guided.candidates[0].parses, guided.candidates[0].rounds)
    assert ("total = a + b\n    return total",) == guided.candidates[0].texts


def test_no_more_rounds_than_asked_for(scripted: Make) -> None:
    """Fails if a filling that cannot be repaired is tried for ever, or is sent as if it fitted."""
    rule = {**ADD_RULE, "answer": ")" * 40}
    model = Counting(scripted(rule))
    result = run(request_at(ADD, repair_rounds=2), model)
    assert (2, False) == (result.candidates[0].rounds, result.candidates[0].parses)
    assert model.calls == result.candidates[0].steps


def test_cancelled_before_it_starts(scripted: Make) -> None:
    """Fails if a request that nobody waits for costs a model call."""
    model = Counting(scripted(ADD_RULE))
    result = run(request_at(ADD), model, cancelled=lambda: True)
    assert (Outcome.CANCELLED, 0) == (result.outcome, model.calls)


def test_cancelled_between_steps(scripted: Make) -> None:
    """Fails if cancelling is looked at only before or after the whole decode."""
    model = Counting(scripted({**ADD_RULE, "confidence": 0.5}))
    result = run(request_at(ADD), model, cancelled=lambda: model.calls >= 3)
    assert (Outcome.CANCELLED, 3, 3) == (result.outcome, model.calls, result.calls)
    assert () == result.candidates


def test_cancelled_while_the_text_is_judged(scripted: Make) -> None:
    """Fails if a repair, or another length, is begun for somebody who has left meanwhile."""
    model = Counting(scripted({**ADD_RULE, "draft": "total = a + b\n    return total)"}))
    seen: list[Step] = []
    request = request_at(ADD, watch=True)
    result = run(request, model, watch=seen.append, cancelled=lambda: any(step.revoked for step in seen))
    assert Outcome.CANCELLED == result.outcome
    assert [model.calls] == [step.step for step in seen if step.revoked]


class LeftFirst(Counting):
    """Less sure of a row the further right it is."""

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        return [answer * torch.linspace(1, 0.5, len(answer))[:, None] for answer in super().predict(views)]


@pytest.mark.parametrize(("trigger", "texts"), [(Trigger.INVOKED, {"total = a + b"}), (Trigger.ACTION, set())])
def test_late_answers_hold_whole_lines_only(
    scripted: Make, monkeypatch: pytest.MonkeyPatch, trigger: Trigger, texts: set[str]
) -> None:
    """Fails if the deadline is not looked at between steps, half a line is offered, or an action would write half a text."""
    model = LeftFirst(scripted({**ADD_RULE, "confidence": 0.5}))
    done = run(request_at(ADD), model).candidates[0].steps
    said: list[str] = []
    for calls in range(1, done):
        model.calls = 0
        clock = SimpleNamespace(monotonic=lambda: model.calls, perf_counter=time.perf_counter)
        monkeypatch.setattr("dlm_lsp.worker.pipeline.time", clock)
        request = replace(request_at(ADD), deadline_ms=1000 * calls - 500, trigger=trigger)
        late = run(request, model, arrived=0)
        assert (Outcome.LATE, calls) == (late.outcome, model.calls)
        said += [candidate.texts[0] for candidate in late.candidates]
    assert texts == set(said)


def test_a_repair_that_comes_too_late_keeps_what_was_there(scripted: Make) -> None:
    """Fails if a finished text is thrown away because the time ran out while a part of it was decided anew."""
    rule = {**ADD_RULE, "draft": "total = a + b\n    return total)", "confidence": 0.5, "draft_calls": 99}
    model = Counting(scripted(rule))
    plain = run(replace(request_at(ADD), repair_rounds=0), model)
    model.before_call = lambda calls: time.sleep(2 if calls == 2 * plain.candidates[0].steps + 1 else 0)
    late = run(replace(request_at(ADD), deadline_ms=1500), model)
    assert Outcome.FILLED == late.outcome
    assert plain.candidates[0].texts == late.candidates[0].texts
    assert plain.candidates[0].token_confidence == late.candidates[0].token_confidence


@pytest.mark.parametrize("sampler", ["kfold:below=1,share=1", "dual:criterion=confidence,confidence=1,draft_steps=64"])
def test_a_decoder_that_corrects_itself_too_late_keeps_what_was_there(
    scripted: Make, monkeypatch: pytest.MonkeyPatch, sampler: str
) -> None:
    """Fails if a full text is thrown away because the time ran out after a decoder masked parts of it again."""
    model = LeftFirst(scripted({**ADD_RULE, "confidence": 0.5}))
    masks: list[int] = []
    clock = SimpleNamespace(monotonic=lambda: 0 in masks and masks[-1] > 0, perf_counter=time.perf_counter)
    monkeypatch.setattr("dlm_lsp.worker.pipeline.time", clock)
    request = replace(request_at(ADD, watch=True, sampler=sampler, repair_rounds=0), deadline_ms=500)
    found = run(
        request,
        model,
        arrived=0,
        watch=lambda step: masks.append(sum(piece is None for piece in step.pieces[0])),
    )
    assert masks[-1], "the time ran out while it was open"
    assert (Outcome.FILLED, ("total = a + b\n    return total",)) == (found.outcome, found.candidates[0].texts)


def test_typed_characters_are_not_shown_twice(scripted: Make) -> None:
    """Fails if a person watching sees the healed token whole."""
    seen: list[Step] = []
    run(request_at(ADD.replace("@@", "tot@@"), watch=True), scripted(ADD_RULE), watch=seen.append)
    assert "al = a + b\n    return total" == "".join(piece or "" for piece in seen[-1].pieces[0])


def test_nothing_to_say(scripted: Make) -> None:
    """Fails if white space counts as an answer."""
    result = run(request_at("x = 1\n@@\n\ny = 2\n"), scripted())
    assert (Outcome.EMPTY, ()) == (result.outcome, result.candidates)


def test_silence_while_typing_is_an_answer(scripted: Make) -> None:
    """Fails if, unasked, the model is pressed for a text where its answer was that nothing is missing."""
    model = Counting(scripted())
    silent = run(replace(request_at("x = 1\n@@\n\ny = 2\n"), trigger=Trigger.AUTOMATIC), model)
    calls = model.calls
    run(request_at("x = 1\n@@\n\ny = 2\n"), model)
    assert (Outcome.EMPTY, ()) == (silent.outcome, silent.candidates)
    assert calls < model.calls - calls


def test_candidates_differ(scripted: Make) -> None:
    """Fails if repeated texts are kept, or if the alternatives are not asked for."""
    rule = {**ADD_RULE, "answer": "return a + b", "alternatives": ["return b + a", "return a + b"]}
    result = run(request_at(ADD, candidates=4), scripted(rule))
    assert {("return a + b",), ("return b + a",)} == {candidate.texts for candidate in result.candidates}


def test_what_fits_comes_first(scripted: Make) -> None:
    """Fails if candidates are ranked by confidence alone."""
    rule = {**ADD_RULE, "answer": "return (a + b", "alternatives": ["return b + a"]}
    result = run(request_at(ADD, candidates=2, repair_rounds=0), scripted(rule))
    assert [True, False] == [candidate.parses for candidate in result.candidates]


def test_same_seed_same_answer(scripted: Make) -> None:
    """Fails if a generator is shared between lanes or requests."""
    rule = {**ADD_RULE, "confidence": 0.6}
    request = request_at(ADD, candidates=3, temperature=1.5, seed=5)
    first, second = (run(request, scripted(rule)) for _ in range(2))
    assert first.candidates == second.candidates


@pytest.mark.parametrize("seed", [2**63 - 1, -(2**63)])
def test_any_seed_will_do(scripted: Make, seed: int) -> None:
    """Fails if a seed that the settings allow is out of the generator's range."""
    assert Outcome.FILLED == run(request_at(ADD, seed=seed), scripted(ADD_RULE)).outcome


def test_a_hole_that_grows_stays_on_the_canvas(scripted: Make) -> None:
    """Fails if only the first length of a hole is kept free, and what it grows by exceeds what the model takes."""
    model = Counting(scripted({**ADD_RULE, "answer": "return a" + " + b" * 20}))
    model.max_tokens = 200
    lengths: list[int] = []
    predict = model.predict

    def watch_lengths(views: Sequence[View]) -> list[Tensor]:
        lengths.extend(len(view.tokens) for view in views)
        return predict(views)

    model.predict = watch_lengths  # type: ignore[method-assign]
    text = "x = 1\n" * 100 + ADD + "y = 2\n" * 100
    result = run(request_at(text, max_hole_tokens=100, max_window_tokens=600), model)
    assert ("return a" + " + b" * 20,) == result.candidates[0].texts
    assert 180 < max(lengths) <= 200


def test_several_holes_in_one_request(scripted: Make) -> None:
    """Fails if a hole's text lands in another, or the text between them is lost."""
    rules = [
        {"after": "def one():\n    ", "before": "\n\n\ndef", "answer": "return 1"},
        {"after": "def two():\n    ", "before": "\n", "answer": "return 1 + 1"},
    ]
    hole = Hole(HoleKind.BODY, indent="    ", typed_indent="    ")
    prefix, between, suffix = "def one():\n    ", "\n\n\ndef two():\n    ", "\n"
    request = InfillRequest(
        id=1,
        version=1,
        language="python",
        window=Window(prefix, suffix, (between,)),
        holes=(hole, hole),
        slice_prefix=prefix,
        slice_suffix=suffix,
    )
    result = run(request, scripted(*rules))
    assert ("return 1", "return 1 + 1") == result.candidates[0].texts
    assert result.candidates[0].parses


def test_tokens_with_their_texts(scripted: Make) -> None:
    """Fails if it cannot be said which part of an answer the model was unsure of, or typed characters count as the answer."""
    rule = {"after": "def add(a, b):\n    ", "before": "\n", "answer": "return alpha + '😀'", "confidence": 0.6}
    for typed in ("", "return al"):
        (found,) = run(request_at(f"def add(a, b):\n    {typed}@@\n"), scripted(rule)).candidates
        (texts,) = found.token_texts
        assert found.texts == ("".join(texts).rstrip(),)
        assert found.texts == ("return alpha + '😀'"[len(typed) :],)
        assert len(texts) == len(found.token_confidence)
    stubs = request_at("def f():\n    @@\n")
    window = Window("def f():\n    ", "\n", ("\ndef add(a, b):\n    ",))
    request = replace(stubs, window=window, holes=stubs.holes * 2, slice_prefix=window.prefix, slice_suffix="\n")
    first = {"after": "def f():\n    ", "before": "\n", "answer": "x = 1"}
    (found,) = run(request, scripted(first, rule)).candidates
    assert ["x = 1", "return alpha + '😀'"] == ["".join(texts).rstrip() for texts in found.token_texts]
    assert sum(map(len, found.token_texts)) == len(found.token_confidence)


def test_a_code_action_tries_lengths_around_what_stood_there(scripted: Make) -> None:
    """Fails if the first lane is not of the hint's length, or others do not vary around it."""
    request = request_at("def f():\n    @@\n", candidates=4, max_hole_tokens=40)
    request = replace(request, trigger=Trigger.ACTION, holes=(replace(request.holes[0], hint_tokens=20),))
    plans = plan_lanes(request, scripted().vocabulary)
    assert [(20,), (10,), (20,), (30,)] == [plan.lengths for plan in plans[:4]]
    assert [(20,), (30,), (20,), (10,)] == [plan.growth for plan in plans[:4]]
    assert [0.0, 0.7, 0.7, 0.7] == [plan.temperature for plan in plans[:4]]


def test_seeds_matter(scripted: Make) -> None:
    """Fails if the seed of a request is not used, or all drawn candidates use the same one."""
    rule = {**ADD_RULE, "confidence": 0.3}
    request = request_at(ADD, candidates=2, temperature=2.0, repair_rounds=0)
    first, second = (run(replace(request, seed=seed), scripted(rule)) for seed in (1, 2))
    assert first.candidates != second.candidates


def test_the_threshold_is_the_requests(scripted: Make) -> None:
    """Fails if a user who wants speed, or care, gets the default."""
    model = scripted({**ADD_RULE, "confidence": 0.5})
    quick, slow = (run(request_at(ADD, threshold=value, repair_rounds=0), model) for value in (0.3, 0.9))
    assert quick.candidates[0].steps < slow.candidates[0].steps / 2


def test_of_those_that_fit_the_surest_comes_first(scripted: Make) -> None:
    """Fails if the order is that of the lanes or turned round."""
    answers = {"answer": "return a + b", "alternatives": ["return b + a", "return a - b"]}
    result = run(request_at(ADD, candidates=3), scripted({**ADD_RULE, **answers}))
    sure = [candidate.mean_logprob for candidate in result.candidates]
    assert len(sure) == 3
    assert sorted(sure, reverse=True) == sure


def test_a_second_hole_goes_on_with_what_was_typed(scripted: Make) -> None:
    """Fails if what was typed before one hole binds another one, or is not stripped from its own answer."""
    rules = [
        {"after": "one = ", "before": "\ntwo", "answer": "first"},
        {"after": "two = ", "before": "\n", "answer": "second"},
    ]
    hole = Hole(HoleKind.REST, max_lines=1, hint_tokens=4)
    window = Window("one = ", "\n", ("\ntwo = sec",))
    request = InfillRequest(1, 1, "python", window, (hole, hole), "one = ", "\n", deadline_ms=60_000)
    assert ("first", "ond") == run(request, scripted(*rules)).candidates[0].texts


@pytest.mark.parametrize("special", ["<|mask|>", "<|endoftext|>", "<|expand|>", "<|pad|>"])
def test_special_tokens_in_the_users_text_are_text(scripted: Make, special: str) -> None:
    """Fails if a mask in a string of the user's becomes a hole, or ends the text."""
    rule = {"after": f'{special}"\nx = ', "before": "\n", "answer": "1"}
    result = run(request_at(f'S = "{special}"\nx = @@\n'), scripted(rule))
    assert ("1",) == result.candidates[0].texts


def test_watching_sees_every_step(scripted: Make) -> None:
    """Fails if a step is not shown, or a repair is shown as an ordinary step."""
    seen: list[Step] = []
    rule = {**ADD_RULE, "draft": "total = a + b\n    return total)"}
    result = run(request_at(ADD, watch=True), scripted(rule), watch=seen.append)
    assert {"denoise", "repair"} == {step.stage for step in seen}
    assert result.candidates[0].steps == seen[-1].step
    assert any(step.revoked for step in seen)
    assert "total = a + b\n    return total" == "".join(piece or "?" for piece in seen[-1].pieces[0])


def test_a_step_says_why_tokens_were_taken_back(scripted: Make) -> None:
    """Fails if the reason stands at another token than the one that the parser complains of, or stays there afterwards."""
    seen: list[Step] = []
    rule = {**ADD_RULE, "draft": "total = a + b\n    return total)"}
    result = run(request_at(ADD, watch=True), scripted(rule), watch=seen.append)
    repair = next(number for number, step in enumerate(seen) if step.revoked)
    reasons = {slot.name: slot.taken_back for slot in seen[repair].slots[0] if slot.taken_back}
    assert seen[repair].revoked == len(reasons)
    texts = {slot.name: slot.text for slot in seen[repair - 1].slots[0]}
    assert {")"} == {texts[name] for name, reason in reasons.items() if "unmatched" in reason}
    assert not any(slot.taken_back for step in seen[repair + 1 :] for slot in step.slots[0])
    assert [0, 1] == sorted({step.round for step in seen})
    assert result.candidates[0].lane == seen[-1].lane


@pytest.mark.parametrize("rounds", [0, 2])
def test_a_broken_line_is_masked_again_before_the_hole_is_full(scripted: Make, rounds: int) -> None:
    """Fails if a long hole is filled to its end before anybody looks, or is looked at where guidance is off."""
    answer = (
        "total = a + b\n    for number in range(total):\n        print(number)\n    total = total + 1\n    return total"
    )
    rule = {
        **ADD_RULE,
        "answer": answer,
        "draft": answer.replace("a + b", "a + b)"),
        "draft_calls": 24,
        "confidence": 0.6,
    }
    seen: list[Step] = []
    request = request_at(ADD, watch=True, repair_rounds=rounds, sampler="left_to_right")
    result = run(request, scripted(rule), watch=seen.append)
    early = [n for n, step in enumerate(seen) if step.revoked and None in seen[n - 1].pieces[0]]
    assert bool(rounds) == bool(early)
    assert bool(rounds) == (result.candidates[0].texts == (answer,))
    assert bool(rounds) == result.candidates[0].parses


@pytest.mark.parametrize("trace", [False, True])
def test_a_trace_shows_all_lanes_and_what_was_believed(scripted: Make, *, trace: bool) -> None:
    """Fails if the steps of the lane that is answered are missing, or if being traced changes the answer."""
    seen: list[Step] = []
    rule = {**ADD_RULE, "alternatives": ["return a - b"], "confidence": 0.6}
    request = replace(request_at(ADD, watch=True, candidates=2), trace=trace)
    result = run(request, scripted(rule), watch=seen.append)
    untraced = run(request_at(ADD, candidates=2), scripted(rule))
    assert [each.texts for each in untraced.candidates] == [each.texts for each in result.candidates]
    assert ([0, 1] if trace else [0]) == [step.lane for step in seen if step.step == 1]
    chosen = [slot for step in seen if step.lane == 0 for slot in step.slots[0] if slot.text is not None]
    assert trace == any(slot.guess == slot.text and slot.guess_share for slot in chosen)
    for candidate in result.candidates if trace else ():
        last = [step for step in seen if step.lane == candidate.lane][-1]
        assert "".join(candidate.token_texts[0]) == "".join(piece or "" for piece in last.pieces[0])


def test_a_checkpoint_whose_holes_keep_their_length_is_tried_at_several(scripted: Make) -> None:
    """Fails if a model without expand and delete tokens is asked at one length only."""
    model = Counting(scripted({**ADD_RULE, "answer": "return a + b + 1 + 2 # "}))
    model.vocabulary = replace(model.vocabulary, expand_id=None, delete_id=None)
    lengths: set[int] = set()
    predict = model.predict

    def watch_lengths(views: Sequence[View]) -> list[Tensor]:
        lengths.update(len(view.rows) for view in views)
        return predict(views)

    model.predict = watch_lengths  # type: ignore[method-assign]
    run(request_at(ADD, repair_rounds=0), model)
    assert {8, 16, 32, 64} <= lengths


def test_a_name_that_nothing_binds_is_masked_again(scripted: Make) -> None:
    """Fails if names have no say, if what the slice binds elsewhere is taken for unbound, or if they make an answer unfit."""
    rule = {**ADD_RULE, "answer": "return a + b", "draft": "return a + c"}
    request = request_at("import os\n" + ADD)
    assert ("return a + b",) == run(request, scripted(rule)).candidates[0].texts
    known = run(replace(request, known_names=("c",)), scripted(rule)).candidates[0]
    assert (("return a + c",), 0) == (known.texts, known.rounds)
    stubborn = run(request, scripted({**rule, "draft_calls": 99})).candidates[0]
    assert (True, 2) == (stubborn.parses, stubborn.rounds)


class Worsening(Counting):
    """Says nothing but brackets from some call on."""

    good_calls = 0

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        answers = super().predict(views)
        if self.calls > self.good_calls:
            for answer in answers:
                answer[:, self.tokenizer.encode("]")[0]] = 20.0
        return answers


def test_the_best_of_all_rounds_is_kept(scripted: Make) -> None:
    """Fails if the last repair is sent although it is worse than what it repaired."""
    model = Worsening(scripted({**ADD_RULE, "answer": "total = a + b\n    return (total"}))
    model.good_calls = 99
    plain = run(request_at(ADD, repair_rounds=0), model).candidates[0]
    model.good_calls, model.calls = plain.steps, 0
    repaired = run(request_at(ADD), model).candidates[0]
    assert repaired.rounds == 2
    assert not repaired.parses
    assert (plain.texts, plain.token_confidence) == (repaired.texts, repaired.token_confidence)


def test_spare_lanes_are_drawn_also_where_candidates_are_not() -> None:
    """Fails if, at temperature 0, the model says again what did not fit."""
    vocabulary = Vocabulary(9, 1, torch.zeros(9, dtype=torch.bool), 2, 3)
    plans = plan_lanes(request_at(ADD, temperature=0.0), vocabulary)
    assert [0.0, *[DRAWN_TEMPERATURE] * len(SPARE_FACTORS)] == [plan.temperature for plan in plans]


class Noting(Counting):
    """Notes how many canvases it is asked about at a time."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.asked: list[int] = []

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        self.asked.append(len(views))
        return super().predict(views)


class OnlyTogether(LeftFirst):
    """Says nothing but brackets in the first canvas."""

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        answers = super().predict(views)
        for view, answer in zip(views, answers, strict=True):
            for bracket, logit in (("]", 40.0), (")", 30.0)) if view.lane == 0 else ():
                answer[:, self.tokenizer.encode(bracket)[0]] = logit
        return answers


@pytest.mark.parametrize("trigger", [Trigger.AUTOMATIC, Trigger.INVOKED, Trigger.ACTION])
def test_lanes_that_are_late_together_leave_the_best_that_there_is(
    scripted: Make, monkeypatch: pytest.MonkeyPatch, trigger: Trigger
) -> None:
    """Fails if lanes of other lengths, when time runs out for all at once, take the first one's text away, or give away what fits.

    Or if that there was too little time is not said: who is told that there is nothing to say here does not ask again.
    """
    model = OnlyTogether(scripted({**ADD_RULE, "confidence": 0.5}))
    clock = SimpleNamespace(monotonic=lambda: model.calls, perf_counter=time.perf_counter)
    monkeypatch.setattr("dlm_lsp.worker.pipeline.time", clock)
    request = replace(request_at(ADD, repair_rounds=1, cache="none"), trigger=trigger)
    cut: list[Candidate] = []
    late: list[bool] = []
    for calls in range(4, 40):
        model.calls = 0
        found = run(replace(request, deadline_ms=1000 * calls - 500), model, arrived=0)
        assert 1 == len(found.candidates), "the first one's text has been there since the first call"
        late.append(found.outcome is Outcome.LATE)
        cut += [candidate for candidate in found.candidates if late[-1] and candidate.parses]
    assert any(late)
    assert not late[-1]
    assert (trigger is not Trigger.ACTION) == bool(cut)
    assert all(candidate.lane for candidate in cut)


def test_lanes_of_other_lengths_are_tried_at_once_and_only_where_nothing_fits(scripted: Make) -> None:
    """Fails if what does not fit costs the calls of one lane after the other, or what fits costs those of any other lane."""
    model = Noting(Worsening(scripted(ADD_RULE)))
    run(request_at(ADD), model)
    assert {1, 1 + len(SPARE_FACTORS)} <= set(model.asked)
    model = Noting(scripted(ADD_RULE))
    run(request_at(ADD), model)
    assert {1} == set(model.asked)


def test_what_fits_does_not_wait_for_lanes_that_are_not_full(scripted: Make) -> None:
    """Fails if the model is asked about other lanes when one fits, or if who wants several answers gets only the first."""
    wrong = ["return (a + b" + " + a" * more for more in range(3)]
    model = Noting(scripted({**ADD_RULE, "answer": wrong[0], "alternatives": ["return a", *wrong[1:]]}))
    answer = run(request_at(ADD, sampler="left_to_right"), model)
    assert answer.candidates[0].parses
    assert model.asked[-1] > 1
    model.asked.clear()
    run(request_at(ADD, sampler="left_to_right", candidates=2), model)
    assert 1 == model.asked[-1]


class NothingFirst(Counting):
    """Says nothing but brackets in the first canvas, and nothing but blanks in the shortest."""

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        answers = super().predict(views)
        for view, answer in zip(views, answers, strict=True):
            if text := {0: ")", len(SPARE_FACTORS): "\n    "}.get(view.lane):
                answer[:, self.tokenizer.encode(text)[0]] = 40.0
        return answers


@pytest.mark.parametrize("trigger", list(Trigger))
def test_nothing_to_say_does_not_end_the_search(scripted: Make, trigger: Trigger) -> None:
    """Fails if a lane of another length that has nothing to say is full first, and keeps one from being heard that has."""
    marked = ADD.replace("@@", "a += 1\n    @@")
    rule = {**ADD_RULE, "after": marked.partition("@@")[0]}
    request = replace(request_at(marked, sampler="left_to_right"), trigger=trigger)
    answer = run(request, NothingFirst(scripted(rule)))
    assert [True] == [candidate.parses for candidate in answer.candidates]


class Nameless(LeftFirst):
    """Says in the first canvas nothing but brackets, in the shortest nothing but a name that nothing binds."""

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        answers = super().predict(views)
        for view, answer in zip(views, answers, strict=True):
            if text := {0: ")", len(SPARE_FACTORS): "unbound"}.get(view.lane):
                answer[:, self.tokenizer.encode(text)[0]] = 40.0
        return answers


def test_a_name_that_nothing_binds_wins_no_race(scripted: Make) -> None:
    """Fails if a short lane with such a name ends the search before the others are full."""
    rule = {**ADD_RULE, "alternatives": ["return unbound"]}
    answer = run(request_at(ADD, sampler="left_to_right", repair_rounds=1), Nameless(scripted(rule)))
    assert "unbound" not in answer.candidates[0].texts[0]


def test_a_trace_shows_lanes_of_other_lengths_from_their_start(scripted: Make) -> None:
    """Fails if their first picture has tokens in it, which then nobody has written."""
    seen: list[Step] = []
    wrong = ["return (a + b" + " + a" * more for more in range(4)]
    model = scripted({**ADD_RULE, "answer": wrong[0], "alternatives": wrong[1:]})
    run(replace(request_at(ADD, watch=True), trace=True), model, watch=seen.append)
    firsts = {step.lane: step for step in reversed(seen)}
    assert set(range(1 + len(SPARE_FACTORS))) == firsts.keys()
    assert all(piece is None for step in firsts.values() for piece in step.pieces[0])


def test_only_lanes_that_start_at_the_hint_are_cut() -> None:
    """Fails if the lanes of other lengths come to the length of the first, or the first goes through rows that are too many."""
    vocabulary = Vocabulary(9, 1, torch.zeros(9, dtype=torch.bool), 2, 3)
    plans = plan_lanes(request_at(ADD, candidates=3), vocabulary)
    assert [True, False, False, *[False] * len(SPARE_FACTORS)] == [plan.cuts for plan in plans]


def test_draws_tell_whether_the_model_would_say_the_same_again(scripted: Make) -> None:
    """Fails if draws are candidates, if more than the first statement is compared, or if none are drawn."""
    rule = {**ADD_RULE, "answer": "y = f(a,\n          b)\n    return y"}
    same = {
        **rule,
        "alternatives": ["y = f(a,\n          b)\n    return 1", "y = g(a)\n    return y", "y = f(a,\n          b); z"],
    }
    request = replace(request_at("f = 1\n" + ADD), trigger=Trigger.AUTOMATIC, draws=3, temperature=0.0)
    result = run(request, scripted({**same, "answer": rule["answer"]}))
    assert [("y = f(a,\n          b)\n    return y",)] == [each.texts for each in result.candidates]
    assert 2 == result.candidates[0].agreeing
    assert 0 == run(replace(request, draws=0), scripted(same)).candidates[0].agreeing


def test_draws_are_never_masked_again(scripted: Make) -> None:
    """Fails if what is drawn only to compare is repaired, also before it is full: then it agrees because it was made to."""
    lines = (
        "total = a + b\n    for number in range(total):\n        print(number)\n    total = total + 1\n    return total"
    )
    rule = {**ADD_RULE, "answer": lines, "alternatives": [lines.replace("a + b", "a + b)")]}
    request = replace(
        request_at(ADD, watch=True, sampler="left_to_right"), trigger=Trigger.AUTOMATIC, draws=1, trace=True
    )
    seen: list[Step] = []
    run(request, scripted(rule), watch=seen.append)
    drawn = [step for step in seen if step.lane >= DRAW_SEEDS]
    assert drawn
    assert not any(step.revoked for step in drawn)


def test_all_may_be_drawn(scripted: Make) -> None:
    """Fails if who wants another answer gets the greedy one again, whatever the seed."""
    model = scripted({**ADD_RULE, "confidence": 0.6})
    request = request_at(ADD, temperature=1.5, repair_rounds=0)
    greedy = {run(replace(request, seed=seed), model).candidates[0].texts for seed in range(3)}
    drawn = {run(replace(request, seed=seed, greedy=False), model).candidates[0].texts for seed in range(3)}
    assert 1 == len(greedy) < len(drawn)


def test_the_time_of_every_stage_is_its_own(scripted: Make) -> None:
    """Fails if the model's time counts as the sampler's, or what a watcher and the judge need as decoding."""
    pause_s = 0.02
    model = scripted(ADD_RULE, step_ms=1000 * pause_s)
    request = request_at(ADD, watch=True, sampler="left_to_right")
    result = run(request, model, watch=lambda _: time.sleep(pause_s))
    spent = result.spent_ms
    least_ms = result.calls * pause_s * 1000
    assert result.calls > 1
    assert least_ms <= spent["forward"]
    assert least_ms <= spent["guide"]
    assert 0 < spent["sampler"]
    assert spent["denoise"] == pytest.approx(spent["forward"] + spent["sampler"])
    assert spent["encode"] + spent["denoise"] + spent["guide"] <= spent["total"]
