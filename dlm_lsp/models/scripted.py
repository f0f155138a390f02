r"""A Denoiser that answers from a script: for tests and demonstrations, behind the same protocol as a real model.

In: a JSON file, and views as any denoiser gets them. Out: logits that are sure of what the script says. No weights; it finds
out what to say from the text around the masks alone, so it plays along with whatever decodes it.

    {"rules": [{"after": "def add(a, b):\n    ", "before": "\n", "answer": "return a + b", "confidence": 0.99,
                "alternatives": ["return b + a"], "draft": "return a +", "draft_calls": 1}],
     "default": "pass", "step_ms": 0}

A rule speaks where `after` stands left of the masks and `before` right of them; the first of the file wins. Between `after`
and the masks may stand the beginning of the answer (typed, or decided in earlier steps), between the masks and `before` its
end, and pieces of it among the masks. Make both long enough to be found once, and `after` longer than one piece, because a
hole may take back the last piece before it (token healing).

The second, third … canvas of a call gets the `alternatives` in turn, and keeps its own for sure where it is long enough to be
filled by one call. `draft` is said instead in the first `draft_calls` calls after the hole was seen with nothing decided: a
mistake to be repaired. It needs `before`, and is the one thing that makes an answer depend on earlier calls. Where no rule
speaks, `default` does, or the hole shrinks to nothing.
"""

import json
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dlm_lsp.errors import ModelError
from dlm_lsp.models.denoiser import View, Vocabulary
from dlm_lsp.models.tokenizer import replace_surrogates

SPECIALS = ("endoftext", "mask", "pad", "expand", "path", "sep")
DELETE, MASK, PAD, EXPAND, PATH, SEP = range(256, 256 + len(SPECIALS))
"""Ids below are bytes, ids above the script's pieces; end-of-text is also delete, as in DreamOn."""
SPACE = ord(" ")
MAX_TOKENS = 8192

_PIECE = re.compile(r"\n[ \t]*|\w+|[^\w\s]|[ \t]+|\s")
_BLANKS = [start + " " * size for start in ("", "\n") for size in range(41)]
"""Pieces of every script, so that an indentation is one token also where no answer has it."""


class PieceTokenizer:
    """A `denoiser.Tokenizer` of bytes, special tokens, and the words of some texts."""

    def __init__(self, texts: Iterable[str]) -> None:
        found = {piece.encode() for text in [*_BLANKS, *texts] for piece in split(text)}
        self._pieces = [bytes([byte]) for byte in range(256)] + [b""] * len(SPECIALS)
        self._pieces += sorted(piece for piece in found if len(piece) > 1)
        self._ids = {piece: token for token, piece in enumerate(self._pieces) if piece}

    def __len__(self) -> int:
        return len(self._pieces)

    def encode(self, text: str) -> list[int]:
        """Give the ids of `text`: known pieces as one, others byte by byte."""
        ids: list[int] = []
        for piece in map(str.encode, split(text)):
            ids += [self._ids[piece]] if piece in self._ids else piece
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Give the text of `ids`; special tokens and ids without a token vanish."""
        known = (self._pieces[token] for token in ids if 0 <= token < len(self))
        return b"".join(known).decode(errors="replace")

    def piece_texts(self) -> list[str]:
        """Give the text of every id, empty for special tokens."""
        return [self.decode([token]) for token in range(len(self))]

    def special_id(self, name: str) -> int | None:
        """Give the id of a special token, or None."""
        return DELETE + SPECIALS.index(name) if name in SPECIALS else None


def split(text: str) -> list[str]:
    """Cut a text into words, signs, and line ends with the indentation behind them."""
    return _PIECE.findall(replace_surrogates(text))


@dataclass(frozen=True, slots=True)
class Rule:
    """What to say at one place; see the module's docstring."""

    after: str
    answer: str
    before: str = ""
    draft: str | None = None
    draft_calls: int = 1
    alternatives: tuple[str, ...] = ()
    confidence: float = 0.99

    @property
    def answers(self) -> tuple[str, ...]:
        """The answer and its alternatives."""
        return (self.answer, *self.alternatives)

    def sureness(self, answer: str) -> float:
        """Give how sure to be of an answer: alternatives a little less, so that they rank in the script's order."""
        return self.confidence * 0.98 ** (self.answers.index(answer) if answer in self.answers else 0)

    def left_over(self, answer: str, left: str) -> str | None:
        """Give what of `answer` is still to be said behind the text `left`, or None where the rule has no say."""
        for written in range(len(answer), -1, -1):
            if left.endswith(self.after + answer[:written]):
                return answer[written:]
        return None

    def taken_back(self, left: str) -> str | None:
        """Give the end of `after` that is missing in `left` because the hole took it back, at most one piece, or None."""
        last = split(self.after)[-1:]
        for size in range(1, min(len("".join(last)) + 1, len(self.after))):
            if left.endswith(self.after[:-size]):
                return self.after[-size:]
        return None

    def written_behind(self, rest: str, right: str) -> int | None:
        """Count the characters at the end of `rest` that stand already between the masks and `before`, or None."""
        return next((n for n in range(len(rest) + 1) if right.startswith(rest[len(rest) - n :] + self.before)), None)

    def fill(self, rest: str, texts: Sequence[str]) -> list[str] | None:
        """Spread `rest` over the gaps before each of `texts`, the last of which must go on with `before`, or None."""
        behind = self.written_behind(rest, texts[-1])
        if behind is None:
            return None
        gaps, at = [], 0
        for text in texts[:-1]:
            found = rest.find(text, at, len(rest) - behind)
            if found < 0:
                return None
            gaps.append(rest[at:found])
            at = found + len(text)
        return [*gaps, rest[at : len(rest) - behind]]


