"""Lossless self-speculation: guess the next steps from the last answer, and let one call confirm several of them.

Self Speculative Decoding for Diffusion Large Language Models (arXiv 2510.04147). What the rule would do next if the model's answer
did not change is written down as a chain of states; one call answers about all of them; a state's answer counts as long as
that state is the one to which the true steps have led.

The canvases are those of the ordinary loop, one after another, whatever the temperature and the rule, but for one that looks at a full
hole once more (`sampling.strategy.is_over`): guesses draw from a copy of the random numbers. That holds as far as a view's answer does
not depend on its neighbours in the call: exactly in float64, up to the last digits in float32 (`models.denoiser`), and not with a
cache. Calls become fewer and wider: that saves time where a call about several canvases costs hardly more than one about a single one,
as on a GPU, and loses it on a CPU.

Differs from the paper: a chain, not a tree; the rule may be any, where the paper's commits the one surest token; where a guess grows a
hole, the last answer about a row counts for both that it has become.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from dlm_lsp.decoders import check_decoder
from dlm_lsp.models.denoiser import Denoiser
from dlm_lsp.sampling.canvas import Canvas
from dlm_lsp.sampling.denoise import decide, edit_logits, look_at, max_steps
from dlm_lsp.sampling.strategy import Adjust, Sampler


@dataclass(frozen=True, slots=True)
class SelfSpeculation:
    """Needs at most as many calls as the ordinary loop, each as wide as `states` canvases."""

    states: int = 4

    def __post_init__(self) -> None:
        check_decoder("self_speculation", asdict(self))

    def max_steps(self, canvas: Canvas) -> int:
        """Bound of the model calls."""
        return max_steps(canvas)

    def __call__(
        self,
        canvases: Sequence[Canvas],
        denoiser: Denoiser,
        samplers: Sequence[Sampler],
        rngs: Sequence[torch.Generator],
        *,
        adjust: Sequence[Adjust] = (),
        ban: bool = True,
        min_rows: int = 1,
    ) -> Iterator[tuple[Canvas, ...]]:
        """Yield all canvases after every step of the ordinary loop, one or several a call.

        A canvas that is confirmed for fewer steps than its neighbours waits in its last state.
        """

        def step(canvas: Canvas, answer: Tensor, k: int, rng: torch.Generator) -> Canvas:
            logits = edit_logits(canvas, answer, denoiser.vocabulary, adjust=adjust, ban=ban, min_rows=min_rows)
            return canvas.apply(decide(canvas, logits, denoiser.vocabulary, samplers[k], rng, min_rows=min_rows))

        def guess(first: Canvas, answer: Tensor | None, k: int) -> list[Canvas]:
            chain, rng = [first], rngs[k].clone_state()
            while answer is not None and len(chain) < self.states:
                further = step(chain[-1], answer, k, rng)
                if further.done:
                    break
                answer = follow(answer, chain[-1], further)
                chain.append(further)
            return chain

        now = list(canvases)
        last: dict[int, Tensor] = {}  # the newest answer about each canvas, [H, V]
        while todo := [k for k, canvas in enumerate(now) if not canvas.done]:
            chains = {k: guess(now[k], last.get(k), k) for k in todo}
            views = [look_at(canvas, k, samplers[k]) for k in todo for canvas in chains[k]]
            answers = iter(denoiser.predict(views))
            paths: dict[int, list[Canvas]] = {}
            for k in todo:
                path = [now[k]]
                for guessed in chains[k]:
                    answer = next(answers)
                    if same(guessed, path[-1]):
                        path.append(step(path[-1], answer, k, rngs[k]))
                        last[k] = follow(answer, *path[-2:])
                paths[k] = path[1:]
            for turn in range(max(map(len, paths.values()))):
                for k, path in paths.items():
                    now[k] = path[min(turn, len(path) - 1)]
                yield tuple(now)


def same(one: Canvas, other: Canvas) -> bool:
    """Whether the model is asked the same about both; what a rule remembers of them may differ."""
    return torch.equal(one.tokens, other.tokens) and torch.equal(one.hole_of, other.hole_of)


def follow(answer: Tensor, before: Canvas, after: Canvas) -> Tensor:  # [H, V] -> [H, V]
    """Give an old answer the rows that a canvas has after a step."""
    places = {name: place for place, name in enumerate(before.names[before.rows].tolist())}
    found, place = [], 0
    for name in after.names[after.rows].tolist():
        place = places.get(name, place)  # a row that is new stands behind the one that it came from
        found.append(place)
    return answer[found]
