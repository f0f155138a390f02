"""Rules that take back or write anew what they have written: Saber in three forms, SUNDAE, LLaDA2.1's edits.

Each against the literal transcription of its paper, mutated, and by scripted models: one that never agrees with itself must end.
"""

import functools
import itertools
import random
from collections.abc import Callable

import pytest
import torch

from dlm_lsp.errors import SettingsError
from dlm_lsp.sampling.canvas import Canvas, join
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.pace import Pace
from dlm_lsp.sampling.samplers import make_sampler
from dlm_lsp.sampling.samplers.llada21 import Llada21
from dlm_lsp.sampling.samplers.saber import Saber
from dlm_lsp.sampling.samplers.sundae import Sundae
from dlm_lsp.sampling.strategy import Sampler, is_over
from tests.sampling.literal.llada21 import llada21_step
from tests.sampling.literal.saber import saber_dream_step, saber_llada_step, saber_paper_step
from tests.sampling.literal.sundae import sundae_step
from tests.sampling.mutants import mutant
from tests.sampling.stepwise import MASK, NEVER, Literal, disagreements, numbers_of_a_step, temperature
from tests.sampling.tiny import EXPAND, rng, tiny_denoiser

SABER = {"paper": saber_paper_step, "llada": saber_llada_step, "dream": saber_dream_step}


def saber_pair(variant: str, made: type, draw: random.Random) -> tuple[Sampler, Literal]:
    """The rule and its transcription with the same random parameters."""
    n, mu, floor = draw.choice([2, 2, 3, 5]), draw.choice([8, 8, 3, 4]), draw.choice([0.0, 0.0, 0.6, 0.9])
    warm = temperature(draw)
    literal = functools.partial(SABER[variant], n=n, mu=mu, floor=floor, temperature=warm, uniform=numbers_of_a_step)
    return made(variant, n, mu, floor, temperature=warm), literal


def sundae_pair(made: type, draw: random.Random) -> tuple[Sampler, Literal]:
    """The rule and its transcription with the same random parameters."""
    parameters = {
        "start": draw.choice(["proposal", "proposal", "random"]),
        "rounds": draw.choice([0, 1, 4, 16]),
        "share": draw.choice([1.0, 0.5, 0.3]),
        "temperature": temperature(draw),
    }
    return made(**parameters), functools.partial(sundae_step, **parameters, uniform=numbers_of_a_step)


def llada21_pair(made: type, draw: random.Random) -> tuple[Sampler, Literal]:
    """The rule and its transcription with the same random parameters."""
    tau_mask, tau_edit, most = draw.choice([0.95, 0.5, 0.25]), draw.choice([0.9, 0.5, 0.25]), draw.choice([0, 1, 16])
    parameters = {"tau_mask": tau_mask, "tau_edit": tau_edit, "max_post_steps": most, "temperature": temperature(draw)}
    return made(**parameters), functools.partial(llada21_step, **parameters, uniform=numbers_of_a_step)


Pair = Callable[[type, random.Random], tuple[Sampler, Literal]]
PAIRS: dict[str, tuple[type, Pair]] = {
    "paper": (Saber, functools.partial(saber_pair, "paper")),
    "llada": (Saber, functools.partial(saber_pair, "llada")),
    "dream": (Saber, functools.partial(saber_pair, "dream")),
    "sundae": (Sundae, sundae_pair),
    "llada21": (Llada21, llada21_pair),
}


@pytest.mark.parametrize("name", PAIRS)
def test_agrees_with_the_paper(name: str) -> None:
    """Fails if any step of 200 random decodes differs from the literal transcription, or one ends at another step."""
    rule, pair = PAIRS[name]
    assert 0 == disagreements(functools.partial(pair, rule), cases=200, most=12)


