"""What holds for every rule of decoding with every cache: on a real network, too small to know anything."""

import functools
import itertools

import pytest

from dlm_lsp.decoders import CACHES as DESCRIBED
from dlm_lsp.decoders import DECODERS
from dlm_lsp.models.cached import RULES, with_cache
from dlm_lsp.sampling.canvas import Canvas
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.samplers import SAMPLERS
from dlm_lsp.sampling.strategies import STRATEGIES, make_rule, make_strategy
from tests.models.spied import Spied
from tests.sampling.test_every_sampler import bound, by_name, made, random_canvas, restless
from tests.sampling.tiny import Recorded, rng, tiny_denoiser

CASES = 2
deep_denoiser = functools.partial(tiny_denoiser, layers=2)
"""What is kept is stale only from the second layer on."""
CACHES = [
    *RULES,
    "hole:steps=1000,share=1",
    "dkv-decode:shift=un_right,keep_context=true,steps=100",
]
SHORT = {"p2": "p2:steps=6", "remdm": "remdm:steps=6"}
"""Of the rules that would take many calls."""
RULES_OF_DECODING = [SHORT.get(name, name) for name in SAMPLERS]
RULES_OF_DECODING += ["threshold:block=3", "factor:block=3", "llada:block=3", "saber:variant=llada,block=3"]


def cached(inner: Recorded, written: str) -> Recorded:
    """A network with a fresh cache."""
    return Recorded(with_cache(inner._inner, written))


@pytest.fixture(scope="module", params=[False, True], ids=["fixed", "growing"])
def structural(request) -> bool:
    """Whether the checkpoint has tokens of growth and shrinkage."""
    return request.param


@pytest.mark.parametrize("cache", CACHES)
@pytest.mark.parametrize("written", RULES_OF_DECODING)
def test_every_decode(written, cache, structural):
    """Fails if a cache lets a rule stand still, write around the hole, or answer with what is not a number."""
    sampler = made(written)
    for seed in range(CASES):
        start = random_canvas(seed, structural=structural)
        denoiser = cached(deep_denoiser(seed, structural=structural), cache)
        steps = denoise([start], denoiser, [sampler], [rng(seed)], adjust=[restless])
        states = [start, *(now for (now,) in itertools.islice(steps, bound(sampler, start) + 1))]
        assert states[-1].done
        assert len(states) - 1 <= bound(sampler, start)
        given = start.holes & ~start.masked
        for now in states:
            assert start.tokens[~start.holes].tolist() == now.tokens[~now.holes].tolist()
            assert by_name(start, given).items() <= by_name(now, now.holes).items()


@pytest.mark.parametrize("cache", CACHES)
@pytest.mark.parametrize("written", [*RULES_OF_DECODING, "threshold:temperature=0.7"])
def test_a_batch_equals_its_parts(written, cache, structural):
    """Fails if what is kept of one canvas reaches another, or depends on who else is asked about in a call."""
    sampler, inner = made(written), deep_denoiser(3, structural=structural)
    starts = [random_canvas(seed, structural=structural) for seed in range(3)]

    def end(canvases: list[Canvas], seeds: list[int]) -> list[list[int]]:
        rngs = [rng(seed) for seed in seeds]
        rules = [sampler] * len(canvases)
        *_, last = denoise(canvases, cached(inner, cache), rules, rngs, adjust=[restless])
        return [canvas.tokens.tolist() for canvas in last]

    alone = [end([start], [seed])[0] for seed, start in enumerate(starts)]
    assert alone == end(starts, list(range(len(starts))))


@pytest.mark.parametrize("cache", CACHES)
@pytest.mark.parametrize("written", STRATEGIES)
def test_every_order_of_calls(written, cache, structural):
    """Fails if a strategy, which may ask about a lane several times a call, needs more calls than it says or writes what was there."""
    for seed in range(CASES):
        start = random_canvas(seed, structural=structural)
        denoiser = cached(deep_denoiser(seed, structural=structural), cache)
        drafter = cached(deep_denoiser(seed + 1000, structural=structural), cache)
        strategy = make_strategy(written, lambda _, drafter=drafter: drafter)
        rule = make_rule(written, threshold=0.5, temperature=0.0)
        states = [start, *(now for (now,) in strategy([start], denoiser, [rule], [rng(seed)], adjust=[restless]))]
        assert states[-1].done
        assert len(denoiser.asked) + len(drafter.asked) <= make_strategy(written).max_steps(start)
        given = start.holes & ~start.masked
        for now in states:
            assert start.tokens[~start.holes].tolist() == now.tokens[~now.holes].tolist()
            assert by_name(start, given).items() <= by_name(now, now.holes).items()


