"""Caches: a Denoiser around a Denoiser that computes some rows again and reuses keys and values of the others.

In: views; each lane is remembered from call to call. Out: logits as from the denoiser inside, but approximate: without a causal mask
every key and value depends on all tokens. Which rows are computed is one frozen dataclass a paper; `CACHES` in `dlm_lsp.decoders`
names them. What no paper may save is computed whatever the rule says: everything where anything but the hole changed, a row that
was taken back, a row that speaks about a mask that is decided now. Knows nothing of samplers and text.

One call goes through the network once, whatever the lengths: the computed rows of all lanes stand one after another, and only
attention goes lane by lane.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from dlm_lsp.decoders import check_cache, read_cache
from dlm_lsp.models.denoiser import Denoiser, View
from dlm_lsp.models.kept_context import Contexts, copy_rows, equal_ends
from dlm_lsp.models.transformer import Again, Kept, NetworkDenoiser

NEVER = -1
"""The token of a row that was never computed."""


@dataclass(frozen=True, slots=True)
class Now:
    """What is asked about one canvas, by rows."""

    tokens: Tensor  # [L] int64
    positions: Tensor  # [L] int64
    wanted: Tensor  # [L] bool, the holes
    unknown: Tensor  # [L] bool, the masks in them
    focus: Tensor  # [L] bool, wanted rows that are decided now, such as a block
    speakers: Callable[[Tensor], Tensor]
    """From rows to those rows of the network that speak about their tokens; in the Dream family the rows before."""

    def speak(self, about: Tensor) -> Tensor:  # [L] bool -> [L] bool
        """Mark the network's rows that speak about the tokens of the rows marked."""
        rows = torch.zeros_like(about)
        rows[self.speakers(about.nonzero().flatten())] = True
        return rows

    @property
    def in_order(self) -> bool:
        """Whether every row stands where it is counted."""
        return torch.equal(self.positions, torch.arange(len(self.tokens)))

    @property
    def shifted(self) -> bool:
        """Whether another row than a token's own speaks about it."""
        return bool(self.speakers(torch.ones(1, dtype=torch.int64)) != 1)


@dataclass(frozen=True, slots=True)
class Last:
    """What is remembered of a lane."""

    now: Now
    """The call before."""
    first: Now
    """The call in which all rows were computed last."""
    computed: Tensor  # [L] int64, the token of each row when it was computed last, or NEVER
    calls: int
    """Since then, that one included."""
    focus_calls: int
    """Since another block began, that one included."""
    kept: Kept


class Rule(Protocol):
    """Which rows of a canvas are computed again."""

    moves: ClassVar[bool]
    """Whether what stands around the holes may be kept where they grow or shrink."""

    def __call__(self, now: Now, last: Last) -> Tensor:  # [L] bool
        """Decide from what is asked and what is remembered; what no rule may save is added."""
        ...


@dataclass(frozen=True, slots=True)
class Prefix:
    """Fast-dLLM's prefix cache (arXiv 2505.22618, section 3.2; `generate_with_prefix_cache`): everything from the block on is computed.

    A block is the view's focus; all rows are computed when another one begins. Differs from the code for Dream: that commits a
    block's first token from the full pass whatever its confidence, because its slice lacks the row before, which speaks about it.
    Here that row is computed as long as the token is a mask; `threshold` with `faithful` commits as that code does.
    """

    moves: ClassVar[bool] = False

    def __call__(self, now: Now, last: Last) -> Tensor:
        """Compute from the first row of the block on."""
        return block_of(now, last).cumsum(0) > 0


@dataclass(frozen=True, slots=True)
class Dual:
    """Fast-dLLM's dual cache (the same section; `generate_with_dual_cache`): only the block is computed.

    Differs from the code for Dream as the prefix cache does.
    """

    moves: ClassVar[bool] = False

    def __call__(self, now: Now, last: Last) -> Tensor:
        """Compute the block."""
        return block_of(now, last)


