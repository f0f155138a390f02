"""How the room is shared, and where the cuts are."""

from hypothesis import given
from hypothesis import strategies as st

from dlm_lsp.text.window import as_seen, fit_window
from dlm_lsp.values import Span

LINES = "".join(f"line {number:02}\n" for number in range(40))  # 8 characters each


def test_two_thirds_before_one_third_behind():
    """Room shared the other way would hide what leads to the hole."""
    window = fit_window(LINES, [Span(160, 160)], 72)
    assert window.prefix == LINES[112:160]
    assert window.suffix == LINES[160:184]


def test_room_that_one_side_does_not_need_goes_to_the_other():
    """At either end of a document half of the window would else be wasted."""
    assert fit_window(LINES, [Span(0, 0)], 80).suffix == LINES[:80]
    assert fit_window(LINES, [Span(320, 320)], 80).prefix == LINES[240:]
    assert fit_window(LINES, [Span(16, 16)], 80).suffix == LINES[16:80]


def test_a_cut_falls_between_lines_unless_the_line_is_longer_than_the_room():
    """Half a line is not what the model was trained on; no text at all is worse."""
    assert fit_window(LINES, [Span(164, 164)], 40).prefix == LINES[144:164]
    long = "x" * 1000
    assert fit_window(long, [Span(500, 500)], 90).prefix == "x" * 60


def test_between_two_holes_all_is_kept():
    """The text between holes is part of the canvas."""
    window = fit_window(LINES, [Span(80, 84), Span(96, 96)], 48)
    assert window.between == (LINES[84:96],)
    assert LINES[:80].endswith(window.prefix)
    assert window.suffix.startswith(LINES[96:104])


@given(st.text(alphabet="ab\r\n\u20ac\ud800", max_size=60), st.data())
def test_a_window_is_a_part_of_the_text_and_not_longer_than_asked(text, data):
    """Anything else would show the model text that is not there."""
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    room = data.draw(st.integers(0, 80))
    window = fit_window(text, [Span(start, end)], room)
    assert text[:start].endswith(window.prefix)
    assert text[end:].startswith(window.suffix)
    assert len(window.prefix) + len(window.suffix) <= room
    if room >= len(text) - (end - start):
        assert text[:start] + text[end:] == window.prefix + window.suffix


def test_the_model_sees_plain_line_ends_and_no_lone_surrogates():
    """The tokenizer cannot encode a lone surrogate, and the model has never seen a carriage return."""
    assert as_seen("a\r\nb\rc\n\ud800\U0001f600") == "a\nb\nc\n\ufffd\U0001f600"
