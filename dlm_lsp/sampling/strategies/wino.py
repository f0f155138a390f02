"""Wide in, narrow out: commit many doubtful tokens at once, and take back those that the model does not expect any more.

Wide-In, Narrow-Out: Revokable Decoding for Efficient and Effective DLLMs (arXiv 2507.18578), algorithm 1; `LLaDA/decoding.py`,
`decoding_wino`, in Feng-Hong/WINO-DLLM. Letters of the paper: tau1 is `draft_threshold`, tau2 is `check_threshold`.

A shadow of the block, masks at the same positions, rides along in every call: what it answers about a token has not that token in
sight, and so checks it. No other row sees the shadow. This is no true leave-one-out: the other rows have seen the token, so from the
second layer on they tell the shadow of it (`strategies.kfold` does not leak).

Differs from the paper: a hole is a block up to `block`, several holes count as one; only rows that were masked at the start
are ever taken back (the code's block may hold known ones); equal confidences go to the leftmost; expand and delete are accepted
like tokens, as far as `sampling.length` lets them. In front of every stretch of the shadow stands a copy of the row before it, which
nothing sees: in a model of the Dream family, for which the authors have no code, that row answers about the first of the stretch, and
the rule of what a row may see goes with the answer (`models.denoiser.View`). In LLaDA the copy changes nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import torch
from torch import Tensor

from dlm_lsp.decoders import check_decoder
from dlm_lsp.models.denoiser import Denoiser, View
from dlm_lsp.sampling.belief import believe, chances
from dlm_lsp.sampling.blocks import leftmost_block
from dlm_lsp.sampling.canvas import Canvas, Move
from dlm_lsp.sampling.denoise import decide, edit_logits, max_steps
from dlm_lsp.sampling.schedule import surest
from dlm_lsp.sampling.strategy import Adjust, Sampler, focus_of

MOST_AT_ONCE, LEAST_AT_ONCE = 20, 5
"""Bounds of how many tokens a step may commit; between them, 7 of 10 masks."""


@dataclass(frozen=True, slots=True)
class WideIn:
    """The rule that drafts: commit what is surer than a low threshold, at least the surest, up to a bound."""

    threshold: float = 0.6
    block: int = 128
    temperature: float = 0.0

    def focus(self, canvas: Canvas) -> Tensor:  # [L] bool
        """Give the leftmost block that has a mask."""
        return leftmost_block(canvas, self.block)

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Commit masks of the block with c > tau1, or else the best one."""
        tokens, confidence = believe(logits, self.temperature, rng)  # [H], [H]
        open_ = (canvas.masked & self.focus(canvas))[canvas.rows]  # [H]
        most = min(max(int(open_.sum()) * 7 // 10, LEAST_AT_ONCE), MOST_AT_ONCE)
        sure = open_ & (confidence > self.threshold)
        chosen = surest(confidence, sure, most) if bool(sure.any()) else surest(confidence, open_, 1)
        return canvas.commit(chosen, tokens, confidence)


@dataclass(frozen=True, slots=True)
class Wino:
    """Ends in at most one step a mask, as if it took nothing back: it takes back fewer than it committed the step before."""

    draft_threshold: float = 0.6
    check_threshold: float = 0.9
    block: int = 128
    temperature: float = 0.0

    def __post_init__(self) -> None:
        check_decoder("wino", asdict(self))

    def rule(self) -> WideIn:
        """Give the rule of its steps."""
        return WideIn(self.draft_threshold, self.block, self.temperature)

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
        """Yield all canvases after every model call."""
        now = list(canvases)
        accepted = [1] * len(now)  # in the step before; in the first there is nothing to take back
        while todo := [k for k, canvas in enumerate(now) if not canvas.done]:
            blocks = {k: block_of(now[k], samplers[k]) for k in todo}
            answers = denoiser.predict([ask_twice(now[k], blocks[k], k) for k in todo])
            for k, answer in zip(todo, answers, strict=True):
                canvas, block = now[k], blocks[k]
                edit = partial(edit_logits, vocabulary=denoiser.vocabulary, adjust=adjust, ban=ban, min_rows=min_rows)
                logits = edit(canvas, answer[: len(canvas.rows)])  # [H, V]
                move = decide(canvas, logits, denoiser.vocabulary, samplers[k], rngs[k], min_rows=min_rows)
                count = _touched(move)
                if count > 1:
                    expected = in_shadow(canvas, block, answer[len(canvas.rows) :], edit)  # [L]
                    judged = canvas.own & ~canvas.masked
                    move = replace(move, revoke=self.narrow_out(judged, expected, most=accepted[k] - 1))
                now[k], accepted[k] = canvas.apply(move), count
            yield tuple(now)

    def narrow_out(self, judged: Tensor, expected: Tensor, most: int) -> Tensor:  # [L] bool, [L] float32 -> [L] bool
        """Choose what is taken back: of the judged rows the least expected ones, p < tau2."""
        return surest(-expected, judged & (expected < self.check_threshold), most)


def block_of(canvas: Canvas, sampler: Sampler) -> Tensor:  # [L] bool
    """Give the rows that have a shadow: those that the sampler decides now."""
    focus = focus_of(sampler, canvas)
    return canvas.holes if focus is None else focus


def ask_twice(canvas: Canvas, block: Tensor, lane: int) -> View:  # [L] bool
    """Make the question about the hole rows, and behind them about the block's rows once more, each without its token."""
    length = len(canvas.tokens)
    inside = block.nonzero().flatten()  # [B]
    before = inside[~torch.isin(inside - 1, inside)] - 1  # one for every stretch, -1 where nothing stands there
    places = torch.cat([inside, before]).sort().values  # [S]
    masks = torch.isin(places, inside)  # [S] bool
    shadow = length + torch.arange(len(places))  # [S]
    hidden = masks | (places < 0)
    here = places.clamp_min(0)
    visible = torch.zeros(length + len(places), length + len(places), dtype=torch.bool)
    visible[:, :length] = True
    visible[length + 1 :, length:] = masks
    visible[shadow[masks], inside] = False
    return View(
        torch.cat([canvas.tokens, torch.where(hidden, canvas.mask_id, canvas.tokens[here])]),
        torch.cat([canvas.rows, shadow[masks]]),
        positions=torch.cat([torch.arange(length), here]),
        visible=visible,
        lane=lane,
    )


def in_shadow(
    canvas: Canvas, block: Tensor, answer: Tensor, edit: Callable[[Canvas, Tensor], Tensor]
) -> Tensor:  # [L] bool, [B, V] -> [L] float32
    """Give the probability of the block's tokens in the shadow's answer, edited as the answer about masks; 1 elsewhere."""
    wide = answer.new_zeros(len(canvas.rows), answer.shape[-1])  # [H, V]
    here = block[canvas.rows].to(answer.device)  # [H] bool
    wide[here] = answer
    logits = edit(replace(canvas, tokens=torch.where(block, canvas.mask_id, canvas.tokens)), wide)
    expected = torch.ones(len(canvas.tokens))
    expected[block] = chances(logits[here], canvas.tokens[block])
    return expected


def _touched(move: Move) -> int:
    structural = sum(int(rows.sum()) for rows in (move.grow, move.drop) if rows is not None)
    return int(move.commit.sum()) + structural
