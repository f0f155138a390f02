"""Lines, columns and offsets: the only place that counts UTF-8 bytes and UTF-16 units.

In: a text. Out: offsets (code points) for lines and columns, and back. Lines end as LSP says: line feed, carriage return or
both; never at a form feed or U+2028. It never raises: what lies outside the text is moved to the nearest place in it, and a
lone surrogate counts as one unit of UTF-16 and three bytes of UTF-8.
"""

import re
from bisect import bisect_right

LINE_END = re.compile(r"\r\n|\r|\n")
_SURROGATE = re.compile("[\ud800-\udfff]")


class LineIndex:
    """The line starts of one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(match.end() for match in LINE_END.finditer(text))]

    def line_span(self, line: int) -> tuple[int, int]:
        """Offsets of a line's start and of its end, the line ending left out."""
        start = self.starts[line]
        if line + 1 == len(self.starts):
            return start, len(self.text)
        end = self.starts[line + 1] - 1
        return start, end - 1 if self.text[end - 1 : end + 1] == "\r\n" and end > start else end

    def offset(self, line: int, character: int, encoding: str) -> int:
        """Offset of a line and a column counted in `encoding`'s units; a column inside a character is that character's."""
        if line < 0:
            return 0
        if line >= len(self.starts):
            return len(self.text)
        start, end = self.line_span(line)
        content = self.text[start:end]
        if encoding == "utf-32" or content.isascii():
            return start + min(max(character, 0), len(content))
        units = 0
        for index, char in enumerate(content):
            units += _width(char, encoding)
            if units > character:
                return start + index
        return end

    def position(self, offset: int, encoding: str) -> tuple[int, int]:
        """Line and column, in `encoding`'s units, of an offset."""
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self.starts, offset) - 1
        start, end = self.line_span(line)
        content = self.text[start : min(offset, end)]  # between \r and \n is the end of the line
        if encoding == "utf-32" or content.isascii():
            return line, len(content)
        return line, sum(_width(char, encoding) for char in content)


def line_ending(text: str) -> str:
    """Give the line ending a document uses: its first one, a line feed where it has none."""
    first = LINE_END.search(text)
    return first[0] if first else "\n"


def readable(text: str) -> str:
    """Put U+FFFD for every lone surrogate, one for one: a text that can be encoded, with the same offsets."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _width(char: str, encoding: str) -> int:
    """Count a character's units: 16 bits each in UTF-16, bytes in UTF-8."""
    code = ord(char)
    if encoding == "utf-16":
        return 2 if code > 0xFFFF else 1
    return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