DOUBT = 'surest(-likely if self.variant == "dream" else last - seen, may, max(0, count))'
COLD = ("believe(logits, self.temperature, rng)", "believe(logits, 0.0, rng)")
MUTATIONS: dict[str, dict[str, tuple[str, str]]] = {
    "paper": {
        "nothing is drawn": COLD,
        "reaches tau": ("confidence.double() > tau", "confidence.double() >= tau"),
        "what just came may go": ('~masked if self.variant == "paper" else ~masked | draft', "~masked | draft"),
        "rounded up": ("share = max(1, m // self.mu)", "share = max(1, -(-m // self.mu))"),
        "the smallest drop goes": (DOUBT, "surest(seen - last, may, max(0, count))"),
        "confidence in the likeliest token": ('likely if self.variant == "paper" else confidence', "confidence"),
        "taken back but remembered": ('masked & ~taken if self.variant != "paper" else masked', "masked & ~taken"),
    },
    "llada": {
        "nothing is drawn": COLD,
        "reaches tau": ("confidence.double() > tau", "confidence.double() >= tau"),
        "taken back and forgotten": ('masked & ~taken if self.variant != "paper" else masked', "masked"),
        "the first confidence counts": ('recorded.isnan() if self.variant == "dream" else True', "recorded.isnan()"),
        "only what stood there may go": ("~masked | draft)", "~masked)"),
        "rounded down": ("share = -(-m // self.mu)", "share = m // self.mu"),
        "the largest rise goes": (DOUBT, "surest(seen - last, may, max(0, count))"),
        "the probability of what stands there": ('likely if self.variant == "paper" else confidence', "likely"),
        "half of n is not enough": ("max(self.n // 2, share)", "share"),
        "takes back when all is written": ("count = 0 if finished else ", "count = "),
        "the last step is forgotten": ('"last": torch.where', '"before": torch.where'),
    },
    "dream": {
        "nothing is drawn": COLD,
        "reaches tau": ("confidence.double() > tau", "confidence.double() >= tau"),
        "taken back and forgotten": ('masked & ~taken if self.variant != "paper" else masked', "masked"),
        "the last confidence counts": ('recorded.isnan() if self.variant == "dream" else True', "True"),
        "only what stood there may go": ("~masked | draft)", "~masked)"),
        "rounded down": ("share = -(-m // self.mu)", "share = m // self.mu"),
        "the likeliest goes": ("surest(-likely", "surest(likely"),
        "as many as came may go": ("min(share, m - 1)", "share + 1"),
        "rows of before may go": ("else memory.own\n", "else memory.own.new_ones(len(draft))\n"),
        "no floor": ("max(float(known.mean()), self.floor)", "float(known.mean())"),
        "at least n means at least one": ("int(draft.sum()) >= self.n", "bool(draft.any())"),
        "the highest confidence, not the mean": ("float(known.mean())", "float(known.max())"),
    },
    "sundae": {
        "nothing is drawn": COLD,
        "the likeliest are looked at": ("surest(-chances", "surest(chances"),
        "the share is rounded down": ("math.ceil(", "int("),
        "all rows may change": ("memory.own, math.ceil", "memory.own.new_ones(len(masked)), math.ceil"),
        "one look more": (">= self.rounds", "> self.rounds"),
        "no fixed point": ("(seen is not None and torch.equal(seen, now))", "False"),
        "a look is not counted": ('memory.numbers.get("round", 0) + 1', 'memory.numbers.get("round", 0)'),
        "every start is the model's": ('if self.start == "random":', "if False:"),
        "a random start of any token": ("logits.isfinite().float()", "torch.ones_like(logits)"),
        "surest first in a hole of masks": (
            "canvas.commit(masked, tokens",
            "canvas.commit(surest(confidence, masked, 1), tokens",
        ),
    },
    "llada21": {
        "nothing is drawn": COLD,
        "masks that reach tau_mask": ("confidence > self.tau_mask", "confidence >= self.tau_mask"),
        "edits that reach tau_edit": ("confidence > self.tau_edit", "confidence >= self.tau_edit"),
        "one threshold for both": ("confidence > self.tau_edit", "confidence > self.tau_mask"),
        "rows of before are edited": ("memory.own & ~masked", "~masked"),
        "no edits while masks are left": ("edit = memory.own", "edit = (not bool(masked.any())) & memory.own"),
        "one look more": (">= self.max_post_steps", "> self.max_post_steps"),
        "no fixed point": ("seen is not None and torch.equal(seen, now)", "False"),
        "no at-least-one": ("unmask[torch.where(masked, confidence, -1.0).argmax()] = True", "pass"),
    },
}


