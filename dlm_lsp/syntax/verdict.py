"""Does a filling fit: is the text around it still as right as it was, and is every line of it where the block allows.

In: the slice around the holes (`survey`, once a request), then fillings (`judge`). Out: a `Verdict`, whose faults are spans of
the fillings. What the language's own parser accepts fits, and where the slice would parse with something simple in its holes,
what it rejects does not; tree-sitter's grammar, which has gaps in both directions, then only says where else to look for the
fault. Where nothing simple makes the slice parse, because it is broken elsewhere or newer than the running Python, tree-sitter
decides: no error that was not there before. It does not know what the text means, nor tokens.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate, chain, islice, zip_longest

import tree_sitter

from dlm_lsp.syntax.fillings import simple_fillings
from dlm_lsp.syntax.hole import find_hole
from dlm_lsp.syntax.languages import Language, find_language
from dlm_lsp.syntax.names import find_unresolved
from dlm_lsp.syntax.scan import Flat, flatten, indent_of
from dlm_lsp.syntax.strict import Complaint, find_second_docstrings
from dlm_lsp.text.offsets import LINE_END
from dlm_lsp.values import Hole, HoleKind, Span

_STRING = re.compile(r"\s*(?i:r|u)?[\"']")
MAX_TRIES = 32
"""How many simple fillings are tried to find out whether the slice parses but for its holes."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a filling: code points [start, end) of the text of one hole, or of the text behind it."""

    hole: int
    start: int
    end: int
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a filling breaks; nothing, if it fits."""

    faults: tuple[Fault, ...] = ()
    """In the holes; if anything is broken, there is at least one. What the language's own parser says comes first."""
    broken_after: tuple[Fault, ...] = ()
    """Behind the holes, caused by them; offsets into the text that follows the hole."""
    unresolved: tuple[Fault, ...] = ()
    """Names in the holes that nothing binds. The filling fits all the same; it is only likely to be wrong."""

    @property
    def parses(self) -> bool:
        """Whether the filling fits."""
        return not self.faults


@dataclass(frozen=True, slots=True)
class Baseline:
    """The slice before anything is filled in."""

    pieces: tuple[str, ...]
    """The texts around the holes: one more than there are holes."""
    holes: tuple[Hole, ...]
    language: str

    @property
    def strict(self) -> bool:
        """Whether a simple filling satisfies the language's own parser."""
        return _known_errors(self) is None

    @property
    def known(self) -> frozenset[tuple[int, int, str] | None]:
        """Errors of the grammar that were there before: piece, offset in it, kind; none are looked for where it is strict."""
        return _known_errors(self) or frozenset()


def survey(slice_prefix: str, between: Sequence[str], slice_suffix: str, language: str) -> Baseline:
    """Look at a slice with holes before they are filled; whether it would parse is found out where it is asked first."""
    pieces = (slice_prefix, *between, slice_suffix)
    empty = "".join(pieces)
    return Baseline(pieces, tuple(find_hole(empty, start, language) for start in _starts(pieces)), language)


@lru_cache(maxsize=8)  # takes some milliseconds, and what fits is not asked for it
def _known_errors(baseline: Baseline) -> frozenset[tuple[int, int, str] | None] | None:
    """Try what is simple in the holes: None where something satisfies the language's own parser, else the grammar's errors."""
    pieces, holes, language = baseline.pieces, baseline.holes, baseline.language
    row = find_language(language)
    tries = []
    lines_start = pieces[0].rfind("\n", 0, max(len(pieces[0].rstrip()) - 1, 0)) + 1
    for filled in islice(_simply_filled(pieces, holes, _starts(pieces), language), MAX_TRIES):
        complaint = row.strict(filled.text) if row.strict is not None else None
        if row.strict is not None and complaint is None:
            return None
        tries.append(filled)
        if complaint is None or _is_elsewhere(complaint, filled, lines_start, row):
            break
    tries = tries or [Filled.of(pieces, [""] * len(holes))]
    known = [_grammar_errors(row.parse(filled.text)) for filled in tries[:4]]
    best = min(range(len(known)), key=lambda index: len(known[index]))
    return frozenset(_identity(tries[best], error) for error in known[best]) - {None}


def _starts(pieces: Sequence[str]) -> list[int]:
    """Give where the holes between pieces stand as long as nothing is in them."""
    return list(accumulate(map(len, pieces[:-1])))


