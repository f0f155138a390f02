"""Caches: what is computed and what is kept, and that nothing is ever kept that has changed."""

import dataclasses
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from dlm_lsp.decoders import CACHES, read_cache
from dlm_lsp.errors import SettingsError
from dlm_lsp.models.cached import (
    RULES,
    Cached,
    DkvDecode,
    DkvGreedy,
    Dual,
    Hole,
    Last,
    Now,
    Prefix,
    Rule,
    changed_rows,
    with_cache,
)
from dlm_lsp.models.denoiser import View, Vocabulary
from dlm_lsp.models.dream import DreamConfig, DreamModel
from dlm_lsp.models.kept_context import Contexts
from dlm_lsp.models.llada import LladaConfig, LladaModel
from dlm_lsp.models.scripted import Rule as Script
from dlm_lsp.models.scripted import ScriptedDenoiser
from dlm_lsp.models.transformer import Again, NetworkDenoiser
from tests.models.spied import Spied
from tests.sampling.mutants import mutant

MASK, VOCAB = 19, 20
NEVER = 10_000
LAZY = [Prefix(), Dual(), DkvDecode(NEVER), DkvDecode(NEVER, "un_right"), DkvGreedy(NEVER, 2), Hole(NEVER, 1)]
"""Every rule, refreshing as seldom as it can."""
EAGER = [DkvDecode(1), DkvDecode(1, faithful=True), DkvGreedy(1), Hole(1), Hole(NEVER, 0)]
"""Every rule that refreshes by itself, as often as it can; a share of 0 where something changes at every call."""


def make(family: str, layers: int = 2) -> Spied:
    """A random network in float64 whose answers are far from uniform."""
    dream = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": layers, "num_attention_heads": 2}
    llada = {"d_model": 16, "mlp_hidden_size": 32, "n_layers": layers, "n_heads": 2}
    if family == "dream":
        network = DreamModel(DreamConfig.from_json({"vocab_size": VOCAB, "num_key_value_heads": 1, **dream}))
    else:
        network = LladaModel(LladaConfig.from_json({"vocab_size": VOCAB, **llada}))
    generator = torch.Generator().manual_seed(2)
    for name, parameter in network.named_parameters():
        if "norm" not in name and "ln_f" not in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.6
    return Spied(NetworkDenoiser(network.double(), Vocabulary(VOCAB, MASK, torch.arange(VOCAB) == MASK), None))


@pytest.fixture(params=["dream", "llada"])
def inner(request) -> Spied:
    """A network of two layers of each family."""
    return make(request.param)


def ask(before: list[int], hole: list[int], behind: list[int], lane: int = 0) -> View:
    """A canvas with one hole, M for a mask; its rows are wanted."""
    tokens = torch.tensor([*before, *hole, *behind])
    return View(tokens, torch.arange(len(before), len(before) + len(hole)), lane=lane)


M = MASK
BEFORE, BEHIND = [1, 2, 3, 4], [5, 6, 7]
START = ask(BEFORE, [M] * 6, BEHIND)


def write(view: View, **tokens: int) -> View:
    """The view with tokens at places such as r4."""
    changed = view.tokens.clone()
    for place, token in tokens.items():
        changed[int(place[1:])] = token
    return replace(view, tokens=changed)


def focus(view: View, *rows: int) -> View:
    """The view with a block."""
    marked = torch.zeros(len(view.tokens), dtype=torch.bool)
    marked[list(rows)] = True
    return replace(view, focus=marked)


def distance(one: Tensor, other: Tensor) -> float:
    """The largest difference."""
    return float((one - other).abs().max())


def walk() -> list[View]:
    """Calls of a decode that commits, and takes back what it has committed."""
    first = write(START, r5=8)
    second = write(first, r4=9, r7=10)
    third = write(second, r5=M)
    return [START, first, second, third, write(third, r5=11, r6=12, r8=13)]


