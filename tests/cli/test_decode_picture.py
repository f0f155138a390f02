"""The README's picture: drawn from steps, whole, and without anything that a browser would have to fetch."""

import re
from xml.etree import ElementTree as ET

from dlm_lsp.commands.demo import read_examples
from dlm_lsp.values import Step
from docs.decode import HERE, picture


def test_the_picture_shows_the_frames_and_fetches_nothing() -> None:
    """Fails if a frame or the final text is missing, or the picture loads fonts or styles from elsewhere."""
    example = read_examples(HERE.parent / "examples")[0]
    pieces = [(None, None, None), ("first", None, None), ("first", " second", None), ("first", " second", " third")]
    steps = [Step(1, number, (piece,), 0, "denoise") for number, piece in enumerate(pieces, start=1)]
    drawn = picture(example, [*steps, Step(1, 4, (("all of it",),), 0, "done")])
    ET.fromstring(drawn)
    text = re.sub(r"<[^>]+>", "", drawn).replace("&#160;", " ")
    for shown in ("model call 1 ", "model call 4 ", "first", "third", "all of it", "taken back"):
        assert shown in text
    assert ["http://www.w3.org/2000/svg"] == re.findall(r"https?://[^\"')]+", drawn)


def test_the_picture_in_the_repository_is_one() -> None:
    """Fails if the file that the README shows is broken or empty."""
    ET.fromstring((HERE / "decode.svg").read_text(encoding="utf-8"))