def judge(
    baseline: Baseline, texts: Sequence[str], known_names: Collection[str] | None = None, *, thorough: bool = True
) -> Verdict:
    """Say whether `texts`, one per hole, fit; names are looked at if it is said which the slice does not show.

    Who repairs nothing any more need not be thorough: the first fault is the same, and others may be left out.
    """
    row = find_language(baseline.language)
    filled = Filled.of(baseline.pieces, texts)
    complaint = row.strict(filled.text) if row.strict is not None else None
    found: list[Complaint] = []
    if complaint is not None and baseline.strict:
        found = [complaint]
        if thorough or not any(complaint.start <= span.end and complaint.end >= span.start for span in filled.holes):
            found += [error for error in _grammar_errors(row.parse(filled.text)) if filled.place(error.start)[0]]
    elif complaint is not None or row.strict is None:
        errors = _grammar_errors(row.parse(filled.text))
        found = [error for error in errors if _identity(filled, error) not in baseline.known]
    found += _misplaced(baseline, filled)
    if row.strict is not None and complaint is None and any(_STRING.match(text) for text in texts):
        found += [each for each in find_second_docstrings(filled.text) if filled.place(each.start)[0]]
    verdict = _sort_out(found, filled, row)
    if known_names is None or row.strict is None or complaint is not None or found:
        return verdict
    return replace(
        verdict, unresolved=_sort_out(find_unresolved(filled.text, filled.holes, known_names), filled, row).faults
    )


@dataclass(frozen=True, slots=True)
class Filled:
    """A slice with texts in its holes, and where each hole's text stands in it."""

    text: str
    holes: tuple[Span, ...]

    @classmethod
    def of(cls, pieces: Sequence[str], texts: Sequence[str]) -> "Filled":
        """Put texts into the holes between pieces."""
        spans = []
        offset = 0
        for piece, text in zip(pieces, texts, strict=False):
            offset += len(piece)
            spans.append(Span(offset, offset + len(text)))
            offset += len(text)
        return cls("".join(chain.from_iterable(zip(pieces, (*texts, ""), strict=True))), tuple(spans))

    def place(self, offset: int) -> tuple[bool, int, int]:
        """Say whether an offset stands in a hole, in which hole or piece, and how far into it."""
        behind = 0
        for index, span in enumerate(self.holes):
            if offset < span.start:
                return False, index, offset - behind
            if offset < span.end:
                return True, index, offset - span.start
            behind = span.end
        return False, len(self.holes), offset - behind


def _is_elsewhere(complaint: Complaint, filled: Filled, lines_start: int, row: Language) -> bool:
    """Whether what is broken stands before or behind the holes, so that no filling mends it and no other need be tried.

    A bracket that stays open can be closed by a hole, unless a definition stands between them; and what is broken behind the
    next definition is, if all before that parses.
    """
    if complaint.end < lines_start:
        open_bracket = "never closed" in complaint.reason
        return not open_bracket or _next_definition(filled.text, complaint.end, row) <= lines_start
    border = _next_definition(filled.text, filled.holes[-1].end, row)
    return complaint.start >= border and row.strict is not None and row.strict(filled.text[:border]) is None


def _next_definition(text: str, offset: int, row: Language) -> int:
    """Give the start of the first line behind an offset that defines something at the left margin; the end where there is none."""
    line = text.find("\n", offset) + 1
    while line > 0:
        first = text[line : line + 1]
        if first == "@" or (first.isalpha() and row.definition.match(text, line)):
            return line
        line = text.find("\n", line) + 1
    return len(text)


def _simply_filled(
    pieces: Sequence[str], holes: Sequence[Hole], starts: Sequence[int], language: str
) -> Iterator[Filled]:
    """Fill all holes with something simple, then with something else; who runs out of ideas repeats the last one."""
    empty = "".join(pieces)
    columns = [
        simple_fillings(hole, empty[:start], empty[start:], language) for hole, start in zip(holes, starts, strict=True)
    ]
    texts: list[str | None] = [None] * len(holes)
    for fresh in zip_longest(*columns):
        texts = [old if new is None else new for old, new in zip(texts, fresh, strict=True)]
        yield Filled.of(pieces, [text or "" for text in texts])


def _grammar_errors(tree: tree_sitter.Tree | None) -> list[Complaint]:
    """List the outermost ERROR nodes and the MISSING nodes of a tree."""
    found = []
    waiting = [tree.root_node] if tree is not None else []
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            found.append(
                Complaint(node.start_byte, node.end_byte, f"missing {node.type}" if node.is_missing else "syntax error")
            )
        elif node.has_error:
            waiting += node.children
    return found