def block_of(now: Now, last: Last) -> Tensor:  # [L] bool
    """Give the rows of the block, all rows where it is another one than before."""
    if not torch.equal(now.focus, last.now.focus):
        return torch.ones_like(now.focus)
    return now.focus


@dataclass(frozen=True, slots=True)
class DkvDecode:
    """dKV-Cache, decode (arXiv 2505.15781, section 4.1; `dream_generation_utils.py`, `llada_dkv_cache_decode.py` in horseee/dKV-Cache).

    A row is reused from the second call on after its token was decided: the first one computes it with the token in its place.
    In the Dream family, whose row i speaks about token i + 1, it is the decision about that token which counts (`shift` "un"),
    or that about both ("un_right").

    Differs from the code, unless `faithful`: in the Dream family that code keeps a row that is a mask itself when it is filled, which
    goes stale, goes by "un" at first whatever the shift, and by the first token for the last row; in the LLaDA family it computes
    all rows in the first two calls of every block. Its third shift, "right", leaves masks without logits and is not offered; its
    prefill-decode keeps the first rows of a canvas for its context, and so fails where there is text behind the hole.
    """

    moves: ClassVar[bool] = False
    steps: int = 16
    shift: str = "un"
    keep_context: bool = False
    faithful: bool = False

    def __post_init__(self) -> None:
        check_cache("dkv-decode", asdict(self))

    def __call__(self, now: Now, last: Last) -> Tensor:
        """Compute what was not decided before the last call; all, or all but the context, in every `steps`-th."""
        everything = torch.ones_like(now.focus)
        calls = last.calls
        if self.faithful and not now.shifted:
            calls = last.focus_calls
            if calls == 1 or not torch.equal(now.focus, last.now.focus):
                return everything
        if calls % self.steps == 0:
            return ~self._reusable(last.first, at_first=True) if self.keep_context else everything
        rows = ~self._reusable(last.now, at_first=last.focus_calls == 1)
        return rows if self.faithful else rows | (now.tokens != last.computed)

    def _reusable(self, before: Now, *, at_first: bool) -> Tensor:  # [L] bool
        settled = ~before.speak(before.unknown)
        if self.shift == "un_right" and not (self.faithful and at_first):
            settled &= ~before.unknown
        if self.faithful and before.shifted and (at_first or self.shift == "un"):
            settled[-1] = ~before.unknown[-1 if at_first else 0]
        return settled


@dataclass(frozen=True, slots=True)
class DkvGreedy:
    """dKV-Cache, greedy (the same paper, section 4.2; `llada_dkv_cache_greedy.py`): only what changes now is computed.

    Those are the rows decided in the last call, those decided now (the view's focus) and a `window` of the masks next to them.
    Differs from the code: there the order is drawn beforehand; here any sampler will do, and one that does not say what it
    decides now has all masks computed.
    """

    moves: ClassVar[bool] = False
    steps: int = 2
    window: int = 4

    def __post_init__(self) -> None:
        check_cache("dkv-greedy", asdict(self))

    def __call__(self, now: Now, last: Last) -> Tensor:
        """Compute the last and the next decisions and their neighbourhood; all in every `steps`-th call."""
        if last.calls % self.steps == 0:
            return torch.ones_like(now.focus)
        decided = now.unknown & now.focus
        rows = decided | (now.tokens != last.computed)
        place = torch.arange(len(rows))
        for row in decided.nonzero().flatten().tolist() if self.window else ():
            near = (now.unknown & ~rows).nonzero().flatten()
            # The nearest on either side, the left one first.
            order = ((place[near] - row).abs() * 2 + (place[near] > row)).argsort()
            rows[near[order[: self.window]]] = True
        return rows