@pytest.mark.parametrize(
    ("name", "mistake"),
    [pytest.param(name, mistake, id=f"{name}-{mistake}") for name in MUTATIONS for mistake in MUTATIONS[name]],
)
def test_mutations_are_caught(name: str, mistake: str) -> None:
    """Fails if the comparison above would not notice this mistake in the sampler."""
    rule, pair = PAIRS[name]
    changed = mutant(rule, *MUTATIONS[name][mistake])
    assert 0 < disagreements(functools.partial(pair, changed), most=12, patience=1)


def sure(token: int, confidence: float) -> list[float]:
    """Logits of a row that is sure of a token to this degree."""
    return [
        *(float(torch.tensor(confidence if k == token else (1 - confidence) / 7).log()) for k in range(MASK)),
        NEVER,
    ]


def rows_changed(sampler: Sampler, canvas: Canvas, *steps: list[list[float]]) -> list[list[int]]:
    """The tokens of the hole after each step of a model with written-out answers."""
    found = []
    for logits in steps:
        canvas = canvas.apply(sampler(canvas, torch.tensor(logits), rng()))
        found.append(canvas.tokens[canvas.rows].tolist())
    return found


def test_forms_of_saber_differ() -> None:
    """Fails if two of the forms are the same: on this script each ends elsewhere.

    All draft rows 0 and 2. Then another token becomes the likeliest at 0, and the model a little surer of 2. The paper's form
    takes back what has lost most, LLaDA's where the likeliest has won least, Dream's what is least likely.
    """
    first = [sure(1, 0.9), sure(2, 0.8), sure(3, 0.88), sure(4, 0.4), sure(5, 0.3)]
    second = [sure(6, 0.99), sure(2, 0.7), sure(3, 0.92), sure(4, 0.95), sure(5, 0.3)]
    found = {v: rows_changed(Saber(v), join([[], [1]], [5], [0], MASK), first, second) for v in SABER}
    assert [[1, MASK, 3, MASK, MASK], [MASK, 2, 3, 4, MASK]] == found["paper"]
    assert [[1, MASK, MASK, MASK, MASK], [1, MASK, MASK, 4, MASK]] == found["llada"]
    assert [[1, MASK, MASK, MASK, MASK], [MASK, MASK, 3, 4, MASK]] == found["dream"]


@pytest.mark.parametrize("variant", SABER)
def test_as_sure_as_before_is_not_drafted(variant: str) -> None:
    """Fails if c = tau is enough: all rows are exactly as sure, so every step drafts n and no more."""
    half = [*[0.0, 0.0], *[NEVER] * 7]
    after = rows_changed(Saber(variant), join([[], [1]], [9], [0], MASK), *[[half] * 9] * 3)
    assert max(9 - row.count(MASK) for row in after) <= 6


@pytest.mark.parametrize("variant", SABER)
def test_one_row(variant: str) -> None:
    """Fails if a hole of one row is taken back for ever, or n = 2 needs two rows."""
    assert [[1]] == rows_changed(Saber(variant), join([[3], [1]], [1], [0], MASK), [sure(1, 0.2)])


class Oscillating:
    """A model that is always sure of another token than the one that stands there, and of masks never in the same one twice."""

    def __init__(self, *, expand: bool = False) -> None:
        self.inner = tiny_denoiser(structural=expand)
        self.vocabulary = self.inner.vocabulary
        self.calls = 0

    def predict(self, views):
        """Rows further right are less sure, by turns."""
        self.calls += 1
        answers = []
        for view in views:
            logits = torch.full((len(view.rows), self.vocabulary.size), -8.0)
            for n, place in enumerate(view.rows.tolist()):
                logits[n, (int(view.tokens[place]) + self.calls) % 19] = 4.0 + ((n * 7 + self.calls * 5) % 11) / 4
                if self.vocabulary.expand_id is not None and (n + self.calls) % 5 == 0:
                    logits[n, EXPAND] = 9.0
            answers.append(logits)
        return answers


ENDLESS = [
    *(Saber(v) for v in SABER),
    *(Saber(v, block=3) for v in SABER),
    Saber("llada", 4),
    Sundae(),
    Sundae("random", 5),
    Llada21(),
]