def _identity(filled: Filled, error: Complaint) -> tuple[int, int, str] | None:
    """Say where an error stands, independent of what is in the holes; None inside of a hole."""
    in_hole, piece, offset = filled.place(error.start)
    return None if in_hole else (piece, offset, error.reason)


def _misplaced(baseline: Baseline, filled: Filled) -> list[Complaint]:
    """Find what a parser does not object to: lines that leave the hole's block, and code behind a hole that is swallowed."""
    found = []
    row = find_language(baseline.language)
    for hole, span, piece in zip(baseline.holes, filled.holes, baseline.pieces[1:], strict=True):
        state = read_hole(filled.text, span, row)
        rest = LINE_END.split(piece, maxsplit=1)[0]
        if hole.max_lines > 1:
            found += [
                Complaint(span.start + line.start(), span.start + line.end(), "leaves its block")
                for line in re.finditer(r"(?<=\n)[^\n]*\S[^\n]*", state.text)
                if not indent_of(line[0]).startswith(hole.floor)
            ]
        stands = hole.kind in {HoleKind.BODY, HoleKind.LINE} and hole.typed_indent and hole.typed_indent == hole.indent
        if (
            stands and filled.text[span.start : span.end][:1].isspace()
        ):  # editors indent by Tab there and accept nothing
            found.append(Complaint(span.start, span.start + 1, "white space at the right column"))
        if state.comment and rest.strip() and hole.kind is not HoleKind.COMMENT:
            found.append(Complaint(span.end, span.end + len(rest), "a comment swallows it"))
        if len(state.string) == 3 and not rest.strip() and not hole.quote:
            found.append(Complaint(span.end, span.end + len(rest), "a string swallows it"))
    return found


def read_hole(text: str, span: Span, row: Language) -> Flat:
    """Give the lexical structure of a hole's text, and what is open at its end.

    What stands before the hole is mostly known. It is read again from two lines above: a word that is begun there, and that the
    hole goes on with, may be another one than it seemed.
    """
    before = flatten(text[: span.start], row).text
    line_end = max(text.rfind("\n", 0, span.start), 0)
    start = before.rfind("\n", 0, line_end) + 1
    state = flatten(text[start : span.end], row)
    return replace(state, text=state.text[span.start - start :])


def _sort_out(found: Sequence[Complaint], filled: Filled, row: Language) -> Verdict:
    """Turn complaints about the whole into faults of the holes and of what stands behind them."""
    faults = []
    broken_after = []
    for complaint in found:
        for index, span in enumerate(filled.holes):
            if complaint.start <= span.end and complaint.end >= span.start:
                size = span.end - span.start
                end = min(max(complaint.end, complaint.start + 1, span.start + 1) - span.start, size)
                start = max(min(complaint.start - span.start, end - 1), 0)
                lonely = _lonely(filled, index, row) if complaint.start == span.end else []
                faults += [Fault(index, *each, complaint.reason) for each in lonely or [(start, end)]]
        in_hole, piece, offset = filled.place(complaint.start)
        if not in_hole and piece:
            broken_after.append(Fault(piece - 1, offset, offset + complaint.end - complaint.start, complaint.reason))
    if found and not faults:  # the nearest hole before the complaint is to blame, its last line if nothing else is
        index = max(filled.place(found[0].start)[1] - 1, 0)
        span = filled.holes[index]
        last_line = filled.text.rfind("\n", span.start, max(span.end - 1, span.start)) + 1
        spots = _lonely(filled, index, row) or [(max(last_line - span.start, 0), span.end - span.start)]
        faults += [Fault(index, *each, found[0].reason) for each in spots]
    return Verdict(tuple(faults), tuple(broken_after))


def _lonely(filled: Filled, index: int, row: Language) -> list[tuple[int, int]]:
    """List the brackets and quotes of a hole whose partner is not in it: they may break what stands behind."""
    span = filled.holes[index]
    state = read_hole(filled.text, span, row)
    flat = state.text
    opened: list[int] = []
    lonely: list[int] = []
    for match in re.finditer(r"[()\[\]{}]", flat):
        if match[0] not in row.brackets:
            opened.append(match.start())
        elif opened:
            opened.pop()
        else:
            lonely.append(match.start())
    if state.string and state.string in flat:
        lonely.append(flat.rindex(state.string))
    return [(at, at + 1) for at in (*lonely, *opened)]
