"""Saber: commit what is surer than the tokens before it were, and take back what the new context makes doubtful.

Saber: An Efficient Sampling with Adaptive Acceleration and Backtracking Enhanced Remasking for Diffusion Language Model
(arXiv 2510.18165 v3). Three algorithms carry that name; `variant` chooses. In all of them a step drafts the masked rows whose
confidence c is above tau, at least the `n` surest, where tau is a mean of confidences (1 before there are any); then, unless
no mask is left, it takes back fewer tokens than it drafted. m is the number of drafted rows.

- `paper`: tau is the mean over the tokens that stand there now, of c when they were committed. Of those that stood there before
  this step, max(1, floor(m / mu)) go: those whose probability has fallen most since the last step.
- `llada` (`generate_with_saber` in `decoding.py` of zhaoyMa/Saber): tau is the mean over all rows ever committed, of c when they
  last were. max(floor(n / 2), ceil(m / mu)) go: those where c, the confidence in the likeliest token whichever stands there, has
  risen least; of the rows just drafted too.
- `dream` (`Dream/generation_utils.py`): tau is the mean over all rows ever committed, of c when they first were. ceil(m / mu) go:
  those with the least probability now; of the rows just drafted too.

Takes back: at most as many tokens in a decode as were masked at its start, so that it ends in at most 2 H steps and 3 more for each
row that the hole may grow by. A hole that does not grow never comes to that limit, for with mu >= 3 no step takes back more than half
of what it drafts: then H - 1 steps are enough for H > 1.

Differs from the paper: rows that stood there at the start are never taken back; `floor` keeps tau up where an unsure model would
lower it (0, the default, does not); confidences are those at temperature 1. At least n, and fewer back than drafted, are the
codes'. No eos_penalty: what is forbidden is forbidden in any step. With blocks, blocks already decoded are looked at too, as in the
code for LLaDA.
Faults of the codes, with `faithful`: that for Dream takes known text behind the first mask back too; that for LLaDA drafts rows
that are not masked, or ahead of the block, where fewer than n masks are left in the block: it writes them anew.
"""

from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from dlm_lsp.decoders import check_decoder
from dlm_lsp.sampling.belief import believe, chances
from dlm_lsp.sampling.canvas import Canvas, Memory, Move
from dlm_lsp.sampling.denoise import max_steps
from dlm_lsp.sampling.schedule import surest


@dataclass(frozen=True, slots=True)
class Saber:
    """Drafts and takes back; ends within the bound above."""

    variant: str = "dream"
    n: int = 2
    mu: int = 8
    floor: float = 0.0
    block: int = 0
    """Rows of a block; 0 is one block of all."""
    temperature: float = 0.0
    faithful: bool = False

    def __post_init__(self) -> None:
        check_decoder("saber", asdict(self))

    def focus(self, canvas: Canvas) -> Tensor:  # [L] bool
        """All rows up to the end of the block: what was written is looked at too."""
        inside = torch.zeros_like(canvas.holes)
        inside[canvas.rows] = self._blocks(canvas)[0]
        return inside

    def max_steps(self, canvas: Canvas) -> int:
        """Bound of the model calls: every row is decided once more for each time that a token is taken back."""
        return max_steps(canvas) + int(canvas.masked.sum()) + sum(canvas.budget)

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Draft, then take back."""
        memory = canvas.remember()
        masked, now = canvas.undecided, canvas.tokens[canvas.rows]  # [H], [H]
        inside, block = self._blocks(canvas)  # [H]
        tokens, confidence = believe(logits, self.temperature, rng)  # [H], [H]
        recorded, taken = self._recorded(memory, masked)  # [H], [H]
        draft = self._draft(masked & inside, confidence, recorded)
        tokens = torch.where(masked | memory.own, tokens, now)
        held = torch.where(draft, tokens, now)
        likely = chances(logits, held)  # [H]
        seen = likely if self.variant == "paper" else confidence
        last = memory.rows.get("last", torch.zeros_like(seen))
        finished = not bool((masked & inside & ~draft).any())
        may = inside & (~masked if self.variant == "paper" else ~masked | draft) & ~last.isnan()
        may &= memory.own.cummax(0).values if self.faithful and self.variant == "dream" else memory.own
        total = int(memory.numbers.get("taken_back", 0))
        count = 0 if finished else min(self._count(int(draft.sum())), memory.start - total)
        back = surest(-likely if self.variant == "dream" else last - seen, may, max(0, count))
        move = canvas.commit(draft & ~back, tokens, confidence)
        revoke = torch.zeros_like(canvas.holes)
        revoke[canvas.rows] = (draft | back) & ~masked
        new = draft & (recorded.isnan() if self.variant == "dream" else True)
        rows = {
            "recorded": torch.where(new, torch.where(inside, confidence, torch.nan), recorded),
            "taken": torch.where(draft, False, taken) | back,
            "last": torch.where(inside, seen, torch.nan),
        }
        numbers = {"taken_back": total + int(back.sum()), "block": block + finished}
        return replace(move, revoke=revoke, memory=memory.next(rows=rows, numbers=numbers))

    def _blocks(self, canvas: Canvas) -> tuple[Tensor, int]:  # [H] bool
        """Rows up to the end of the block, and its number. It never goes back, though earlier blocks may be open again."""
        memory = canvas.remember()
        number = (memory.own.cumsum(0) - 1) // (self.block or len(memory.own))  # [H]
        masked = canvas.undecided
        block = int(memory.numbers.get("block", 0))
        if bool(masked.any()):
            block = max(block, int(number[masked].min()))
        return number <= block, block

    def _recorded(self, memory: Memory, masked: Tensor) -> tuple[Tensor, Tensor]:  # [H] -> [H], [H]
        """The confidences that tau is the mean of, NaN where there is none, and which rows were taken back."""
        nothing = torch.full(masked.shape, torch.nan)
        recorded = memory.rows.get("recorded", nothing)
        taken = memory.rows.get("taken", torch.zeros_like(masked))
        # What was drafted, is masked and was not taken back was a token of growth: it did not come to stand there.
        gone = masked & ~taken if self.variant != "paper" else masked
        return torch.where(gone, nothing, recorded), taken

    def _draft(self, masked: Tensor, confidence: Tensor, recorded: Tensor) -> Tensor:  # [H], [H], [H] -> [H] bool
        """What is surer than tau, or at least the n surest."""
        known = recorded[~recorded.isnan()].double()
        tau = max(float(known.mean()), self.floor) if len(known) else 1.0
        draft = masked & (confidence.double() > tau)
        if int(draft.sum()) >= self.n:
            return draft
        if self.faithful and self.variant == "llada":
            draft[torch.where(masked, confidence, -torch.inf).topk(min(self.n, len(draft))).indices] = True
            return draft
        return surest(confidence, masked, self.n)

    def _count(self, m: int) -> int:
        """How many go for m drafted rows."""
        share = -(-m // self.mu)
        if self.variant == "paper":
            share = max(1, m // self.mu)
        elif self.variant == "llada":
            share = max(self.n // 2, share)
        return min(share, m - 1)