@pytest.mark.parametrize("rule", EAGER)
def test_refreshing_at_every_call_is_no_cache(inner: Spied, rule: Rule) -> None:
    """Fails if anything old is used where everything is computed again."""
    cached = Cached(inner, rule)
    for view in walk():
        assert distance(inner.predict([view])[0], cached.predict([view])[0]) <= 1e-5


@pytest.mark.parametrize("rule", [Prefix(), Dual()])
def test_another_block_at_every_call_is_no_cache(inner: Spied, rule: Rule) -> None:
    """Fails if something old is used after the block changed."""
    cached = Cached(inner, rule)
    for row, view in enumerate(walk(), 4):
        assert distance(inner.predict([view])[0], cached.predict([focus(view, row)])[0]) <= 1e-5


@pytest.mark.parametrize("rule", LAZY)
def test_an_unchanged_canvas_has_unchanged_answers(inner: Spied, rule: Rule) -> None:
    """Fails if a row is computed beside keys of other rows, at other positions, or answered from another row."""
    cached = Cached(inner, rule)
    half = focus(write(START, r5=8, r8=9), 4, 5, 6, 7)
    expected = inner.predict([half])[0]
    for _ in range(4):
        assert distance(expected, cached.predict([half])[0]) <= 1e-5
    assert any(len(rows) < len(half.tokens) for (rows,) in inner.computed[1:]), "nothing was saved"


@pytest.mark.parametrize("rule", LAZY)
def test_a_cache_is_felt(inner: Spied, rule: Rule) -> None:
    """Fails if these tests could not tell a cache from none: what is kept is stale once something has changed."""
    cached = Cached(inner, rule)
    calls = [focus(view, 4, 5, 6) for view in (START, write(START, r4=8), write(START, r4=8, r5=9))]
    actual = [cached.predict([view])[0] for view in calls]
    assert distance(inner.predict([calls[0]])[0], actual[0]) <= 1e-5
    assert distance(inner.predict([calls[-1]])[0], actual[-1]) > 1e-3


ALL = list(range(13))
CALLS = [
    focus(START, 4, 5, 6),
    focus(write(START, r5=8), 4, 5, 6),
    focus(write(START, r5=8, r4=9), 4, 5, 6),
    focus(write(START, r5=8, r4=9, r6=10), 7, 8, 9),
    focus(write(START, r5=8, r4=9, r6=10, r9=11), 7, 8, 9),
]
ROWS = [
    ("llada", Prefix(), [ALL, ALL[4:], ALL[4:], ALL, ALL[7:]]),
    ("llada", Dual(), [ALL, [4, 5, 6], [4, 5, 6], ALL, [7, 8, 9]]),
    ("llada", DkvDecode(NEVER), [ALL, [4, 5, 6, 7, 8, 9], [4, 6, 7, 8, 9], [6, 7, 8, 9], [7, 8, 9]]),
    ("llada", DkvDecode(3), [ALL, [4, 5, 6, 7, 8, 9], [4, 6, 7, 8, 9], ALL, [7, 8, 9]]),
    ("llada", DkvDecode(3, keep_context=True), [ALL, [4, 5, 6, 7, 8, 9], [4, 6, 7, 8, 9], ALL[4:10], [7, 8, 9]]),
    ("llada", DkvGreedy(NEVER, 0), [ALL, [4, 5, 6], [4, 6], [6, 7, 8, 9], [7, 8, 9]]),
    ("llada", DkvGreedy(2, 0), [ALL, [4, 5, 6], ALL, [6, 7, 8, 9], ALL]),
    ("llada", DkvGreedy(NEVER, 1), [ALL, [4, 5, 6, 7, 8], [4, 6, 7], [6, 7, 8, 9], [7, 8, 9]]),
    ("llada", Hole(NEVER, 1), [ALL, ALL[4:10], ALL[4:10], ALL[4:10], ALL[4:10]]),
    ("llada", Hole(3, 1), [ALL, ALL[4:10], ALL[4:10], ALL, ALL[4:10]]),
    ("llada", Hole(NEVER, 0.34), [ALL, ALL[4:10], ALL[4:10], ALL, ALL[4:10]]),
    # A row speaks about the next token.
    ("dream", Prefix(), [ALL, ALL[3:], ALL[4:], ALL, ALL[6:]]),
    ("dream", Dual(), [ALL, [3, 4, 5, 6], [4, 5, 6], ALL, [6, 7, 8, 9]]),
    ("dream", DkvDecode(NEVER), [ALL, [3, 4, 5, 6, 7, 8], [3, 4, 5, 6, 7, 8], [5, 6, 7, 8], [6, 7, 8, 9]]),
    ("dream", DkvDecode(NEVER, "un_right"), [ALL, ALL[3:10], ALL[3:10], ALL[5:10], ALL[6:10]]),
    ("dream", DkvGreedy(NEVER, 0), [ALL, [3, 4, 5, 6], [4, 5, 6], [6, 7, 8, 9], [6, 7, 8, 9]]),
    ("dream", Hole(NEVER, 1), [ALL, ALL[3:10], ALL[3:10], ALL[3:10], ALL[3:10]]),
]


