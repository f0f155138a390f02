"""DualDiffusion: a cheap drafter takes several steps, one call of the verifier goes on from them or takes back.

DualDiffusion: A Speculative Decoding Strategy for Masked Diffusion Models (arXiv 2604.05250); `dual_pipeline.py` and
`verification_algos.py` in Satgoy152/DualDiffusion, whose evaluation drafts 16 steps, verifies with one and goes round 4 times.

In its one call the verifier decides masks as in any step, and judges every token that stands already: `trust` takes none of them back,
`exact` those for which it would write another one, `confidence` those whose probability it puts below a threshold (0.9), `hybrid` both.
As in the code, a token is judged in its own sight (`strategies.kfold` hides it). Not lossless.

Differs from the paper: one tokenizer, so nothing is encoded anew; a drafter that sees both sides goes on wherever masks are, where theirs
is cut off before the first; their `exact` compares with a verifier that keeps every token it was given, and so finds only what the
change of tokenizer broke: here it is compared with the verifier's own choice. One rule serves both models. After the last round, in which
nothing is taken back, the verifier fills what is left; with `trust`, a finished draft is not verified: nothing would come of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import torch
from torch import Tensor

from dlm_lsp.decoders import check_decoder
from dlm_lsp.models.denoiser import Denoiser
from dlm_lsp.sampling.belief import chances
from dlm_lsp.sampling.canvas import Canvas, Move
from dlm_lsp.sampling.denoise import decide, denoise, edit_logits, look_at
from dlm_lsp.sampling.strategy import Adjust, Sampler, Strategy


@dataclass(frozen=True, slots=True)
class Dual:
    """Rounds of drafting and verifying, then the ordinary loop with the verifier."""

    drafter: str = "frozen"
    """Who drafts; the caller of `drafted_by` knows what it means."""
    criterion: str = "trust"
    confidence: float = 0.9
    draft_steps: int = 16
    rounds: int = 4

    def __post_init__(self) -> None:
        check_decoder("dual", asdict(self))

    def max_steps(self, canvas: Canvas) -> int:
        """Bound of the calls of both: those of all rounds, and then as if no row were decided yet."""
        if canvas.done:
            return 0
        return self.rounds * (self.draft_steps + 1) + int(canvas.masked.sum()) + 3 * sum(canvas.budget)

    def drafted_by(self, drafter: Denoiser) -> Strategy:
        """Give the strategy with its drafter."""
        return partial(self._decode, drafter)

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
        """Yield all canvases after every model call; the verifier drafts for itself."""
        return self._decode(denoiser, canvases, denoiser, samplers, rngs, adjust=adjust, ban=ban, min_rows=min_rows)

    def _decode(
        self,
        drafter: Denoiser,
        canvases: Sequence[Canvas],
        denoiser: Denoiser,
        samplers: Sequence[Sampler],
        rngs: Sequence[torch.Generator],
        *,
        adjust: Sequence[Adjust] = (),
        ban: bool = True,
        min_rows: int = 1,
    ) -> Iterator[tuple[Canvas, ...]]:
        now = list(canvases)
        unfinished = {k for k, canvas in enumerate(now) if not canvas.done}

        def ask(model: Denoiser, lanes: Sequence[int], *, judge: bool) -> None:
            """Let a model take one step in some canvases; if it is to judge, it also takes back."""
            # Who judges reads what is written, too.
            answers = model.predict([replace(look_at(now[k], k, samplers[k]), read=None) for k in lanes])
            for k, answer in zip(lanes, answers, strict=True):
                canvas = now[k]
                logits = edit_logits(canvas, answer, model.vocabulary, adjust=adjust, ban=ban, min_rows=min_rows)
                if canvas.done:
                    move = Move(torch.zeros_like(canvas.holes), canvas.tokens, canvas.confidence, memory=canvas.memory)
                else:
                    move = decide(canvas, logits, model.vocabulary, samplers[k], rngs[k], min_rows=min_rows)
                now[k] = canvas.apply(replace(move, revoke=self.rejected(canvas, logits)) if judge else move)

        for turn in range(self.rounds):
            for _ in range(self.draft_steps):
                if not (lanes := [k for k in sorted(unfinished) if not now[k].done]):
                    break
                ask(drafter, lanes, judge=False)
                yield tuple(now)
            judge = self.criterion != "trust" and turn < self.rounds - 1
            unfinished = {k for k in unfinished if judge or not now[k].done}
            if not unfinished:
                return
            ask(denoiser, sorted(unfinished), judge=judge)
            yield tuple(now)
            unfinished = {k for k in unfinished if not now[k].done}
        yield from denoise(now, denoiser, samplers, rngs, adjust=adjust, ban=ban, min_rows=min_rows)

    def rejected(self, canvas: Canvas, logits: Tensor) -> Tensor:  # [H, V] -> [L] bool
        """Choose what the verifier takes back of its own and the drafter's tokens."""
        tokens = canvas.tokens[canvas.rows]  # [H]
        other = logits.argmax(-1).cpu() != tokens
        unlikely = chances(logits, tokens) < self.confidence
        chosen = {"trust": other & False, "exact": other, "confidence": unlikely, "hybrid": other | unlikely}
        rejected = torch.zeros_like(canvas.holes)
        rejected[canvas.rows] = chosen[self.criterion]
        return rejected & canvas.own & ~canvas.masked
