"""A cursor anywhere in a text, with the bundled model's vocabulary: what is taken back, and that nothing of the text is lost."""

import pytest

from dlm_lsp.engine.request import build_request
from dlm_lsp.models.denoiser import Denoiser
from dlm_lsp.models.loading import load
from dlm_lsp.sampling.healing import Pieces, heal, sort_pieces
from dlm_lsp.settings import Settings
from dlm_lsp.text.window import as_seen
from dlm_lsp.values import Snapshot, Trigger
from dlm_lsp.wire import Hello
from dlm_lsp.worker.layout import encode, head_ids, wants_indent

CODE = """\
import os

def load(path: str, *, strict=False) -> dict[str, int]:
    \"\"\"Read the \u201efile\u201c at `path`. 🎉\"\"\"
    if not os.path.exists(path) and strict:
        raise ValueError(f"no {path!r}: {1 != 2}")
\tresult = {**{}, "naïve": 0x1F}
    return result
"""


@pytest.fixture(scope="module")
def nano() -> Denoiser:
    return load("nano", device="cpu", threads=1)


@pytest.fixture(scope="module")
def pieces(nano: Denoiser) -> Pieces:
    return sort_pieces(nano.tokenizer.piece_texts(), nano.vocabulary.forbidden)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_nothing_is_lost_at_either_edge(line_end: str, nano: Denoiser, pieces: Pieces) -> None:
    """Fails if a character before or behind the cursor is missing from the canvas, or is there twice."""
    text = CODE.replace("\n", line_end)
    for cursor in range(len(text) + 1):
        if text[cursor - 1 : cursor + 1] == "\r\n":
            continue  # editors know no such place
        snapshot = Snapshot("file:///a/b.py", "python", 1, text, cursor)
        hello = Hello(max_tokens=nano.max_tokens)
        request = build_request(snapshot, Settings(), hello, request_id=1, trigger=Trigger.INVOKED)
        draft = encode(request, nano, pieces, 64)
        start, head = head_ids(request.context, nano.tokenizer)
        before = nano.tokenizer.decode(draft.parts[0][len(start) + len(head) :]) + draft.typed[0]
        assert (as_seen(text[:cursor]), as_seen(text[cursor:])) == (before, nano.tokenizer.decode(draft.parts[1]))


TAKEN = [
    # (name, what is typed, what of it is taken back, what may stand there then)
    ("keyword", "def f(x):\n    retu", "retu", "return"),
    ("attribute", "x = self.na", ".na", ".name"),
    ("operator", "if x !", " !", " !="),
    ("assignment that becomes a comparison", "if x =", " =", " =="),
    ("string", "x = 'hel", "hel", "help"),
    ("opening quote", 'x = "', ' "', ' """'),
    ("opening bracket", "def f(", "(", "()"),
    ("space before a word", "return ", " ", " self"),
    ("half of an indentation", "class A:\n    def f(self):\n  ", "\n  ", "\n        "),
    ("no indentation yet", "def f():\n", "\n", "\n    "),
    ("carriage returns", "def f():\r\n    retu", "retu", "return"),
    ("whole indentation", "def f():\n    ", "", ""),
    ("whole word", "import os", "", ""),
    ("cut character", "é", "", ""),
]


@pytest.mark.parametrize("row", TAKEN, ids=[row[0] for row in TAKEN])
def test_what_is_taken_back(row: tuple[str, str, str, str], nano: Denoiser, pieces: Pieces) -> None:
    """Fails if a word that is half typed cannot become the whole one, or an indentation that is right is asked for again."""
    _, before, typed, may_become = row
    snapshot = Snapshot("file:///a/b.py", "python", 1, before, len(before))
    request = build_request(snapshot, Settings(), Hello(), request_id=1, trigger=Trigger.INVOKED)
    ids = nano.tokenizer.encode(request.window.prefix)
    found = heal(ids, pieces, through_newline=wants_indent(request.holes[0]))
    assert typed == (found.typed if found else "")
    if found is not None:
        assert may_become in {pieces.texts[token] for token in found.allowed.tolist()}