def rows_computed(family: str, rule: Rule) -> list[list[int]]:
    """The rows that are computed in each of the five calls."""
    inner = make(family)
    cached = Cached(inner, rule)
    for view in CALLS:
        cached.predict([view])
    return [rows for (rows,) in inner.computed]


@pytest.mark.parametrize(("family", "rule", "expected"), ROWS)
def test_which_rows_are_computed(family: str, rule: Rule, expected: list[list[int]]) -> None:
    """Fails if a rule computes a row that it keeps, or keeps one that it computes, at any of five calls."""
    assert expected == rows_computed(family, rule)


ANOTHER_BLOCK = ("if not torch.equal(now.focus, last.now.focus):", "if False:")
MUTATIONS: dict[type, dict[str, tuple[str, str]]] = {
    Prefix: {
        "the block alone": ("block_of(now, last).cumsum(0) > 0", "block_of(now, last)"),
        "from behind the block's first row on": ("cumsum(0) > 0", "cumsum(0) > 1"),
        "another block is not noticed": ANOTHER_BLOCK,
    },
    Dual: {
        "written rows of the block are kept": (
            "        return block_of(now, last)\n",
            "        return block_of(now, last) & now.unknown\n",
        ),
        "another block is not noticed": ANOTHER_BLOCK,
        "the whole hole": ("    return now.focus\n", "    return now.wanted\n"),
    },
    DkvDecode: {
        "the row that speaks is forgotten": ("settled = ~before.speak(before.unknown)", "settled = ~before.unknown"),
        "un_right asks for one": ("settled &= ~before.unknown", "pass"),
        "never anew": ("        if calls % self.steps == 0:", "        if False:"),
        "anew without what was decided": ("last.first, at_first=True", "last.now, at_first=True"),
        "kept a call too early": ("_reusable(last.now, at_first", "_reusable(now, at_first"),
    },
    DkvGreedy: {
        "what was decided last is kept": ("rows = decided | (now.tokens != last.computed)", "rows = decided"),
        "a wider window": ("order[: self.window]", "order[: self.window + 1]"),
        "no window": ("if self.window else ()", "if False else ()"),
        "all masks": ("decided = now.unknown & now.focus", "decided = now.unknown"),
        "never anew": ("        if last.calls % self.steps == 0:", "        if False:"),
    },
    Hole: {
        "rows that speak about what is written are kept": ("now.wanted | now.speak(now.wanted)", "now.wanted"),
        "never anew": ("last.calls % self.steps == 0 or", ""),
        "changes since the last call": ("last.first.tokens[last.first.wanted]", "last.now.tokens[last.now.wanted]"),
    },
}