class ScriptedDenoiser:
    """A Denoiser over rules."""

    device = "cpu"
    max_tokens = MAX_TOKENS

    def __init__(self, rules: Sequence[Rule], default: str | None = None, step_ms: float = 0) -> None:
        self._rules = list(rules)
        self._default = None if default is None else Rule("", default)
        self._step_ms = step_ms
        self._calls_since_fresh: dict[Rule, int] = {}
        every = [*self._rules, *([self._default] if self._default else [])]
        said = [text for rule in every for text in (*rule.answers, rule.draft or "")]
        self.tokenizer = PieceTokenizer([*said, *(rule.after + text for rule in every for text in (*rule.answers, ""))])
        forbidden = torch.zeros(len(self.tokenizer), dtype=torch.bool)  # [V]
        forbidden[[MASK, PAD, PATH, SEP]] = True
        self.vocabulary = Vocabulary(len(self.tokenizer), MASK, forbidden, expand_id=EXPAND, delete_id=DELETE)

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        """Give the logits [R, V] of each view's rows."""
        time.sleep(self._step_ms / 1000)
        answers = [self._answer(view, number) for number, view in enumerate(views)]
        for rule in self._calls_since_fresh:
            self._calls_since_fresh[rule] += 1
        return answers

    def _answer(self, view: View, number: int) -> Tensor:  # [R, V]
        tokens: list[int] = view.tokens.tolist()
        sure = dict.fromkeys(range(len(tokens)), 0.99)
        first = dict(enumerate(tokens))
        second: dict[int, int] = {}
        gaps = list(find_gaps(tokens))
        for (start, stop), (said, confidence) in zip(gaps, self._say(tokens, gaps, number), strict=True):
            ids = self.tokenizer.encode(said)
            for row, token in zip(range(start, stop), ids + [DELETE] * (stop - start), strict=False):
                # A hole that may not shrink further gets a blank, which means as little.
                first[row], second[row], sure[row] = token, SPACE, confidence
            if len(ids) > stop - start:
                first[stop - 1], second[stop - 1] = EXPAND, first[stop - 1]
        logits = torch.empty(len(view.rows), len(self.tokenizer))
        for place, row in enumerate(view.rows.tolist()):
            logits[place] = self._logits(first[row], second.get(row), sure[row])
        return logits

    def _logits(self, first: int, second: int | None, confidence: float) -> Tensor:  # [V]
        """Give logits whose softmax has `confidence` at one id, most of the rest at another and a little everywhere."""
        spread = 1 - confidence if second in (None, first) else (1 - confidence) / 10
        chances = torch.full((len(self.tokenizer),), spread / (len(self.tokenizer) - 1))
        if second is not None:
            chances[second] += 1 - confidence - spread
        chances[first] = confidence
        return chances.log()

    def _say(self, tokens: list[int], gaps: list[tuple[int, int]], number: int) -> Iterator[tuple[str, float]]:
        """Give what belongs into each gap, and how sure to be of it."""
        edges = [0, *(edge for gap in gaps for edge in gap), len(tokens)]
        texts = [self.tokenizer.decode(tokens[a:b]) for a, b in zip(edges[::2], edges[1::2], strict=True)]
        at = 0
        while at < len(gaps):
            said, confidence = self._match(texts[at:], number)
            yield from ((text, confidence) for text in said)
            at += len(said)

    def _match(self, texts: list[str], number: int) -> tuple[list[str], float]:
        """Find who speaks in the first gap, between texts[0] and texts[1], and in how many gaps on."""
        for healed in (False, True):  # no rule is stretched where another one fits as it stands
            for rule in self._rules:
                taken = rule.taken_back(texts[0]) if healed else ""
                if taken is None:
                    continue
                for answer in self._choose(rule, texts, number, taken):
                    rest = taken + answer if healed else rule.left_over(answer, texts[0])
                    if rest is not None and (said := longest(rule, rest, texts[1:])):
                        return said, rule.sureness(answer)
        if self._default:
            rest = self._default.left_over(self._default.answer, texts[0])
            return longest(self._default, rest or "", texts[1:]) or [""], self._default.confidence
        return [""], 0.99

    def _choose(self, rule: Rule, texts: list[str], number: int, taken: str) -> tuple[str, ...]:
        """Give the answers of a rule in the order in which they are tried."""
        if rule.draft is not None:
            seen = texts[0] + taken
            if seen.endswith(rule.after) and texts[1].startswith(rule.before):
                self._calls_since_fresh[rule] = 0
            if self._calls_since_fresh.get(rule, rule.draft_calls) < rule.draft_calls:
                return (rule.draft, *rule.answers)
        turn = number % len(rule.answers)
        return rule.answers[turn:] + rule.answers[:turn]