@dataclass(frozen=True, slots=True)
class Hole:
    """Ours, for infills: keys and values of what stands around the holes are kept, every row of the holes is computed each call.

    Nothing in a hole is reused, so that what is taken back needs no care. Keys are kept before rotation: where a hole grows or
    shrinks, what lies behind keeps them and is rotated to where it stands now. All rows are computed in every `steps`-th call,
    and where more than `share` of the holes' tokens changed since that was done last. Lanes share what they begin with; where the rule
    works `across` requests, so do these. By default a hole of up to 32 tokens is decoded beside what was computed at its beginning, as
    a block is by the dual cache; what a context that has not seen the hole costs is in `benchmarks/results/drift.json`.
    """

    moves: ClassVar[bool] = True
    steps: int = 32
    share: float = 1.0
    across: bool = True

    def __post_init__(self) -> None:
        check_cache("hole", asdict(self))

    def __call__(self, now: Now, last: Last) -> Tensor:
        """Compute the holes and the rows that speak about them."""
        changed = changed_rows(last.first.tokens[last.first.wanted], now.tokens[now.wanted])
        if last.calls % self.steps == 0 or changed > self.share * int(now.wanted.sum()):
            return torch.ones_like(now.focus)
        return now.wanted | now.speak(now.wanted)


def changed_rows(before: Tensor, after: Tensor) -> int:  # [N] int64, [M] int64
    """Count the tokens that differ; of rows of several lengths, what is left of the longer one between two equal ends."""
    if len(before) == len(after):
        return int((before != after).sum())
    return max(len(before), len(after)) - sum(equal_ends(before, after))


RULES: dict[str, Callable[..., Rule]] = {
    "prefix": Prefix,
    "dual": Dual,
    "dkv-decode": DkvDecode,
    "dkv-greedy": DkvGreedy,
    "hole": Hole,
}
"""By the names of `dlm_lsp.decoders.CACHES`."""