@pytest.mark.parametrize(
    ("made", "name"),
    [pytest.param(made, name, id=f"{made.__name__}-{name}") for made in MUTATIONS for name in MUTATIONS[made]],
)
def test_mutations_are_caught(made: type, name: str) -> None:
    """Fails if the rows above would not show this mistake in a rule."""
    changed = mutant(made, *MUTATIONS[made][name])
    rows = [(family, rule, expected) for family, rule, expected in ROWS if isinstance(rule, made)]
    assert any(
        expected != rows_computed(family, changed(**dataclasses.asdict(rule))) for family, rule, expected in rows
    )


@pytest.mark.parametrize("rule", LAZY)
def test_what_is_taken_back_is_computed(inner: Spied, rule: Rule) -> None:
    """Fails if a row that became a mask again keeps the keys of the token that was there, in the block or outside of it."""
    cached = Cached(inner, rule)
    done = focus(write(START, r4=8, r5=9, r6=10), 7, 8, 9)
    for _ in range(3):
        cached.predict([done])
    cached.predict([write(done, r5=M)])
    (rows,) = inner.computed[-1]
    assert 5 in rows


class Nothing:
    """A rule that would compute nothing at all."""

    moves = True

    def __call__(self, now: Now, last: Last) -> Tensor:
        del last
        return torch.zeros_like(now.wanted)


def test_what_no_rule_may_save(inner: Spied) -> None:
    """Fails if a careless rule is answered with rows that were never computed, or not since they speak about a mask."""
    cached = Cached(inner, Nothing())
    cached.predict([START])
    cached.predict([write(START, r5=8, r6=9)])
    speaking = [4, 7, 8, 9] if inner.speakers(torch.tensor([4])) == 4 else [3, 6, 7, 8]
    assert speaking == inner.computed[-1][0]
    cached.predict([ask(BEFORE, [M, 8, 9, M, M, M, M], BEHIND)])
    assert {4, 5, 6, 7, 8, 9, 10} <= set(inner.computed[-1][0])


@pytest.mark.parametrize("rule", LAZY)
@pytest.mark.parametrize(
    "other",
    [
        write(START, r1=9),
        write(START, r11=9),
        replace(START, positions=torch.arange(13) * 2),
        replace(START, rows=START.rows[:-1]),
        replace(START, tokens=START.tokens[1:], rows=START.rows - 1),
        ask(BEFORE, [M] * 6, BEHIND[1:]),
    ],
    ids=["before", "behind", "positions", "smaller hole", "less before", "less behind"],
)
def test_nothing_is_kept_where_more_than_the_hole_changed(inner: Spied, rule: Rule, other: View) -> None:
    """Fails if keys of another text, of other positions or of another hole are used: the answer would be silently wrong."""
    cached = Cached(inner, rule)
    cached.predict([START])
    (answer,) = cached.predict([other])
    assert list(range(len(other.tokens))) == inner.computed[-1][0]
    assert distance(inner.predict([other])[0], answer) <= 1e-5


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (ask([1, 1, 1], [M, M], [2]), ask([1, 1], [M, M], [1, 2])),
        (ask([1, 1, 1], [M, M], [2]), View(torch.tensor([1, M, 1, M, 1, 2]), torch.tensor([1, 3]))),
        (ask([1, 1, 1], [M, M], [2]), View(torch.tensor([1, M, 1, M, 1, M, 2]), torch.tensor([1, 3, 5]))),
    ],
    ids=["moved", "in two", "in three"],
)
def test_a_hole_elsewhere_in_the_same_text_is_another_one(inner: Spied, before: View, after: View) -> None:
    """Fails if it is enough that the tokens around the holes are the same: they stand at other distances from each other."""
    cached = Cached(inner, Hole(NEVER, 1))
    cached.predict([before])
    assert distance(inner.predict([after])[0], cached.predict([after])[0]) <= 1e-5


