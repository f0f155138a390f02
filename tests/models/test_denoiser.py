"""What every Denoiser promises, over every kind of Denoiser; then what networks add."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlm_lsp.models.denoiser import Denoiser, View, Vocabulary
from dlm_lsp.models.dream import DreamConfig, DreamModel
from dlm_lsp.models.loading import load
from dlm_lsp.models.scripted import Rule, ScriptedDenoiser
from dlm_lsp.models.transformer import BUCKET_TOKENS, NetworkDenoiser, pack

CHECKPOINTS = Path(__file__).parents[1] / "data" / "reference" / "checkpoints"
NEIGHBOUR_TOLERANCE = 2e-4
"""In float32: a row may be added up in another order when it is padded."""


@pytest.fixture(scope="module", params=["dream", "llada", "scripted"])
def denoiser(request) -> Denoiser:
    """A tiny one of every kind."""
    if request.param == "scripted":
        return ScriptedDenoiser([Rule("ab ", "answer"), Rule("cd ", "other")])
    return load(CHECKPOINTS / f"{request.param}-tiny", device="cpu", dtype="float64")


@pytest.fixture(scope="module", params=["dream", "llada"])
def network(request) -> Denoiser:
    """A tiny one of each family, in the format that is used on a CPU."""
    return load(CHECKPOINTS / f"{request.param}-tiny", device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def dream_of_layers():
    """Makes a random network of so many layers; what a shallow and a deep one both have is the same."""

    def make(layers: int) -> NetworkDenoiser:
        sizes = {"vocab_size": 10, "hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2}
        network = DreamModel(DreamConfig.from_json({**sizes, "num_hidden_layers": layers}))
        for name, parameter in network.named_parameters():
            if "norm" not in name:
                generator = torch.Generator().manual_seed(sum(map(ord, name)))
                parameter.data = torch.randn(parameter.shape, generator=generator) * 0.5
        return NetworkDenoiser(network, Vocabulary(10, 9, torch.arange(10) == 9), tokenizer=None)

    return make


def view(denoiser: Denoiser, text: str, masks: int, behind: str = "") -> View:
    """A canvas of `text`, some masks and `behind`; all rows are wanted."""
    encode = denoiser.tokenizer.encode
    tokens = torch.tensor([*encode(text), *[denoiser.vocabulary.mask_id] * masks, *encode(behind)])
    return View(tokens, torch.arange(len(tokens)))


def test_answers_are_plain_numbers_for_the_rows_wanted(denoiser: Denoiser) -> None:
    """Fails when rows are lost or mixed up, or a gradient is kept."""
    whole = view(denoiser, "ab ", 4, " cd")
    part = View(whole.tokens, torch.tensor([0, 3, 5]))
    (all_rows,), (some,) = denoiser.predict([whole]), denoiser.predict([part])
    assert some.shape == (3, denoiser.vocabulary.size)
    assert some.dtype == torch.float32
    assert not some.requires_grad
    assert torch.equal(all_rows[[0, 3, 5]], some)


def test_what_nobody_reads_changes_nothing_else(network: Denoiser) -> None:
    """Fails if an answer that is read lands on another row, or one that is not is computed all the same."""
    whole, short = view(network, "ab ", 4, " cd"), view(network, "x", 2)
    read = torch.tensor([n in {3, 5} for n in range(len(whole.tokens))])
    unread = torch.zeros(len(short.tokens), dtype=torch.bool)
    expected, all_of_short = network.predict([whole, short])
    part, nothing, again = network.predict([replace(whole, read=read), replace(short, read=unread), short])
    torch.testing.assert_close(part[read], expected[read], atol=NEIGHBOUR_TOLERANCE, rtol=0)
    assert not part[~read].any()
    assert not nothing.any()
    assert all_of_short.shape == nothing.shape
    torch.testing.assert_close(again, all_of_short, atol=NEIGHBOUR_TOLERANCE, rtol=0)


def test_nothing_asked_nothing_answered(denoiser: Denoiser) -> None:
    """Fails when an empty call, or a view of no rows, raises."""
    assert denoiser.predict([]) == []
    some = view(denoiser, "ab ", 1)
    (empty,) = denoiser.predict([View(some.tokens, torch.zeros(0, dtype=torch.int64))])
    assert len(empty) == 0


def test_the_same_question_has_the_same_answer(denoiser: Denoiser) -> None:
    """Fails when something random or remembered gets into an answer."""
    question = [view(denoiser, "ab ", 3), view(denoiser, "cd ", 5, "x")]
    for first, second in zip(denoiser.predict(question), denoiser.predict(question), strict=True):
        assert torch.equal(first, second)


@settings(max_examples=25, deadline=None)
@given(masks=st.lists(st.integers(1, 90), min_size=1, max_size=4), turn=st.randoms(use_true_random=False))
def test_neighbours_do_not_matter(denoiser: Denoiser, masks: list[int], turn) -> None:
    """Fails when padding is attended to, or answers are handed to the wrong view: in float64 they are equal."""
    views = [view(denoiser, turn.choice(["ab ", "cd ", "abcd"]), count, turn.choice(["", " x"])) for count in masks]
    for together, question in zip(denoiser.predict(views), views, strict=True):
        assert torch.equal(denoiser.predict([question])[0], together)


def test_neighbours_hardly_matter_in_float32(network: Denoiser) -> None:
    """Fails when padding changes more than the last digits."""
    views = [view(network, "ab ", 2), view(network, "some longer text before", 70, "x"), view(network, "", 1)]
    for together, question in zip(network.predict(views), views, strict=True):
        assert float((network.predict([question])[0] - together).abs().max()) <= NEIGHBOUR_TOLERANCE


def test_attention_rules_are_followed(network: Denoiser) -> None:
    """Fails when `visible` is ignored: rows that see nothing of the last five must not change with them."""
    one, other = view(network, "some text", 3, "abcde"), view(network, "some text", 3, "vwxyz")
    length = len(one.tokens)
    rule = torch.ones(length, length, dtype=torch.bool)
    rule[: 1 - 5, -5:] = False  # the row before the five answers about the first of them, and others see that row
    rows = torch.arange(length - 5)
    first, second = network.predict([View(v.tokens, rows, visible=rule) for v in (one, other)])
    assert torch.equal(first, second)
    unruled_first, unruled_second = network.predict([View(v.tokens, rows) for v in (one, other)])
    assert not torch.equal(unruled_first, unruled_second)


def test_a_rule_is_about_the_token_that_is_answered(dream_of_layers) -> None:
    """Fails when a rule stays at the row with the token's number where another row answers about it: what must be hidden leaks."""
    one = dream_of_layers(1)
    tokens = torch.tensor([1, 2, 3, 4, 5, 6])
    other = tokens.clone()
    other[3] = 9
    rule = torch.ones(6, 6, dtype=torch.bool)
    rule[3, 3] = False
    first, second = one.predict([View(each, torch.arange(6), visible=rule) for each in (tokens, other)])
    assert torch.equal(first[3], second[3])
    assert [0, 1, 2, 4, 5] == (first != second).any(-1).nonzero().flatten().tolist()


