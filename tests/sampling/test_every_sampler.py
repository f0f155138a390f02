"""What holds for every rule of decoding, whatever its paper: on a real network, too small to know anything."""

import itertools
import random
from collections.abc import Iterator

import pytest
import torch

from dlm_lsp.decoders import DECODERS, read_decoder
from dlm_lsp.sampling.canvas import Canvas, join
from dlm_lsp.sampling.denoise import denoise, max_steps
from dlm_lsp.sampling.samplers import SAMPLERS, make_sampler
from dlm_lsp.sampling.strategy import Sampler, read_by
from tests.sampling.tiny import DELETE, EXPAND, MASK, ORDINARY, Recorded, rng, tiny_denoiser

CASES = 6


def variants() -> Iterator[str]:
    """Every rule: as it is, with each of its words and switches, drawing, and with a plan of few steps."""
    for name in SAMPLERS:
        yield name
        known = DECODERS[name].parameters
        for key, parameter in known.items():
            yield from (f"{name}:{key}={choice}" for choice in parameter.choices if choice != parameter.default)
            if isinstance(parameter.default, bool):
                yield f"{name}:{key}={str(not parameter.default).lower()}"
        if "temperature" in known:
            yield f"{name}:temperature=0.7"
        if "steps" in known:
            yield f"{name}:steps=3"


# Of parameters that meet only together, or that a default leaves idle.
TOGETHER = (
    "dream:alg=origin,temperature=0.7,top_p=0.8,top_k=5",
    "dream:alg=origin,faithful=true,steps=20",
    "dream:alg_temp=0.5",
    "dream:steps=20,faithful=true",
    "threshold:block=3",
    "left_to_right:tokens=3",
    "llada:block=3",
    "llada:block=3,steps=4,remasking=random,temperature=0.7",
    "maskgit:mask_temperature=0",
    "p2:steps=0",
    "remdm:variant=loop,steps=30,eta_loop=0.5",
    "remdm:variant=rescale,eta_rescale=1",
    "remdm:eta_cap=1",
    "factor:block=3,factor=2",
    "eb:gamma=0",
    "klass:threshold=0.2,kl_threshold=2,history=1",
    "saber:block=3",
    "saber:variant=paper,block=3,n=3,mu=3",
    "saber:variant=llada,block=3,n=4",
    "saber:variant=llada,block=3,n=4,faithful=true",
    "sundae:share=0.3",
    "llada21:tau_mask=0.3,tau_edit=0.3",
)
ALL = [*variants(), *TOGETHER]
TAKES_WHAT_WAS_GIVEN = "saber:faithful=true"
"""The fault of the authors' code for Dream: known text in the hole behind the first mask is taken back like any other."""


def made(written: str) -> Sampler:
    """The rule of what somebody wrote."""
    name, parameters = read_decoder(written)
    return make_sampler(name, **parameters)


def may_stand_still(written: str) -> bool:
    """Whether a step may pass without progress: the bound is all that such a rule promises."""
    return DECODERS[written.partition(":")[0]].takes_back or getattr(made(written), "faithful", False)


def bound(sampler: Sampler, canvas: Canvas) -> int:
    """The model calls that a rule says it needs at most; one that takes nothing back needs no more than its rows and its growth."""
    return getattr(sampler, "max_steps", max_steps)(canvas)


def random_canvas(seed: int, *, structural: bool) -> Canvas:
    """One or two holes, some rows of which were decided before the start."""
    draw = random.Random(seed)
    lengths = [draw.randint(1, 8) for _ in range(draw.randint(1, 2))]
    parts = [[draw.choice(ORDINARY) for _ in range(draw.randint(1, 4))] for _ in range(len(lengths) + 1)]
    canvas = join(parts, lengths, [draw.randint(0, 5) if structural else 0 for _ in lengths], MASK)
    size = sum(lengths)
    decided = torch.tensor([draw.random() < 0.25 for _ in range(size)])
    decided[draw.randrange(size)] = False
    tokens = torch.tensor([draw.choice(ORDINARY) for _ in range(size)])
    return canvas.apply(canvas.commit(decided, tokens, torch.rand(size, generator=rng(seed))))


@pytest.mark.parametrize("written", [written for written in ALL if hasattr(made(written), "reads")])
def test_what_a_rule_does_not_read_does_not_matter(written: str) -> None:
    """Fails if a rule decides by answers that it says it does not read: a model may give zeros there."""
    for case in range(CASES):
        canvas = random_canvas(case, structural=False)
        logits = 4 * torch.randn(len(canvas.rows), 24, generator=rng(case))
        read = read_by(made(written), canvas)
        less = torch.where(read[:, None], logits, 0.0)
        full, part = (made(written)(canvas, answer, rng()) for answer in (logits, less))
        assert full.commit.tolist() == part.commit.tolist()
        assert full.tokens[full.commit].tolist() == part.tokens[full.commit].tolist()
        assert full.confidence[full.commit].tolist() == part.confidence[full.commit].tolist()


def decode(canvas: Canvas, denoiser: Recorded, sampler: Sampler, seed: int) -> list[Canvas]:
    """The canvas at the start and after each step, as far as one step beyond the bound."""
    states = denoise([canvas], denoiser, [sampler], [rng(seed)], adjust=[restless])
    return [canvas, *(now for (now,) in itertools.islice(states, bound(sampler, canvas) + 1))]