GROWN = [
    (ask(BEFORE, [M, 8, M, M], BEHIND), ask(BEFORE, [M, 8, M, M, M], BEHIND)),
    (ask(BEFORE, [M, 8, M, M], BEHIND), ask(BEFORE, [8, M, M], BEHIND)),
    (ask([], [M, 8, M], BEHIND), ask([], [M, 8, M, M], BEHIND)),
    (ask(BEFORE, [M, 8, M], []), ask(BEFORE, [M, M, 8, M], [])),
    (
        View(torch.tensor([1, M, 2, M, M, 3]), torch.tensor([1, 3, 4])),
        View(torch.tensor([1, M, M, 2, M, 3]), torch.tensor([1, 2, 4])),
    ),
]
GROWN_IDS = ["grows", "shrinks", "nothing before", "nothing behind", "two holes"]


@pytest.mark.parametrize(("before", "after"), GROWN, ids=GROWN_IDS)
@pytest.mark.parametrize("family", ["dream", "llada"])
def test_a_hole_that_grows_keeps_what_is_around_it(family: str, before: View, after: View) -> None:
    """Fails if keys behind the hole are lost, kept where they stood or mixed up.

    Keys and values of one layer depend on nothing but their own token, so only their rotation may change the answer.
    """
    inner = make(family, layers=1)
    cached = Cached(inner, Hole(NEVER, 1))
    cached.predict([before])
    (answer,) = cached.predict([after])
    assert distance(inner.predict([after])[0], answer) <= 1e-5
    speaking = {max(0, row - 1) for row in after.rows.tolist()} if family == "dream" else set()
    assert sorted({*after.rows.tolist(), *speaking}) == inner.computed[-1][0]


def test_growth_is_approximate_in_two_layers(inner: Spied) -> None:
    """Fails if everything is computed where a hole grows, and the test above shows nothing."""
    cached = Cached(inner, Hole(NEVER, 1))
    before, after = GROWN[0]
    cached.predict([before])
    assert distance(inner.predict([after])[0], cached.predict([after])[0]) > 1e-3


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([1, 2, 3], [1, 2, 3], 0),
        ([1, 2, 3], [1, 9, 4], 2),
        ([1, 2, 3], [1, 2, 2, 3], 1),
        ([1, 2, 2, 3], [1, 2, 3], 1),
        ([1, 2, 3], [7, 8, 9, 7], 4),
        ([1, 1], [1, 1, 1], 1),
        ([], [4], 1),
    ],
)
def test_changed_rows(before: list[int], after: list[int], expected: int) -> None:
    """Fails if a row that moved counts as changed, or one that changed does not."""
    assert expected == changed_rows(torch.tensor(before), torch.tensor(after))


@pytest.mark.parametrize("rule", LAZY)
def test_lanes_do_not_see_each_other(inner: Spied, rule: Rule) -> None:
    """Fails if what is kept of one canvas is used for another, or lengths of one call have to agree."""
    steps = [[write(START, r5=token), ask(BEFORE, [M, token, M], [9, 9], lane=1)] for token in (M, 8)]
    steps += [[replace(steps[1][1], lane=1)], steps[1]]  # one is finished for a while
    together = Cached(inner, rule)
    alone = [Cached(inner, rule), Cached(inner, rule)]
    for views in steps:
        for view, answer in zip(views, together.predict(views), strict=True):
            assert distance(alone[view.lane].predict([view])[0], answer) <= 1e-5


@pytest.mark.parametrize("rule", LAZY)
def test_views_that_no_cache_is_made_for(inner: Spied, rule: Rule) -> None:
    """Fails if an attention rule, no lane or a second view of one is answered from kept keys, or disturbs what is kept."""
    cached = Cached(inner, rule)
    cached.predict([START])
    ruled = replace(START, visible=torch.ones(13, 13, dtype=torch.bool).tril())
    second, nobodys = write(START, r6=3), replace(START, lane=None)
    changed = write(START, r4=9)
    answers = cached.predict([ruled, nobodys, changed, second])
    for expected, k in zip(inner.predict([ruled, nobodys, second]), (0, 1, 3), strict=True):
        assert torch.equal(expected, answers[k])
    alone = Cached(inner, rule)
    alone.predict([START])
    assert distance(alone.predict([changed])[0], answers[2]) <= 1e-5


