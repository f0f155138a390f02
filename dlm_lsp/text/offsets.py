"""Lines, columns and offsets: the only place that counts UTF-8 bytes and UTF-16 units.

In: a text, and edits of it. Out: offsets (code points) for lines and columns, and back. Lines end as LSP says: line feed,
carriage return or both; never at a form feed or U+2028. It never raises: what lies outside the text is moved to the nearest
place in it, and a lone surrogate counts as one unit of UTF-16 and three bytes of UTF-8.
"""

import re
from bisect import bisect_left, bisect_right

LINE_END = re.compile(r"\r\n|\r|\n")
_LINE_FEED = re.compile(r"\n")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CODECS = {"utf-8": ("utf-8", 1, 4), "utf-16": ("utf-16-le", 2, 2)}
"""Per encoding: Python's name for it, the bytes of a unit, the units of the widest character."""


class LineIndex:
    """A text and where its lines start.

    Line starts before the last edit are kept as offsets and those behind it as distances from the end, so that an edit in the
    same place moves none of them: its cost does not grow with the text.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._before = [0, *_line_starts(text, 0, len(text))]
        self._behind: list[int] = []
        """Ascending, so that the line nearest to the edit comes last."""

    @property
    def count(self) -> int:
        """How many lines there are; the last one may be empty."""
        return len(self._before) + len(self._behind)

    def replace(self, start: int, end: int, new: str) -> None:
        """Put `new` in the place of text[start:end]."""
        before, behind, size = self._before, self._behind, len(self.text)
        while before[-1] > end:
            behind.append(size - before.pop())
        while behind and size - behind[-1] <= end:
            before.append(size - behind.pop())
        del before[max(bisect_left(before, start), 1) :]
        self.text = "".join((self.text[:start], new, self.text[end:]))
        # A line end may be half inside of what is new; one that reaches behind it starts a line that is known.
        edited = start + len(new)
        before += [at for at in _line_starts(self.text, max(start - 1, 0), edited + 1) if at <= edited]

    def line_span(self, line: int) -> tuple[int, int]:
        """Offsets of a line's start and of its end, the line ending left out."""
        start = self._start(line)
        if line + 1 == self.count:
            return start, len(self.text)
        end = self._start(line + 1) - 1
        return start, end - 1 if self.text[end - 1 : end + 1] == "\r\n" and end > start else end

    def offset(self, line: int, character: int, encoding: str) -> int:
        """Offset of a line and a column counted in `encoding`'s units; a column inside a character is that character's."""
        if line < 0:
            return 0
        if line >= self.count:
            return len(self.text)
        start, end = self.line_span(line)
        return start + _characters(self.text[start : min(end, start + max(character, 0))], character, encoding)

    def position(self, offset: int, encoding: str) -> tuple[int, int]:
        """Line and column, in `encoding`'s units, of an offset."""
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self._before, offset) - 1
        if line + 1 == len(self._before):
            line += len(self._behind) - bisect_left(self._behind, len(self.text) - offset)
        start, end = self.line_span(line)
        return line, _units(self.text[start : min(offset, end)], encoding)  # between \r and \n is the end of the line

    def _start(self, line: int) -> int:
        if line < len(self._before):
            return self._before[line]
        return len(self.text) - self._behind[len(self._before) - line - 1]


def line_ending(text: str) -> str:
    """Give the line ending a document uses: its first one, a line feed where it has none."""
    line_feed = text.find("\n")
    carriage_return = text.find("\r", 0, len(text) if line_feed < 0 else line_feed)
    if carriage_return < 0:
        return "\n"
    return "\r\n" if carriage_return + 1 == line_feed else "\r"


def readable(text: str) -> str:
    """Put U+FFFD for every lone surrogate, one for one: a text that can be encoded, with the same offsets."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _line_starts(text: str, start: int, end: int) -> list[int]:
    """Give the ends of the line ends in text[start:end]."""
    pattern = LINE_END if text.find("\r", start, end) >= 0 else _LINE_FEED  # ten times as fast
    return [match.end() for match in pattern.finditer(text, start, end)]


def _units(text: str, encoding: str) -> int:
    """Count a text's units: 16 bits each in UTF-16, bytes in UTF-8."""
    if encoding == "utf-32" or text.isascii():
        return len(text)
    codec, unit_bytes, _ = _CODECS[encoding]
    return len(text.encode(codec, "surrogatepass")) // unit_bytes


def _characters(text: str, units: int, encoding: str) -> int:
    """Count the characters of a text that end within its first `units`."""
    if encoding == "utf-32" or text.isascii():
        return min(max(units, 0), len(text))
    widest = _CODECS[encoding][2]
    count = 0
    while units > 0 and count < len(text):
        step = max(units // widest, 1)  # these fit whatever they are; but for the last one, which may not
        taken = _units(text[count : count + step], encoding)
        if taken > units:
            break
        count, units = count + step, units - taken
    return min(count, len(text))