@pytest.mark.parametrize("expand", [False, True], ids=["fixed", "growing"])
@pytest.mark.parametrize("sampler", ENDLESS, ids=repr)
def test_a_model_that_never_agrees_with_itself_ends(sampler: Sampler, expand: bool) -> None:
    """Fails if a rule takes back for ever, or needs more calls than it says."""
    for rows in (1, 2, 3, 9, 24):
        model = Oscillating(expand=expand)
        canvas = join([[1], [2]], [rows], [rows if expand else 0], model.vocabulary.mask_id)
        bound = sampler.max_steps(canvas)
        states = [now for (now,) in itertools.islice(denoise([canvas], model, [sampler], [rng()]), bound + 1)]
        assert states[-1].done
        assert len(states) <= bound
        assert is_over(sampler, states[-1])


@pytest.mark.parametrize("variant", SABER)
def test_saber_needs_less_than_a_call_a_row(variant: str) -> None:
    """Fails if the bound of the codes does not hold without growth: H - 1 calls for more than one row."""
    for rows in (2, 3, 9, 24):
        model = Oscillating()
        canvas = join([[1], [2]], [rows], [0], model.vocabulary.mask_id)
        assert len(list(denoise([canvas], model, [Saber(variant)], [rng()]))) <= rows - 1


def test_looks_until_nothing_changes() -> None:
    """Fails if a text that the model agrees with is looked at twice, or one that it changes is not looked at again."""
    canvas = join([[1], [2]], [3], [0], MASK)
    ones, twos = [sure(1, 0.99)] * 3, [sure(1, 0.99), sure(2, 0.99), sure(1, 0.99)]
    for sampler in (Sundae(), Llada21()):
        state, looks = canvas, 0
        for logits in (ones, twos, twos, twos):
            if is_over(sampler, state):
                break
            state, looks = state.apply(sampler(state, torch.tensor(logits), rng())), looks + 1
        assert [1, 2, 1] == state.tokens[1:4].tolist()
        assert 3 == looks


def test_growth_acts_on_masks_only() -> None:
    """Fails if an edit that is a token of growth is written, or tears a written row out of the hole."""
    for sampler in (Sundae(rounds=6), Llada21(tau_mask=0.3, tau_edit=0.1, max_post_steps=6)):
        for seed in range(12):
            model = tiny_denoiser(seed)
            canvas = join([[1, 2], [3]], [4], [6], model.vocabulary.mask_id)
            states = [canvas, *(now for (now,) in denoise([canvas], model, [sampler], [rng(seed)]))]
            for then, now in itertools.pairwise(states):
                assert now.holes.sum() == then.holes.sum() or not then.done
            assert not bool(model.vocabulary.forbidden[states[-1].tokens[states[-1].rows]].any())


def test_random_start_is_random() -> None:
    """Fails if the first text of `random` is the model's, or does not come from the seed."""
    canvas = join([[1], [2]], [6], [0], MASK)
    logits = torch.tensor([sure(1, 0.999)] * 6)
    sampler = Sundae("random")
    texts = {tuple(canvas.apply(sampler(canvas, logits, rng(seed))).tokens.tolist()) for seed in range(6)}
    assert 6 == len(texts)
    assert canvas.apply(sampler(canvas, logits, rng(3))).tokens.tolist() in [list(text) for text in texts]
    assert not any(MASK in text for text in texts)


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ({"name": "saber", "variant": "lada"}, "llada"),
        ({"name": "saber", "n": 1}, "n"),
        ({"name": "saber", "mu": 2}, "mu"),
        ({"name": "saber", "floor": 1.1}, "floor"),
        ({"name": "sundae", "start": "draft"}, "start"),
        ({"name": "sundae", "share": 1.5}, "share"),
        ({"name": "llada21", "max_post_steps": -1}, "max_post_steps"),
    ],
)
def test_parameters_out_of_range(written: dict, named: str) -> None:
    """Fails if a parameter that means nothing is taken, or the sentence does not name it."""
    with pytest.raises(SettingsError, match=named):
        make_sampler(**written)


def test_a_rule_inside_another_looks_on_too() -> None:
    """Fails if a decode with growth kept at a pace, as the server's are, ends before its rule has looked at the full hole."""
    model = tiny_denoiser(4)
    canvas = join([[1, 2], [3]], [5], [4], model.vocabulary.mask_id)
    states = [now for (now,) in denoise([canvas], model, [Pace(Sundae(rounds=3), canvas, model.vocabulary)], [rng()])]
    assert 2 <= sum(state.done for state in states)