def longest(rule: Rule, rest: str, texts: Sequence[str]) -> list[str] | None:
    """Let a rule speak in as many gaps as it can: those that a repair left in one answer belong together."""
    fills = (rule.fill(rest, texts[:size]) for size in range(len(texts), 0, -1))
    return next((fill for fill in fills if fill is not None), None)


def find_gaps(tokens: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Give every unbroken run of masks as [start, stop)."""
    start = None
    for place, token in enumerate([*tokens, -1]):
        if token == MASK and start is None:
            start = place
        elif token != MASK and start is not None:
            yield start, place
            start = None


def read_script(file: Path) -> ScriptedDenoiser:
    """Read a script; raise ModelError where it is none."""
    try:
        script = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{file} cannot be read as JSON: {error}") from error
    _check(file, "the script", script, {"rules": list, "default": str, "step_ms": float}, required=("rules",))
    kinds = {"after": str, "before": str, "answer": str, "draft": str, "draft_calls": int, "alternatives": list}
    rules = []
    for number, rule in enumerate(script["rules"], start=1):
        where = f"rule {number}"
        _check(file, where, rule, {**kinds, "confidence": float}, required=("after", "answer"))
        if not rule["after"]:
            raise ModelError(f"{file}: {where} has an empty 'after'; use 'default' for an answer that fits everywhere")
        if not 0 < rule.get("confidence", 0.5) < 1:
            raise ModelError(f"{file}: {where} has a 'confidence' that is not between 0 and 1")
        if not all(isinstance(text, str) for text in rule.get("alternatives", ())):
            raise ModelError(f"{file}: {where} has 'alternatives' that are no texts")
        if rule.get("draft") is not None and not rule.get("before"):
            raise ModelError(f"{file}: {where} has a 'draft' and so needs 'before', to see where the hole ends")
        rules.append(Rule(**{**rule, "alternatives": tuple(rule.get("alternatives", ()))}))
    return ScriptedDenoiser(rules, script.get("default"), script.get("step_ms", 0))


def _check(file: Path, where: str, value: object, kinds: dict[str, type], required: Sequence[str]) -> None:
    """Raise ModelError unless `value` is an object with the required keys, and known ones of the right kind."""
    if not isinstance(value, dict):
        raise ModelError(f"{file}: {where} is not an object")
    for key in required:
        if key not in value:
            raise ModelError(f"{file}: {where} lacks {key!r}")
    for key, part in value.items():
        if key not in kinds:
            raise ModelError(f"{file}: {where} has an unknown key {key!r}; known are {', '.join(kinds)}")
        allowed = (int, float) if kinds[key] is float else kinds[key]
        if not isinstance(part, allowed) or isinstance(part, bool):
            raise ModelError(f"{file}: {where} has a {key!r} that is not of type {kinds[key].__name__}")
