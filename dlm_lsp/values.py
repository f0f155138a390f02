"""The values that travel from an editor's request to the model and back.

In and out: plain frozen data, text and numbers only, so that the same values cross a pipe or a network (`wire`).
Knows no protocol, no tensors and no syntax. Offsets are code points from the start of a text.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Trigger(StrEnum):
    """Why an answer is wanted; decides the slot in the scheduler and how strict the gate is."""

    INVOKED = "invoked"
    AUTOMATIC = "automatic"
    ACTION = "action"


class Outcome(StrEnum):
    """How a request ended. Cancelled and late are outcomes, not errors."""

    FILLED = "filled"
    CANCELLED = "cancelled"
    LATE = "late"
    EMPTY = "empty"
    FAILED = "failed"


class HoleKind(StrEnum):
    """What stands at the cursor."""

    BODY = "body"  # the body of a block that has none yet
    LINE = "line"  # a new statement on an empty line
    REST = "rest"  # from the cursor to the end of its line
    INLINE = (
        "inline"  # from the cursor to code that stands behind it on the same line, or to the end of a line in brackets
    )
    ITEM = "item"  # on a line of its own inside brackets: arguments, elements
    STRING = "string"
    DOCSTRING = "docstring"  # prose in a string that is a statement
    COMMENT = "comment"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A document at one version, with the place of the cursor."""

    uri: str
    language: str
    version: int
    text: str
    cursor: int
    """Offset in `text`."""


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range [start, end) of offsets."""

    start: int
    end: int

    def __post_init__(self) -> None:
        assert 0 <= self.start <= self.end, f"span [{self.start}, {self.end}) runs backwards"


@dataclass(frozen=True, slots=True)
class Hole:
    """What is missing at one place, as far as the syntax tree tells.

    `indent` is the indentation that the hole's own statement should have; lines of it may go deeper and, where its function
    goes on, back as far as `floor`: a line that is indented less leaves the function or captures the code that follows.
    `typed_indent` is what already stands before the cursor on its line, if that is white space only.
    """

    kind: HoleKind
    indent: str = ""
    typed_indent: str = ""
    floor: str = ""
    max_lines: int = 64
    """1 where nothing but the rest of the line may be filled."""
    hint_tokens: int = 16
    """First guess of the length, in tokens of a code tokenizer."""
    owes: str | None = None
    """Of the brackets and quotes that are open at the hole, what closes those that nothing behind it closes, the innermost first:
    the filling has to. A filling that closes more leaves the hole. None where the hole is not inside of any."""
    quote: str = ""
    """The quotes of the string that the hole stands in."""

    @property
    def starts_line(self) -> bool:
        """Whether the hole's text stands on lines of its own, so that its first character's column is an indentation."""
        return self.kind in {HoleKind.BODY, HoleKind.LINE, HoleKind.ITEM, HoleKind.DOCSTRING}


@dataclass(frozen=True, slots=True)
class Window:
    """The text that the model sees around its holes: prefix, hole, between[0], hole, …, suffix."""

    prefix: str
    suffix: str
    between: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of another file that may help, with the path it came from."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the model is told beside the window; laid out by `text.layout`."""

    path: str = ""
    """The last two components of the document's path, '/'-separated."""
    imports: str = ""
    """The import statements of the document that stand outside the window."""
    names: tuple[str, ...] = ()
    """Names in scope at the hole that are not visible in the window."""
    snippets: tuple[Snippet, ...] = ()


