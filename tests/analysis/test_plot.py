"""The picture of a decode: it is one, whatever the code holds, and matplotlib is needed for nothing else."""

import struct
import subprocess
import sys

import pytest

from dlm_lsp.analysis.plot import _pieces, draw
from tests.analysis.test_page import EVIL, scene


def size(png: bytes) -> tuple[int, int]:
    """Read width and height of a PNG."""
    assert b"\x89PNG\r\n\x1a\n" == png[:8]
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("text", ["a", "$\\frac{$", "\n        ", EVIL, "名前 = '…'", "y" * 300])
def test_any_token_can_be_drawn(text: str) -> None:
    """Fails if code is read as a formula, a new line moves the rows, or a long token makes the picture wide."""
    plain = size(draw(scene("a", "b")))
    width, height = size(draw(scene(text, "b")))
    assert plain[0] == width
    assert plain[1] <= height <= plain[1] + 60


def test_long_lines_are_broken() -> None:
    """Fails if the end of a long answer is written beyond the edge, or on top of its beginning."""
    pieces = list(_pieces(scene(*[f" word{n}" for n in range(60)]).decodes[0]))
    assert [f" word{n}" for n in range(60)] == [text for _, _, text, _ in pieces]
    assert all(column + len(text) <= 165 for _, column, text, _ in pieces)
    assert sorted({(line, column) for line, column, *_ in pieces}) == [(line, column) for line, column, *_ in pieces]
    assert 0.0 == pieces[-1][3], "the last word came first"


def test_several_decodes_need_more_room() -> None:
    """Fails if the comparison of temperatures is left out."""
    assert size(draw(scene("a", "b")))[1] < size(draw(scene("a", "b", decodes=3)))[1]


def test_many_steps_keep_the_picture_bounded() -> None:
    """Fails if the height grows with the steps without end."""
    assert 4000 > size(draw(scene(*"abcdefghij" * 7)))[1]


def test_the_page_needs_no_matplotlib() -> None:
    """Fails if looking at a page, or importing the command, needs what only the picture does."""
    program = (
        "import sys; import dlm_lsp.commands.trace, dlm_lsp.analysis.plot; "
        "sys.exit(bool({'matplotlib', 'numpy', 'torch'} & set(sys.modules)))"
    )
    assert 0 == subprocess.run([sys.executable, "-c", program], check=False).returncode
