"""The loop: ask the denoiser once, ask each canvas's sampler for a move, apply it, until no mask is left and no sampler looks on.

In: canvases with masks. Out: the canvases after every step. Cancellation, deadlines, previews and counting belong to whoever
iterates; text, holes in documents and concrete models are unknown here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from dlm_lsp.models.denoiser import Denoiser, View, Vocabulary, send
from dlm_lsp.sampling.canvas import Canvas, Move
from dlm_lsp.sampling.length import bound_length, resize
from dlm_lsp.sampling.strategy import Adjust, Sampler, Strategy, focus_of, is_over, read_by


def denoise(
    canvases: Sequence[Canvas],
    denoiser: Denoiser,
    samplers: Sequence[Sampler],
    rngs: Sequence[torch.Generator],
    *,
    adjust: Sequence[Adjust] = (),
    ban: bool = True,
    min_rows: int = 1,
) -> Iterator[tuple[Canvas, ...]]:
    """Yield all canvases after every model call, finished ones included; nothing where there is no mask.

    `ban=False` lets forbidden ids be committed, as the published reference codes do; then the mask may be the answer and
    nothing promises an end. Otherwise a canvas whose sampler takes nothing back needs at most `max_steps` calls.
    """
    now = list(canvases)
    while todo := [k for k, canvas in enumerate(now) if not is_over(samplers[k], canvas)]:
        answers = denoiser.predict([look_at(now[k], k, samplers[k]) for k in todo])
        for k, answer in zip(todo, answers, strict=True):
            canvas = now[k]
            logits = edit_logits(canvas, answer, denoiser.vocabulary, adjust=adjust, ban=ban, min_rows=min_rows)
            move = decide(canvas, logits, denoiser.vocabulary, samplers[k], rngs[k], min_rows=min_rows)
            now[k] = canvas.apply(move)
            assert not ban or move.revoke is not None or move.idle or max_steps(now[k]) < max_steps(canvas), (
                "a step without progress"
            )
        yield tuple(now)


def look_at(canvas: Canvas, lane: int, sampler: Sampler) -> View:
    """Make the question about a canvas that its sampler needs answered."""
    return View(canvas.tokens, canvas.rows, lane=lane, focus=focus_of(sampler, canvas), read=read_by(sampler, canvas))


def decide(
    canvas: Canvas, logits: Tensor, vocabulary: Vocabulary, sampler: Sampler, rng: torch.Generator, *, min_rows: int
) -> Move:  # logits [H, V], edited
    """Make the move of a sampler that a canvas can carry out; which rows were masked at the start is remembered for all of them."""
    move = resize(canvas, sampler(canvas, logits, rng), vocabulary, min_rows)
    return move if move.memory else replace(move, memory=canvas.remember().next())


def edit_logits(
    canvas: Canvas, answer: Tensor, vocabulary: Vocabulary, *, adjust: Sequence[Adjust], ban: bool, min_rows: int
) -> Tensor:  # [H, V] -> [H, V]
    """Make of a model's answer what a sampler may see: nothing that is forbidden, no length that the hole may not have."""
    banned = vocabulary.banned if ban else vocabulary.banned[:0]
    logits = answer.index_fill(
        1, send(banned, answer.device), -torch.inf
    )  # [H, V], ours: who answered may keep the answer
    bound_length(canvas, logits, vocabulary, min_rows)
    for edit in adjust:
        logits = edit(canvas, logits)
    return logits


def max_steps(canvas: Canvas) -> int:
    """Bound of the model calls: a step decides or drops a mask, or spends one of the budget and adds a mask."""
    return 0 if canvas.done else canvas.masks + 2 * sum(canvas.budget)


DEFAULT: Strategy = denoise
"""The order of model calls that is used where nothing else is asked for."""