@dataclass(frozen=True, slots=True)
class InfillRequest:
    """All that the worker needs to fill the holes of one document version.

    `slice_prefix` and `slice_suffix` stand around the same holes (and the same `window.between`) and are cut at whole
    statements: what is judged, where `window` is what is seen.
    """

    id: int
    version: int
    language: str
    window: Window
    holes: tuple[Hole, ...]
    slice_prefix: str
    slice_suffix: str
    context: Context = field(default_factory=Context)
    known_names: tuple[str, ...] = ()
    """Names that the document binds outside the slice: they resolve although the slice does not show where; `*` is any name."""
    drafts: tuple[str, ...] = ()
    """One text per hole to start from instead of masks: what was there, or what was shown before; empty for a fresh start."""
    trigger: Trigger = Trigger.INVOKED
    candidates: int = 1
    max_hole_tokens: int = 64
    """Upper bound of each hole's length in tokens, expansions included."""
    deadline_ms: int = 4000
    """A duration counted from the moment the worker reads the request: clocks are not shared."""
    temperature: float = 0.0
    """Of the candidates that are not greedy."""
    draws: int = 0
    """How many answers are drawn beside the candidates, only to see whether they begin as these do."""
    greedy: bool = True
    """Whether the first candidate is greedy; otherwise all are drawn."""
    threshold: float = 0.9
    """Confidence above which a token is committed in the same step."""
    sampler: str = "threshold"
    """A name of `decoders.DECODERS`, parameters may follow: `saber:mu=4`."""
    cache: str = "none"
    """A name of `decoders.CACHES`, parameters may follow."""
    length: str = "auto"
    """A name of `decoders.LENGTHS`, parameters may follow: `fixed:tokens=16`."""
    truth: tuple[str, ...] = ()
    """Only in benchmarks: per hole, what really stood there."""
    forced: bool = False
    """Only in benchmarks: write the truth, in the order in which the sampler commits; a candidate's `mean_logprob` then is the
    log-likelihood of the truth."""
    copy_prior: bool = False
    """Whether what the text around repeats is made likelier, where the checkpoint comes with the shares for it."""
    block_verbatim: bool = False
    """Whether what repeats the training texts word for word is withheld."""
    seed: int = 0
    repair_rounds: int = 2
    """How often a finished text that does not fit may be masked again in part; 0 switches guidance off."""
    watch: bool = False
    """Send a `watched` message after every denoising step."""
    trace: bool = False
    """Where it is watched: send the steps of all lanes, and what the model thought of every slot."""

    def __post_init__(self) -> None:
        assert len(self.holes) == len(self.window.between) + 1, "one text between every two holes"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finished filling: one text per hole."""

    texts: tuple[str, ...]
    mean_logprob: float
    """Nats per token, of the committed tokens when they were committed."""
    token_confidence: tuple[float, ...]
    """Probability of each committed token in canvas order."""
    steps: int
    """Model calls of its request: one call serves all candidates that are not finished."""
    rounds: int
    """Repair rounds that were spent on it."""
    parses: bool
    """Whether it fits its slice, as `syntax.verdict` defines it."""
    agreeing: int = 0
    """How many of the request's draws begin with the same statement."""
    token_texts: tuple[tuple[str, ...], ...] = ()
    """Per hole: the text of each of its tokens, in the order of `token_confidence`; not trimmed as `texts` are."""
    lane: int = 0
    """The lane of the steps that led to it."""
    draft_steps: int = 0
    """Calls of the second, cheaper model of a decoder that has one; `steps` leaves them out."""


@dataclass(frozen=True, slots=True)
class InfillResult:
    """The answer to one request; candidates are ranked, best first."""

    id: int
    version: int
    outcome: Outcome
    candidates: tuple[Candidate, ...] = ()
    spent_ms: dict[str, float] = field(default_factory=dict)
    """Per stage: queue, encode, denoise (the model's calls and, told apart, the sampler), guide (judging, and telling who watches),
    total; a stage not reached is left out. forward and draft are the time in the model and in a drafter, before the decode too."""
    message: str = ""
    """For the user, where the outcome is failed or something was withheld; never holds the user's text, nor what was withheld."""
    calls: int = 0
    """Model calls that it took, whatever its outcome; those of a decoder's second, cheaper model are not counted."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One place of a hole after a step."""

    name: int
    """Stays with the place while its hole grows and shrinks; names of other lanes, and of texts that were given up, may be equal."""
    text: str | None
    """None where it is masked."""
    confidence: float = 0.0
    """Of the token, when it was decided."""
    taken_back: str = ""
    """What the judge of the text said where it is the judge that took the token back in this step."""
    guess: str = ""
    """The token that the model found likeliest here when it was asked in this step; only where the request is traced."""
    guess_share: float = 0.0
    """The probability of `guess`; 0 where the model was not asked."""


@dataclass(frozen=True, slots=True)
class Step:
    """The state of a canvas after one denoising step: what a person watching sees.

    `pieces` are the hole's slots in order, each a text or None where it is still masked; one tuple per hole.
    """

    id: int
    step: int
    pieces: tuple[tuple[str | None, ...], ...]
    revoked: int
    """How many tokens this step took back."""
    stage: str
    """'denoise' or 'repair'."""
    lane: int = 0
    """Which of the request's canvases this is."""
    round: int = 0
    """Repair rounds of the lane that have begun."""
    ms: float = 0.0
    """Since decoding began."""
    slots: tuple[tuple[Slot, ...], ...] = ()
    """Per hole: more about each of its `pieces`."""