def restless(_: Canvas, logits: torch.Tensor) -> torch.Tensor:  # [H, V]
    """Make growth and shrinkage likelier than a network makes them that knows nothing; what is forbidden stays so."""
    logits = logits.clone()
    logits[:, [EXPAND, DELETE]] += 3
    return logits


def by_name(canvas: Canvas, rows: torch.Tensor) -> dict[int, int]:  # [L] bool
    """The tokens of some rows, by the names that they keep while the hole grows."""
    return dict(zip(canvas.names[rows].tolist(), canvas.tokens[rows].tolist(), strict=True))


def kept(before: Canvas, now: Canvas) -> bool:
    """Whether all that was written is written still."""
    written = by_name(before, before.holes & ~before.masked)
    return written.items() <= by_name(now, now.holes & ~now.masked).items()


@pytest.fixture(scope="module", params=[False, True], ids=["fixed", "growing"])
def structural(request) -> bool:
    """Whether the checkpoint has tokens of growth and shrinkage."""
    return request.param


@pytest.mark.parametrize("written", ALL)
def test_every_decode(written, structural):
    """Fails if a rule writes where nothing was masked at the start, stands still, or needs more calls than it says."""
    sampler = made(written)
    takes_back = DECODERS[written.partition(":")[0]].takes_back
    for seed in range(CASES):
        start = random_canvas(seed, structural=structural)
        states = decode(start, tiny_denoiser(seed, structural=structural), sampler, seed)
        assert states[-1].done, f"{len(states) - 1} calls were not enough"
        assert len(states) - 1 <= bound(sampler, start)
        assert may_stand_still(written) or bound(sampler, start) == max_steps(start), "no more than a call a row"
        given = start.holes & ~start.masked
        for before, now in itertools.pairwise(states):
            assert start.tokens[~start.holes].tolist() == now.tokens[~now.holes].tolist()
            if written != TAKES_WHAT_WAS_GIVEN:
                assert by_name(start, given).items() <= by_name(now, now.holes).items()
            assert takes_back or kept(before, now), "a token was taken back or written over"


def shrinking(_: Canvas, logits: torch.Tensor) -> torch.Tensor:  # [H, V]
    """Make every other row want to go, so that rows go one by one."""
    logits = logits.clone()
    logits[:, DELETE] += 6 - 12 * (torch.arange(len(logits)) % 2)
    return logits


@pytest.mark.parametrize("written", ["mask_predict:steps=3", "p2:steps=3", "remdm:steps=3"])
def test_a_hole_that_only_shrinks_keeps_the_bound(written):
    """Fails if a rule with a plan of few steps forgets that one in which a row goes is not one of them."""
    sampler, calls = made(written), 0
    for seed in range(CASES):
        canvas = join([[1, 2], [3]], [9], [0], MASK)
        states = denoise([canvas], tiny_denoiser(seed), [sampler], [rng(seed)], adjust=[shrinking])
        calls = max(calls, len(list(itertools.islice(states, 100))))
    assert 3 < calls <= bound(sampler, canvas)


@pytest.mark.parametrize("written", [written for written in ALL if not may_stand_still(written)])
def test_at_least_one_token_a_step(written):
    """Fails if a rule that takes nothing back lets a step pass without a token, unless its plan says so and it is asked to keep to it."""
    sampler = made(written)
    for seed in range(CASES):
        states = decode(random_canvas(seed, structural=False), tiny_denoiser(seed, structural=False), sampler, seed)
        left = [int(canvas.masked.sum()) for canvas in states]
        assert all(now < before for before, now in itertools.pairwise(left))


@pytest.mark.parametrize("written", ALL)
def test_same_seed_same_text_in_any_company(written, structural):
    """Fails if a decode depends on anything but its canvas and its seed: state in the rule, global randomness, neighbours."""
    sampler, denoiser = made(written), tiny_denoiser(3, structural=structural)
    starts = [random_canvas(seed, structural=structural) for seed in range(4)]
    alone = [decode(start, denoiser, sampler, seed)[-1].tokens.tolist() for seed, start in enumerate(starts)]
    torch.manual_seed(1)
    rngs = [rng(seed) for seed in range(len(starts))]
    together = denoise(starts, denoiser, [sampler] * len(starts), rngs, adjust=[restless])
    assert alone == [canvas.tokens.tolist() for canvas in list(together)[-1]]


@pytest.mark.parametrize("name", [name for name in SAMPLERS if DECODERS[name].takes_back])
def test_takes_back_in_these_tests(name):
    """Fails if a rule that may take back never does: then the tests above would show nothing of it."""
    count = 0
    for written, seed in itertools.product([each for each in ALL if each.partition(":")[0] == name], range(CASES)):
        start = random_canvas(seed, structural=False)
        states = decode(start, tiny_denoiser(seed, structural=False), made(written), seed)
        count += sum(not kept(before, now) for before, now in itertools.pairwise(states))
        if count > 3:
            return
    pytest.fail(f"only {count} in all cases")


def test_holes_grow_and_shrink_in_these_tests():
    """Fails if the growing network never grows or never shrinks a hole: then the tests above would show nothing of it."""
    grown = shrunk = 0
    for seed in range(CASES):
        states = decode(random_canvas(seed, structural=True), tiny_denoiser(seed), made("threshold"), seed)
        sizes = [len(canvas.rows) for canvas in states]
        grown += sum(b > a for a, b in itertools.pairwise(sizes))
        shrunk += sum(b < a for a, b in itertools.pairwise(sizes))
    assert grown > 1
    assert shrunk > 1