@pytest.mark.parametrize("cache", CACHES)
@pytest.mark.parametrize("written", STRATEGIES)
def test_a_batch_in_any_order_of_calls_equals_its_parts(written, cache, structural):
    """Fails if what a strategy asks about one canvas, guesses and drafts included, reaches what is kept of another."""
    inner, drafter = (deep_denoiser(seed, structural=structural) for seed in (3, 1003))
    starts = [random_canvas(seed, structural=structural) for seed in range(3)]

    def end(canvases: list[Canvas], seeds: list[int]) -> list[list[int]]:
        strategy = make_strategy(written, lambda _: cached(drafter, cache))
        rules = [make_rule(written, threshold=0.5, temperature=0.7)] * len(canvases)
        rngs = [rng(seed) for seed in seeds]
        *_, last = strategy(canvases, cached(inner, cache), rules, rngs, adjust=[restless])
        return [canvas.tokens.tolist() for canvas in last]

    alone = [end([start], [seed])[0] for seed, start in enumerate(starts)]
    assert alone == end(starts, list(range(len(starts))))


@pytest.mark.parametrize("name", [name for name in RULES if "steps" in DESCRIBED[name].parameters])
@pytest.mark.parametrize("written", ["threshold", "saber", "sundae", "left_to_right"])
def test_refreshing_always_changes_nothing(written, name):
    """Fails if a cache that may keep nothing decodes another text than none does."""
    for seed in range(CASES):
        start, inner = random_canvas(seed, structural=True), deep_denoiser(seed)
        ends = []
        for denoiser in (inner, cached(inner, f"{name}:steps=1")):
            *_, (end,) = denoise([start], denoiser, [made(written)], [rng(seed)], adjust=[restless])
            ends.append(end.tokens.tolist())
        assert ends[0] == ends[1]


@pytest.mark.parametrize(
    "cache", ["prefix", "dual", "hole:steps=1000", "dkv-decode:steps=1000", "dkv-greedy:steps=1000"]
)
def test_a_cache_is_felt_in_these_tests(cache):
    """Fails if every cache answers as none does: then the tests above would show nothing of what is stale."""
    differ = 0
    for seed in range(12):
        start, inner = random_canvas(seed, structural=False), deep_denoiser(seed, structural=False)
        texts = []
        for denoiser in (inner, cached(inner, cache)):
            *_, (end,) = denoise([start], denoiser, [made("threshold:threshold=2")], [rng(seed)])
            texts.append(end.tokens.tolist())
        differ += texts[0] != texts[1]
    assert differ > 0


def test_rules_take_back_with_a_cache():
    """Fails if no rule takes anything back in these tests: then they would show nothing of it."""
    count = 0
    for name, decoder in DECODERS.items():
        for seed in range(CASES if decoder.takes_back and not decoder.is_strategy else 0):
            start = random_canvas(seed, structural=False)
            denoiser = cached(deep_denoiser(seed, structural=False), "hole")
            states = denoise([start], denoiser, [made(name)], [rng(seed)], adjust=[restless])
            for (before,), (now,) in itertools.pairwise(itertools.islice(states, bound(made(name), start))):
                count += int((~before.masked & (before.tokens != now.tokens)).sum())
    assert count > 20


def test_rows_are_saved_in_these_tests():
    """Fails if the tiny canvases leave a cache nothing to keep."""
    saved = 0
    for seed in range(CASES):
        spied = Spied(deep_denoiser(seed)._inner)
        start = random_canvas(seed, structural=False)
        list(denoise([start], with_cache(spied, "hole:share=1"), [made("left_to_right")], [rng(seed)]))
        saved += sum(len(start.tokens) - len(rows) for (rows,) in spied.computed)
    assert saved > 10