def test_a_call_that_fails_leaves_nothing_behind(inner: Spied, monkeypatch) -> None:
    """Fails if rows count as computed that were not, because memory ran out on the way."""
    contexts = Contexts(inner)
    for rule, text in ((Hole(NEVER, 1), START), (Dual(), focus(START, 4, 5, 6))):
        cached, untroubled = Cached(inner, rule, contexts), Cached(inner, rule, contexts)
        for each in (cached, untroubled):
            each.predict([text])
        with monkeypatch.context() as patch:
            patch.setattr(inner, "compute_again", fail_half_way)
            with pytest.raises(torch.OutOfMemoryError):
                cached.predict([write(text, r5=8)])
        if isinstance(rule, Hole):
            expected = untroubled.predict([write(text, r5=8)])
            assert distance(expected[0], cached.predict([write(text, r5=8)])[0]) <= 1e-9
        else:
            cached.predict([write(text, r5=8)])
            assert [ALL] == inner.computed[-1]


def fail_half_way(pieces: Sequence[Again]) -> None:
    """Write something wrong, then run out of memory."""
    for piece in pieces:
        piece.kept.keys[..., piece.rows, :] = 99
        piece.kept.hidden[:] = 99
    raise torch.OutOfMemoryError


def test_upper_layers_can_be_skipped_beside_kept_rows() -> None:
    """Fails if a drafter without its upper layers runs all of them, or finds no keys, once it is cached."""
    shallow = make("dream", layers=3).skip_above(2)
    cached = Cached(shallow, Hole(1))
    for view in walk():
        assert distance(shallow.predict([view])[0], cached.predict([view])[0]) <= 1e-5


# Names and parameters


def test_all_are_there() -> None:
    """Fails if a cache is added that no setting can name, or a name has no rule."""
    assert ["none", *RULES] == sorted(CACHES, key=["none", *RULES].index)


@pytest.mark.parametrize("name", RULES)
def test_described_as_they_are(name: str) -> None:
    """Fails if a parameter or its default differs between the description and the rule."""
    made = RULES[name]()
    fields = {field.name: getattr(made, field.name) for field in dataclasses.fields(made)}
    assert {key: parameter.default for key, parameter in CACHES[name].parameters.items()} == fields


def test_by_its_name(inner: Spied) -> None:
    """Fails if parameters are lost, or a cache is put around what has no keys."""
    cached = with_cache(inner, "hole:steps=3, share=0.5")
    assert isinstance(cached, Cached)
    assert Hole(3, 0.5) == cached._rule
    script = ScriptedDenoiser([Script("a", "b")])
    assert script is with_cache(script, "hole")
    assert inner is with_cache(inner, "none")
    for name in ("vocabulary", "max_tokens", "device"):
        assert getattr(inner, name) is getattr(cached, name) or getattr(inner, name) == getattr(cached, name)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("whole", "there is no cache 'whole'; the nearest name is 'hole'"),
        ("hole:step=3", "there is no parameter 'step' of 'hole'; the nearest name is 'steps'"),
        ("hole:steps=0", "the parameter 'steps' of 'hole' is 0; it must be 1 to 10000"),
        ("hole:share=2", "the parameter 'share' of 'hole' is 2.0; it must be 0 to 1"),
        ("prefix:steps=3", "there is no parameter 'steps' of 'prefix'; it has none"),
        ("dkv-decode:shift=right", "it must be one of un, un_right (the nearest is 'un_right')"),
    ],
)
def test_a_wrong_one_is_named(written: str, sentence: str) -> None:
    """Fails if the sentence lacks the parameter, its range or the nearest name."""
    with pytest.raises(SettingsError) as error:
        read_cache(written)
    assert sentence in str(error.value)


@pytest.mark.parametrize("made", [lambda: Hole(0), lambda: DkvDecode(shift="left"), lambda: DkvGreedy(window=-1)])
def test_a_rule_checks_its_parameters(made) -> None:
    """Fails if a rule can be made with what no setting may say."""
    with pytest.raises(SettingsError):
        made()
