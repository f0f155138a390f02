"""What a code action writes anew: from a document and a selection to the gaps in it.

In: a snapshot, the selected span, for one action also the answer that was accepted last. Out: `Gap`s, in order and apart from each
other; none where the action makes no sense. It calls no model; how gaps become requests is for `engine.canvases`.
"""

import re
from dataclasses import dataclass

from dlm_lsp.engine.actions import Action
from dlm_lsp.syntax.blocks import block_around, line_around
from dlm_lsp.syntax.broken import broken_lines, complaint_near
from dlm_lsp.syntax.functions import Function, body_place, find_functions, function_at, may_have_stub
from dlm_lsp.syntax.hole import SOME_LINES
from dlm_lsp.text.offsets import LINE_END, line_ending
from dlm_lsp.values import Candidate, Snapshot, Span

MAX_LOOK_CHARS = 30_000
"""In a longer statement there is taken to be a function: what is asked while somebody moves must be fast."""
UNSURE_ONE_IN = 4
MAX_UNSURE_TOKENS = 6
BEFORE_CHARS = (1000, 200, 40)
"""How much of what stood before an accepted answer must stand before it still; less is asked for where more is not found."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of a document that is written anew; nothing outside of it changes."""

    span: Span
    lead: str = ""
    """New text before the filling, in the document's line endings."""
    size_chars: int = 0
    """How long the filling will be, about; 0 if nothing tells."""
    max_lines: int = 0
    """0 leaves it to the kind of hole, as for the body of a function."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An answer that the user took over: what stood before it, its text, and where it comes from."""

    before: str
    text: str
    candidate: Candidate


def possible(snapshot: Snapshot, selection: Span, accepted: Accepted | None = None) -> dict[Action, str]:
    """Say of every action why it makes no sense here, "" if it does; at a glance, so that a person may ask at every move."""
    text, language = snapshot.text, snapshot.language
    stub_file = snapshot.uri.endswith(".pyi")
    block = block_around(text, snapshot.cursor, MAX_LOOK_CHARS)
    part = text[block.start : block.end] if block else ""
    in_function = block is None or function_at(find_functions(part, language), part, snapshot.cursor - block.start)
    selected = text[selection.start : selection.end]
    no_stub = "stubs of a .pyi file have no bodies" if stub_file else ""
    return {
        Action.REGENERATE: "" if selected.strip() else "nothing is selected",
        Action.FUNCTION: no_stub or ("" if in_function else "there is no function here"),
        Action.STUBS_SELECTED: no_stub
        or ("" if "\n" in selected and may_have_stub(selected, language) else "no stub is selected"),
        Action.STUBS: no_stub or ("" if may_have_stub(text, language) else "this file has no stubs"),
        Action.REPAIR: "" if complaint_near(text, snapshot.cursor, language) else "nothing is broken here",
        Action.UNSURE: "" if accepted and unsure(text, accepted) else "no accepted answer stands here any more",
    }


def plan(action: Action, snapshot: Snapshot, selection: Span, accepted: Accepted | None = None) -> list[Gap]:
    """Give the gaps of an action."""
    text, language = snapshot.text, snapshot.language
    match action:
        case Action.REGENERATE:
            return regenerated(text, selection)
        case Action.FUNCTION:
            function = function_at(find_functions(text, language), text, snapshot.cursor)
            return [] if function is None else [_body(function, text)]
        case Action.STUBS | Action.STUBS_SELECTED:
            stubs = [each for each in find_functions(text, language) if each.is_stub]
            if action is Action.STUBS_SELECTED:
                stubs = [each for each in stubs if each.span.start < selection.end and selection.start < each.span.end]
            return [_body(each, text) for each in stubs]
        case Action.REPAIR:
            lines = broken_lines(text, snapshot.cursor, language)
            return [] if lines is None else [_gap(text, lines)]
        case Action.UNSURE:
            return unsure(text, accepted) if accepted else []


def regenerated(text: str, selection: Span) -> list[Gap]:
    """Give the gap of a selection: whole words, without the white space at its edges.

    So the first indentation and the last line end of selected lines stay where they are.
    """
    selected = text[selection.start : selection.end]
    start = selection.start + len(selected) - len(selected.lstrip())
    end = start + len(selected.strip())
    return [_gap(text, _whole_words(text, Span(start, end)))] if start < end else []


def unsure(text: str, accepted: Accepted) -> list[Gap]:
    """Give the stretches of an accepted answer that the model was least sure of, if the answer still stands as it was."""
    line_end = line_ending(text)
    wanted, before = (LINE_END.sub(line_end, each) for each in (accepted.text, accepted.before))
    starts = (text.find(before[max(len(before) - size, 0) :] + wanted) for size in BEFORE_CHARS)
    sizes = (min(size, len(before)) for size in BEFORE_CHARS)
    start = next((start + size for start, size in zip(starts, sizes, strict=True) if start >= 0), None)
    if start is None or not wanted or not accepted.candidate.token_texts:
        return []
    tokens = _tokens(accepted, start, line_end)
    count = min(max(1, len(tokens) // UNSURE_ONE_IN), MAX_UNSURE_TOKENS)
    least = sorted(tokens, key=lambda token: token[1])[:count]
    runs: list[Span] = []
    for span, _ in sorted(least, key=lambda token: token[0].start):
        whole = _whole_words(text, span)
        if runs and whole.start <= runs[-1].end + 1:
            runs[-1] = Span(runs[-1].start, max(whole.end, runs[-1].end))
        else:
            runs.append(whole)
    return [_gap(text, run) for run in runs]


def _tokens(accepted: Accepted, start: int, line_end: str) -> list[tuple[Span, float]]:
    """Give where the tokens of an accepted answer stand, those that say something, and how sure the model was of them.

    Of the candidate's text the end may have been cut off, and a beginning that was typed before the answer was accepted.
    """
    (texts, *_), sureness = accepted.candidate.token_texts, accepted.candidate.token_confidence
    shown = LINE_END.sub("\n", accepted.text)
    first = "".join(texts).find(shown)
    if first < 0:
        return []
    found, at = [], -first
    for token, confidence in zip(texts, sureness, strict=False):
        blank = len(token) - len(token.lstrip())
        begin, end = max(at + blank, 0), min(at + len(token.rstrip()), len(shown))
        if begin < end:
            places = (start + len(shown[:place].replace("\n", line_end)) for place in (begin, end))
            found.append((Span(*places), confidence))
        at += len(token)
    return found


def _gap(text: str, span: Span) -> Gap:
    """Make the gap of text that stands there now: part of a line stays one line."""
    old = text[span.start : span.end]
    first, last = line_around(text, span.start)[0], line_around(text, span.end)[1]
    lines = len(LINE_END.findall(old)) + 1
    in_line = lines == 1 and bool(text[first : span.start].strip() or text[span.end : last].strip())
    return Gap(span, "", max(len(old), 1), 1 if in_line else max(SOME_LINES, 2 * lines))


def _body(function: Function, text: str) -> Gap:
    place = body_place(function, text)
    return Gap(place.span, place.lead)


def _whole_words(text: str, span: Span) -> Span:
    """Widen a span to the edges of the words that it cuts."""
    start, end = span.start, span.end
    while start > 0 and re.match(r"\w\w", text[start - 1 : start + 1]):
        start -= 1
    while end < len(text) and re.match(r"\w\w", text[end - 1 : end + 1]):
        end += 1
    return Span(start, end)
