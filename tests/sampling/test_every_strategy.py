"""What holds for every order of model calls, whatever its paper: on a real network, too small to know anything."""

import itertools
from collections.abc import Iterator, Sequence

import pytest
import torch

from dlm_lsp.decoders import DECODERS
from dlm_lsp.sampling.canvas import Canvas
from dlm_lsp.sampling.strategies import STRATEGIES, make_rule, make_strategy
from dlm_lsp.sampling.strategy import Sampler, Strategy
from tests.sampling.test_every_sampler import by_name, random_canvas, restless
from tests.sampling.tiny import ORDINARY, Recorded, rng, tiny_denoiser

CASES = 6


def variants() -> Iterator[str]:
    """Every strategy: as it is, and with each of its words."""
    for name in STRATEGIES:
        yield name
        for key, parameter in DECODERS[name].parameters.items():
            yield from (f"{name}:{key}={choice}" for choice in parameter.choices if choice != parameter.default)


# Parameters with which much is taken back.
BUSY = (
    "wino:draft_threshold=0.2,check_threshold=1",
    "wino:block=6,draft_threshold=0.2,check_threshold=1",
    "kfold:share=1,below=1",
    "dual:criterion=hybrid,confidence=1,draft_steps=1",
    "self_speculation:states=9",
)
ALL = [*variants(), *BUSY]
DRAFTER = 1000
"""Added to the seed of a drafter."""


class Stop(Exception):  # noqa: N818 as a cancelled request has it
    """Nobody waits any more."""


def made(written: str, drafter: Recorded) -> tuple[Strategy, Sampler, object]:
    """The strategy of what somebody wrote with its drafter, its rule, and who knows its bound."""
    strategy = make_strategy(written, lambda _: drafter)
    return strategy, make_rule(written, threshold=0.5, temperature=0.0), make_strategy(written)


def decode(
    written: str, canvases: Sequence[Canvas], seed: int, *, structural: bool, denoiser: Recorded | None = None
) -> tuple[list[tuple[Canvas, ...]], int]:
    """The canvases at the start and after each step, and how many calls that took."""
    denoiser = denoiser or tiny_denoiser(seed, structural=structural)
    drafter = tiny_denoiser(seed + DRAFTER, structural=structural)
    strategy, rule, _ = made(written, drafter)
    rules, rngs = [rule] * len(canvases), [rng(seed + k) for k in range(len(canvases))]
    steps = [tuple(canvases), *strategy(canvases, denoiser, rules, rngs, adjust=[restless])]
    return steps, len(denoiser.asked) + len(drafter.asked)


@pytest.fixture(scope="module", params=[False, True], ids=["fixed", "growing"])
def structural(request) -> bool:
    """Whether the checkpoint has tokens of growth and shrinkage."""
    return request.param


@pytest.mark.parametrize("written", ALL)
def test_every_decode(written, structural):
    """Fails if a strategy writes where nothing was masked at the start, needs more calls than it says, or leaves a mask."""
    for seed in range(CASES):
        start = random_canvas(seed, structural=structural)
        steps, calls = decode(written, [start], seed, structural=structural)
        assert steps[-1][0].done
        assert calls <= make_strategy(written).max_steps(start)
        given = start.holes & ~start.masked
        for (before,), (now,) in itertools.pairwise(steps):
            assert start.tokens[~start.holes].tolist() == now.tokens[~now.holes].tolist()
            assert by_name(start, given).items() <= by_name(now, now.holes).items()
            assert set(now.tokens[now.holes & ~now.masked].tolist()) <= set(ORDINARY)
            assert all(0 <= left <= had for left, had in zip(now.budget, before.budget, strict=True))


@pytest.mark.parametrize("written", ALL)
def test_a_batch_equals_its_parts(written, structural):
    """Fails if canvases of one call see each other, share a generator or wait for each other in a way that changes them."""
    batch = [random_canvas(seed, structural=structural) for seed in range(4)]
    batch[2] = decode("wino", [batch[2]], 2, structural=structural)[0][-1][0]  # finished, and remembers its decode
    denoiser = tiny_denoiser(7, structural=structural)
    together, _ = decode(written, batch, 7, structural=structural, denoiser=denoiser)
    assert batch[2] is together[-1][2]
    for k, canvas in enumerate(batch):
        drafter = tiny_denoiser(7 + DRAFTER, structural=structural)
        strategy, rule, _ = made(written, drafter)
        alone = [canvas, *(now for (now,) in strategy([canvas], denoiser, [rule], [rng(7 + k)], adjust=[restless]))]
        path = [now[k].tokens.tolist() for now in together]
        assert distinct(alone) == [now for turn, now in enumerate(path) if turn == 0 or now != path[turn - 1]]


def distinct(path: Sequence[Canvas]) -> list[list[int]]:
    """The tokens after every step that changed any."""
    tokens = [now.tokens.tolist() for now in path]
    return [now for turn, now in enumerate(tokens) if turn == 0 or now != tokens[turn - 1]]


@pytest.mark.parametrize("written", ALL)
def test_seeds(written):
    """Fails if something random gets in besides the generators."""
    canvas = random_canvas(3, structural=True)
    first, second = (decode(written, [canvas], 3, structural=True)[0] for _ in range(2))
    assert distinct([now for (now,) in first]) == distinct([now for (now,) in second])


@pytest.mark.parametrize("written", ALL)
def test_it_can_be_stopped_at_every_call(written):
    """Fails if a strategy swallows what ends a request between two calls, or asks once more before it yields."""
    canvas = random_canvas(1, structural=True)
    _, calls = decode(written, [canvas], 1, structural=True)
    for last in range(calls):
        denoiser, drafter = tiny_denoiser(1), tiny_denoiser(1 + DRAFTER)
        left = iter(range(last))

        def ask(views, inner, left=left):
            if next(left, None) is None:
                raise Stop
            return inner(views)

        for each in (denoiser, drafter):
            each.predict = lambda views, inner=each.predict, ask=ask: ask(views, inner)
        strategy, rule, _ = made(written, drafter)
        with pytest.raises(Stop):
            list(strategy([canvas], denoiser, [rule], [rng(1)], adjust=[restless]))


@pytest.mark.parametrize("written", ALL)
def test_nothing_to_do(written):
    """Fails if a model is called where no hole row is masked."""
    canvas = random_canvas(1, structural=False)
    canvas = canvas.apply(canvas.commit(canvas.undecided, canvas.rows % 20, torch.ones(len(canvas.rows))))
    denoiser = tiny_denoiser()
    for batch in ([], [canvas]):
        assert [tuple(batch)] == decode(written, batch, 1, structural=True, denoiser=denoiser)[0]
    assert [] == denoiser.asked


@pytest.mark.parametrize("name", [name for name in STRATEGIES if DECODERS[name].takes_back])
def test_something_is_taken_back(name):
    """Fails if the cases above never take anything back, and so say nothing about it."""
    lost = 0
    for written, seed in itertools.product([each for each in BUSY if each.startswith(name)], range(CASES)):
        steps, _ = decode(written, [random_canvas(seed, structural=False)], seed, structural=False)
        lost += sum(int((~before.masked & now.masked).sum()) for (before,), (now,) in itertools.pairwise(steps))
    assert lost > 3