class Cached:
    """A denoiser with a memory: for one decode of several lanes, and not to be shared between requests.

    Lanes begin with what `contexts` has of the text around their holes, if the rule allows: the first one of a call computes it for all.
    """

    def __init__(self, inner: NetworkDenoiser, rule: Rule, contexts: Contexts | None = None) -> None:
        self.vocabulary, self.tokenizer, self.max_tokens = inner.vocabulary, inner.tokenizer, inner.max_tokens
        self._inner = inner
        self._rule = rule
        self._lanes: dict[int | None, Last] = {}
        self._contexts = Contexts(inner, max_changed_tokens=0) if contexts is None else contexts
        assert self._contexts.inner is inner, "what one model has computed is nothing to another"

    @property
    def device(self) -> str:
        """The inner one's, which may move."""
        return self._inner.device

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        """Give the logits of each view's rows, of a row that is not computed those that it had when it was.

        Views with an attention rule or without a lane, and further views of a lane, are answered by the denoiser inside: no row of them
        is reused.
        """
        answers: list[Tensor | None] = [None] * len(views)
        mine = {
            view.lane: k
            for k, view in reversed(list(enumerate(views)))
            if view.visible is None and view.lane is not None
        }
        others = [k for k in range(len(views)) if k not in mine.values()]
        for k, answer in zip(others, self._inner.predict([views[k] for k in others]), strict=True):
            answers[k] = answer
        turns = {k: self._turn(views[k]) for k in sorted(mine.values())}
        if pieces := [piece for piece, _ in turns.values() if len(piece.rows)]:
            self._inner.compute_again(pieces)
        kept = [last.kept for _, last in turns.values()]
        for k, answer in zip(turns, self._inner.read(kept, [views[k] for k in turns]), strict=True):
            answers[k] = answer
        self._lanes |= {views[k].lane: last for k, (_, last) in turns.items()}
        return [answer for answer in answers if answer is not None]

    def _turn(self, view: View) -> tuple[Again, Last]:
        """Decide what is computed of a lane's canvas, and what is remembered of it afterwards."""
        now = self._look(view)
        # Taken out until all is computed: an exception leaves nothing half written behind.
        last = self._follow(self._lanes.pop(view.lane, None), now) or self._begin(now)
        taken_back = now.unknown & (last.computed != now.tokens)
        asked = now.speak(now.unknown & now.focus)
        rows = self._rule(now, last) | asked | taken_back | (last.computed == NEVER)
        whole = bool(rows.all())
        after = replace(
            last,
            now=now,
            first=now if whole else last.first,
            computed=torch.where(rows, now.tokens, last.computed),
            calls=1 if whole or last.focus_calls == 0 else last.calls + 1,
            focus_calls=last.focus_calls + 1 if torch.equal(now.focus, last.now.focus) else 1,
        )
        piece = Again(now.tokens, now.positions, rows.nonzero().flatten(), last.kept)
        if whole and self._rule.moves and now.in_order and torch.equal(now.wanted, now.unknown):
            self._contexts.encode(piece, now.wanted)  # at once: the next lane may begin with it
            piece = replace(piece, rows=piece.rows[:0])
        return piece, after

    def _begin(self, now: Now) -> Last:
        """Give what a lane can begin with: what is known of the text around its holes, or nothing."""
        known = self._contexts.begin(now.tokens, now.wanted) if self._rule.moves and now.in_order else None
        if known is None:
            nothing = torch.full_like(now.tokens, NEVER)
            return Last(now, now, nothing, 0, 0, self._inner.keep(len(now.tokens)))
        kept, missing = known
        return Last(now, now, torch.where(missing, NEVER, now.tokens), 1, 0, kept)

    def _look(self, view: View) -> Now:
        wanted = torch.zeros(len(view.tokens), dtype=torch.bool)
        wanted[view.rows] = True
        positions = torch.arange(len(view.tokens)) if view.positions is None else view.positions
        unknown = wanted & (view.tokens == self.vocabulary.mask_id)
        focus = wanted if view.focus is None else view.focus
        return Now(view.tokens, positions, wanted, unknown, focus, self._inner.speakers)

    def _follow(self, last: Last | None, now: Now) -> Last | None:
        """Give what is remembered of a canvas in the shape that it has now; None where nothing of it can be used."""
        if last is None:
            return None
        before = last.now
        around, around_before = ~now.wanted, ~before.wanted
        if not torch.equal(now.tokens[around], before.tokens[around_before]):
            return None
        if torch.equal(now.wanted, before.wanted):
            return last if torch.equal(now.positions, before.positions) else None
        in_order = now.in_order and before.in_order
        if not (self._rule.moves and in_order and torch.equal(gaps_before(now), gaps_before(before))):
            return None
        rows, source = around.nonzero().flatten(), around_before.nonzero().flatten()
        kept = copy_rows(last.kept, source, self._inner.keep(len(now.tokens)), rows)
        return replace(last, computed=torch.where(now.wanted, NEVER, now.tokens), kept=kept)


def gaps_before(now: Now) -> Tensor:  # [context rows] int64
    """Count the holes before every row around them."""
    starts = now.wanted & ~torch.cat([torch.zeros(1, dtype=torch.bool), now.wanted[:-1]])
    return starts.cumsum(0)[~now.wanted]


def with_cache(denoiser: Denoiser, written: str, contexts: Contexts | None = None) -> Denoiser:
    """Put the cache `name:parameter=value,…` around a denoiser; one without keys and values, such as a script, stays as it is.

    `contexts` is what earlier requests have left, if the cache may begin with that.
    """
    name, given = read_cache(written)
    if name not in RULES or not isinstance(denoiser, NetworkDenoiser):
        return denoiser
    rule = RULES[name](**given)
    return Cached(denoiser, rule, contexts if isinstance(rule, Hole) and rule.across else None)


def keep_contexts(denoiser: Denoiser) -> Contexts | None:
    """Make room for what requests to a model leave for the next ones; None for one that has no keys and values."""
    return Contexts(denoiser) if isinstance(denoiser, NetworkDenoiser) else None
