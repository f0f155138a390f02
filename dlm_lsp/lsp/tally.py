"""What a session has answered, and what became of it: the last answers, and counters.

In: answers, and the word that an item was shown, accepted or rejected. Out: the same to whoever asks. It lives in memory and is
gone with the session; nothing of it is written or sent anywhere but to the client that asks.
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from dlm_lsp.engine.reasons import why_nothing, why_withheld
from dlm_lsp.settings import Settings
from dlm_lsp.values import Candidate, InfillRequest, InfillResult, Trigger

MAX_ANSWERS = 32
"""Each holds a window and a slice, not a document."""


class Fate(StrEnum):
    """What became of an item."""

    SHOWN = "shown"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one question came to."""

    id: int
    uri: str
    version: int
    """Of the document."""
    trigger: Trigger
    settings: Settings
    request: InfillRequest | None
    """None where there was no model to ask."""
    result: InfillResult
    """What the worker said, before the gate."""
    texts: tuple[str, ...]
    """What may be inserted at the cursor, best first, in the document's own line endings."""
    candidates: tuple[Candidate, ...]
    """Where each text comes from, in the same order; a text is its candidate's or a beginning of it."""
    ms: float
    """From the question to the judged texts."""
    known: bool = False
    """Whether it was remembered, and no model asked; then a text may be the end of its candidate's that was not typed yet."""

    @property
    def why_nothing(self) -> str:
        """A sentence that says why there is no text to show, nothing where there is one."""
        return "" if self.texts else why_nothing(self.result, self.settings, self.trigger)

    def why_withheld(self, candidate: Candidate) -> str:
        """Say why a candidate was not shown, nothing where it was."""
        return "" if candidate in self.candidates else why_withheld(candidate, self.settings, self.trigger)


class Tally:
    """The memory of one session."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        """Of questions (asked), of answers with something to show (answered), of answers that were remembered (known), of questions
        that nobody had asked yet (prepared), of model calls (calls), and of each fate."""
        self.accepted: tuple[Answer, int] | None = None
        """The answer that was accepted last, and which of its texts."""
        self._answers: deque[Answer] = deque(maxlen=MAX_ANSWERS)

    def note(self, answer: Answer) -> None:
        """Keep an answer for a while, and count it."""
        self._answers.append(answer)
        self.counts.update(
            asked=1, answered=int(bool(answer.texts)), known=int(answer.known), calls=answer.result.calls
        )

    def tell(self, answer_id: int, item: int, fate: Fate) -> None:
        """Note what became of an item; answers that are not known any more are counted all the same."""
        self.counts[fate] += 1
        answer = next((answer for answer in self._answers if answer.id == answer_id), None)
        if fate is Fate.ACCEPTED and answer is not None and 0 <= item < len(answer.texts):
            self.accepted = (answer, item)

    def offered(self, uri: str) -> Iterator[tuple[Answer, int]]:
        """Give the items of the last answers that had any at a document's cursor, each as its answer and number; newest first."""
        for answer in reversed(self._answers):
            if answer.uri == uri and answer.trigger is not Trigger.ACTION:
                yield from ((answer, item) for item in range(len(answer.texts)))

    def last(self, uri: str | None = None) -> Answer | None:
        """Give the last answer, of one document or of all."""
        return next((answer for answer in reversed(self._answers) if uri in (None, answer.uri)), None)