def test_skipped_layers(dream_of_layers) -> None:
    """Fails when the upper layers are run all the same, or when to skip none of them changes an answer."""
    whole = dream_of_layers(3)
    question = [View(torch.tensor([1, 2, 3, 4]), torch.arange(4))]
    assert [3, 2] == [whole.layers, whole.skip_above(2).layers]
    assert torch.equal(whole.predict(question)[0], whole.skip_above(3).predict(question)[0])
    assert not torch.equal(whole.predict(question)[0], whole.skip_above(2).predict(question)[0])
    assert torch.equal(dream_of_layers(2).predict(question)[0], whole.skip_above(2).predict(question)[0])


def test_a_rule_is_for_its_own_view(network: Denoiser) -> None:
    """Fails when one view's attention rule, or the lack of one, reaches its neighbours."""
    ruled, plain = view(network, "some text", 3), view(network, "other text that is longer", 70)
    rule = torch.ones(len(ruled.tokens), len(ruled.tokens), dtype=torch.bool).tril()
    asked = [View(ruled.tokens, ruled.rows, visible=rule), plain]
    for together, question in zip(network.predict(asked), asked, strict=True):
        assert float((network.predict([question])[0] - together).abs().max()) <= NEIGHBOUR_TOLERANCE


def test_positions_are_followed(network: Denoiser) -> None:
    """Fails when `positions` are ignored; RoPE is relative, so moving all of them by the same changes next to nothing."""
    plain = view(network, "some text", 3)
    here = network.predict([plain])[0]
    moved = network.predict([View(plain.tokens, plain.rows, positions=plain.rows + 100)])[0]
    stretched = network.predict([View(plain.tokens, plain.rows, positions=plain.rows * 2)])[0]
    assert float((here - moved).abs().max()) <= 1e-3
    assert float((here - stretched).abs().max()) > 0.02


def test_one_length_needs_no_padding(network: Denoiser) -> None:
    """Fails when the usual call, one canvas or equally long ones, pays for a mask; unequal ones share a bucket."""
    short, long = view(network, "a", 3), view(network, "a", BUCKET_TOKENS)
    assert pack([short, short])[2] is None
    tokens, positions, visible = pack([short, long])
    assert tokens.shape == positions.shape == (2, 2 * BUCKET_TOKENS)
    assert visible is not None
    assert visible.shape == (2, 1, 1, 2 * BUCKET_TOKENS), "a mask of L times L costs half a gigabyte at 8 x 8192 tokens"
    assert visible[0, 0, 0].nonzero().flatten().tolist() == [0, 1, 2, 3]
