"""Lines and columns against a slow model that counts character by character."""

from hypothesis import example, given
from hypothesis import strategies as st

from dlm_lsp.text.offsets import LINE_END, LineIndex, line_ending, readable

ODD = st.text(alphabet="ab\r\n\f\v\x1c\x85\u2028\u00e9\u20ac\U0001f600\ud800\t", max_size=24)
ENCODINGS = st.sampled_from(["utf-8", "utf-16", "utf-32"])


def _units(char, encoding):
    if encoding == "utf-32":
        return 1
    size = len(char.encode("utf-16-le" if encoding == "utf-16" else "utf-8", "surrogatepass"))
    return size // 2 if encoding == "utf-16" else size


def _model(text, encoding):
    """Give (line, column, offset) of every place between characters, and where the ends of the lines are."""
    line = column = offset = 0
    places, ends = [(0, 0, 0)], []
    while offset < len(text):
        size = 2 if text[offset : offset + 2] == "\r\n" else 1
        if text[offset] in "\r\n":
            ends.append(offset)
            line, column = line + 1, 0
        else:
            column += _units(text[offset], encoding)
        offset += size
        places.append((line, column, offset))
    return places, [*ends, len(text)]


@given(ODD, ENCODINGS)
@example("a\r\n", "utf-16")
@example("\U0001f600\n", "utf-16")
@example("\ud800", "utf-8")
def test_every_place_has_its_line_and_column_and_back(text, encoding):
    """A form feed taken for a line end, or a pair of surrogates for one unit, moves every edit behind it."""
    index = LineIndex(text)
    for line, column, offset in _model(text, encoding)[0]:
        assert offset == index.offset(line, column, encoding)
        assert (line, column) == index.position(offset, encoding)


@given(ODD, ENCODINGS, st.integers(-3, 30), st.integers(-3, 60))
def test_places_outside_are_moved_into_the_text(text, encoding, line, character):
    """A column past the end that reaches into the next line would insert there."""
    places, ends = _model(text, encoding)
    offset = LineIndex(text).offset(line, character, encoding)
    if line >= len(ends):
        assert len(text) == offset
    elif line < 0:
        assert 0 == offset
    else:
        before = [at for number, column, at in places if number == line and column <= max(character, 0)]
        assert min(before[-1], ends[line]) == offset


@given(ODD, ENCODINGS, st.integers(-5, 40))
def test_an_offset_anywhere_gives_a_place_that_leads_back(text, encoding, offset):
    """Between carriage return and line feed is the end of the line, not the start of the next."""
    line, character = LineIndex(text).position(offset, encoding)
    inside = min(max(offset, 0), len(text))
    back = LineIndex(text).offset(line, character, encoding)
    assert back == inside - (text[inside - 1 : inside + 1] == "\r\n")


def test_the_first_line_ending_is_the_documents():
    """An answer with other line endings mixes them in the user's file."""
    assert line_ending("a\r\nb\n") == "\r\n"
    assert line_ending("a\rb") == "\r"
    assert line_ending("a") == "\n"


@given(ODD)
def test_what_can_be_encoded_has_the_same_offsets(text):
    """A surrogate dropped instead of replaced shifts every fault behind it."""
    plain = readable(text)
    plain.encode()
    assert len(text) == len(plain)
    assert all(right in {left, "\ufffd"} for left, right in zip(text, plain, strict=True))


@given(ODD, st.lists(st.tuples(st.integers(0, 30), st.integers(0, 8), ODD), max_size=6))
@example("\r\n", [(1, 0, "a")])
@example("a\r", [(2, 0, "\n")])
@example("\ra\n", [(1, 1, "")])
def test_an_edited_index_is_that_of_the_new_text(text, edits):
    """A line start that is lost, or stays where the text has moved, puts every later edit into the wrong line."""
    index = LineIndex(text)
    for place, deleted, new in edits:
        start = min(place, len(text))
        end = min(start + deleted, len(text))
        text = text[:start] + new + text[end:]
        index.replace(start, end, new)
        fresh = LineIndex(text)
        assert text == index.text
        assert [fresh.line_span(line) for line in range(fresh.count)] == [
            index.line_span(line) for line in range(index.count)
        ]
        for offset in range(len(text) + 1):
            assert fresh.position(offset, "utf-16") == index.position(offset, "utf-16")


class Counting(list):
    """A list that counts what is taken off its end."""

    popped = 0

    def pop(self):
        self.popped += 1
        return super().pop()


def test_an_edit_moves_no_line_but_its_own():
    """Line starts that are moved one by one at each keystroke cost more the longer the document is."""
    index = LineIndex("x = 1\n" * 20_000)
    index.replace(60_000, 60_000, "y")
    index._before, index._behind = Counting(index._before), Counting(index._behind)
    for typed in range(50):
        index.replace(60_001 + typed, 60_001 + typed, "z")
    assert (0, 0) == (index._before.popped, index._behind.popped)
    assert 20_001 == index.count


@given(ODD)
def test_the_first_line_ending_is_found_as_the_lines_are(text):
    """Another notion of a line end than the index has would mix line endings in a file."""
    first = LINE_END.search(text)
    assert line_ending(text) == (first[0] if first else "\n")
