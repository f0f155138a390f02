"""Lengths of holes that cannot grow: the fit writes its file, and the pipeline decodes at the length that the search finds."""

import json
import math
import random
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dlm_lsp.errors import ModelError
from dlm_lsp.models.denoiser import Denoiser, View
from dlm_lsp.models.folders import CURVE
from dlm_lsp.models.loading import load
from dlm_lsp.sampling.cal import Curve, phi
from dlm_lsp.sampling.canvas import join
from dlm_lsp.sampling.healing import sort_pieces
from dlm_lsp.values import Outcome
from dlm_lsp.worker.calibrate import calibrate, find_lengths, hide_spans, read_curve, read_sources
from dlm_lsp.worker.layout import encode
from dlm_lsp.worker.lengths import LENGTH_GRID
from tests.sampling.literal import cal as literal
from tests.worker.conftest import request_at, run

TINY = Path(__file__).parents[1] / "data" / "reference" / "checkpoints" / "dream-tiny"
LENGTHS = (1, 2, 8, 12, 16, 24, 32)
"""Fewer than the paper's: the tests need no good curve."""
PAPER = Curve(1.00, 1.77, 0.56, 0.06, 0.24)
SOURCE = "".join(f"def f{n}(x):\n    # one line\n    y = x + {n}\n    return y\n\n\n" for n in range(20))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a tiny checkpoint without expand and delete tokens."""
    made = shutil.copytree(TINY, tmp_path / "tiny")
    config = json.loads((made / "config.json").read_text())
    del config["expand_token_id"]
    (made / "config.json").write_text(json.dumps(config))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (made / name).write_text((made / name).read_text().replace("<|expand|>", "<|grow|>"))
    return made


@pytest.fixture(autouse=True)
def _short_contexts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlm_lsp.worker.calibrate.BEFORE_CHARS", 400)
    monkeypatch.setattr("dlm_lsp.worker.calibrate.LINES", (1,))
    monkeypatch.setattr("dlm_lsp.worker.calibrate.FIT_LENGTHS", LENGTHS)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Give a file of code."""
    (tmp_path / "source.py").write_text(SOURCE)
    return tmp_path / "source.py"


class Watched:
    """A denoiser around a denoiser that notes how many masks each view of each call has."""

    def __init__(self, inner: Denoiser) -> None:
        self.inner = inner
        self.vocabulary, self.tokenizer = inner.vocabulary, inner.tokenizer
        self.max_tokens, self.device = inner.max_tokens, inner.device
        self.calls: list[list[int]] = []

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        self.calls.append([int((view.tokens == self.vocabulary.mask_id).sum()) for view in views])
        return self.inner.predict(views)


class Knowing(Watched):
    """A denoiser that is surest at the true length of what is missing in SOURCE, beside the paper's bias."""

    def predict(self, views: Sequence[View]) -> list[Tensor]:
        answers = []
        for view in views:
            masked = view.tokens == self.vocabulary.mask_id
            first, count = int(masked.nonzero()[0]), int(masked.sum())
            before = self.tokenizer.decode(view.tokens[:first].tolist())[-60:].rstrip()
            behind = self.tokenizer.decode(view.tokens[first + count :].tolist())[:60]
            start = SOURCE.index(before) + len(before)
            span = SOURCE[start : SOURCE.index(behind, start)].strip()
            miss = abs(count - len(self.tokenizer.encode(span)))
            top = PAPER(count) * (0.6 + 0.4 * math.exp(-miss / 2))
            row = torch.full((self.vocabulary.size,), (1 - top) / (self.vocabulary.size - 1))
            row[7] = top
            answers.append(row.log().expand(len(view.rows), -1))
        return answers


def test_a_curve_that_finds_lengths_is_written_and_read(folder: Path, source: Path, capsys) -> None:
    """Fails if the file is not what the worker reads, says nothing of how it came to be, or the bias is not the model's."""
    assert read_curve(str(folder)) is None
    assert 0 == calibrate(str(folder), Knowing(load(folder, device="cpu")), [source], spans=40)
    content = json.loads((folder / CURVE).read_text())
    curve = read_curve(str(folder))
    assert curve == Curve(**content["curve"])
    assert {"1", "2", "16", "24", "32"} == set(content["phi"]), "all spans are about 10 tokens long"
    for length in map(int, content["phi"]):
        assert 0.6 * PAPER(length) == pytest.approx(curve(length), rel=0.15)
    out = capsys.readouterr().out
    assert "30 of 30 spans" in out
    assert "On 10 other spans it is 0." in out


def test_a_curve_that_finds_none_is_not_kept(folder: Path, source: Path, capsys) -> None:
    """Fails if lengths of a model that knows nothing of them are taken from it, as if they meant something."""
    assert 1 == calibrate(str(folder), load(folder, device="cpu"), [source], spans=16)
    assert not (folder / CURVE).exists()
    assert "the grid of lengths stays in use" in capsys.readouterr().out


def test_lengths_near_the_true_one_are_left_out(folder: Path, source: Path) -> None:
    """Fails if the bias is measured where the code itself makes the model sure."""
    denoiser = Watched(load(folder, device="cpu"))
    texts = read_sources([source])
    expected = [
        [length for length in LENGTHS if abs(length - true_length) > 4]
        for _, true_length in hide_spans(texts, denoiser, 16, random.Random(0))
    ]
    calibrate(str(folder), denoiser, [source], spans=16)
    assert expected[:12] == denoiser.calls[:12], "the last quarter is not fitted to"


def test_spans_are_whole_lines_in_their_place(folder: Path) -> None:
    """Fails if a span is not what was cut out: prefix, span and suffix no longer join to the text."""
    denoiser = load(folder, device="cpu")
    tokenizer, text = denoiser.tokenizer, SOURCE[:400]
    for draft, true_length in hide_spans([text], denoiser, 30, random.Random(1)):
        before, behind = (tokenizer.decode(part) for part in draft.parts)
        before += draft.typed[0]
        span = text[len(before) : len(text) - len(behind)]
        assert text == before + span + behind
        assert true_length == len(tokenizer.encode(span))
        assert "" == before.rsplit("\n", 1)[-1].strip(), "what stands before is an indentation"
        assert span[0] not in "# \n", "a comment or a blank is nothing to complete"


@pytest.mark.parametrize("curve", [PAPER, Curve(0.0, 0.0, 0.0, 0.0, 1.0)])
def test_the_pipeline_decodes_at_the_length_that_the_paper_finds(folder: Path, curve: Curve) -> None:
    """Fails if the curve is not used, another length wins, or the grid is decoded all the same."""
    denoiser = Watched(load(folder, device="cpu"))
    request = request_at("def add(a, b):\n    @@\n", repair_rounds=0)
    pieces = sort_pieces(denoiser.tokenizer.piece_texts(), denoiser.vocabulary.forbidden)
    draft = encode(request, denoiser, pieces, hole_tokens=64)

    def confidence(length: int) -> float:
        return phi(denoiser.inner, [join(draft.parts, (length,), (0,), denoiser.vocabulary.mask_id)], 0)[0]

    start = request.holes[0].hint_tokens
    expected, _ = literal.cal(confidence, start, 64, 4, curve)
    run(request, denoiser, curve=curve)
    probes = [call for call in denoiser.calls if len(call) > 1]
    decoded = [call for call in denoiser.calls if len(call) == 1]
    assert list(range(start - 4, start + 5)) == probes[0]
    assert [expected] == decoded[0]
    denoiser.calls.clear()
    run(request, denoiser)
    assert list(LENGTH_GRID) == denoiser.calls[0], "without a curve the grid stays"


def test_nobody_waits_for_lengths_longer_than_for_an_answer(folder: Path) -> None:
    """Fails if lengths are looked for without regard to a cancel, or until all of the time is gone."""
    denoiser = Watched(load(folder, device="cpu"))
    result = run(request_at("x = @@\n"), denoiser, curve=PAPER, cancelled=lambda: len(denoiser.calls) == 1)
    assert (Outcome.CANCELLED, 1) == (result.outcome, len(denoiser.calls))
    denoiser.calls.clear()
    run(request_at("x = @@\n", deadline_ms=50), denoiser, curve=PAPER, arrived=time.monotonic() - 0.05)
    assert 1 == len(denoiser.calls), "all are late: one step is made at the hint"


def test_several_holes_are_measured_one_after_the_other(folder: Path) -> None:
    """Fails if the length of one hole is taken for another's, or the first is measured beside holes without masks."""
    denoiser = Watched(load(folder, device="cpu"))
    one = request_at("def add(a, b):\n    @@\n")
    request = type(one)(
        **{field: getattr(one, field) for field in one.__slots__}
        | {"holes": one.holes * 2, "window": type(one.window)("a = ", "\n", between=("\nb = ",))}
    )
    pieces = sort_pieces(denoiser.tokenizer.piece_texts(), denoiser.vocabulary.forbidden)
    draft = encode(request, denoiser, pieces, hole_tokens=128)
    first, second = find_lengths(request, denoiser, draft, PAPER, 64)
    hint = one.holes[0].hint_tokens
    assert hint - 4 + hint == denoiser.calls[0][0], "the second hole is there at its hint"
    lengths = {first + length for length in range(hint - 4, hint + 5)}
    assert lengths in [set(call) for call in denoiser.calls], "the first keeps what was found for it"
    assert 1 <= second <= 64


def test_a_checkpoint_that_grows_can_be_calibrated_too(tmp_path: Path, source: Path) -> None:
    """Fails if the probe for lengths, and so `length cal`, is kept from the bundled model."""
    folder = shutil.copytree(TINY, tmp_path / "growing")
    denoiser = Knowing(load(folder, device="cpu"))
    assert denoiser.vocabulary.expand_id is not None
    assert 0 == calibrate(str(folder), denoiser, [source], spans=16)
    assert read_curve(str(folder)) is not None


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"x = 1\n", "too little code"),
        (b"", "too little"),
    ],
)
def test_sources_that_are_none(folder: Path, tmp_path: Path, content: bytes | None, complaint: str) -> None:
    """Fails if a wrong file ends in a traceback or in a curve of nothing."""
    if content is not None:
        (tmp_path / "odd.py").write_bytes(content)
    with pytest.raises(ModelError, match=complaint):
        calibrate(str(folder), load(folder, device="cpu"), [tmp_path / "odd.py"], spans=20)
    assert not (folder / CURVE).exists()


def test_too_few_spans_and_a_folder_that_cannot_be_written(folder: Path, source: Path) -> None:
    """Fails if five numbers are fitted to less, or what cannot be written leaves rubbish behind."""
    denoiser = Knowing(load(folder, device="cpu"))
    with pytest.raises(ModelError, match="at least 16"):
        calibrate(str(folder), denoiser, [source], spans=15)
    (folder / CURVE).mkdir()
    with pytest.raises(ModelError, match="cannot be written"):
        calibrate(str(folder), denoiser, [source], spans=40)
    assert [CURVE] == [path.name for path in folder.iterdir() if path.name.startswith("length")]


@pytest.mark.parametrize("content", ["{}", '{"curve": 5}', '{"curve": {"a": "x"}}', '{"curve": {"z": 1}}', "["])
def test_a_broken_curve_is_said(folder: Path, content: str) -> None:
    """Fails if a file that holds no curve ends in a traceback, or is passed over in silence."""
    (folder / CURVE).write_text(content)
    with pytest.raises(ModelError, match=CURVE):
        read_curve(str(folder))


def test_the_standard_library_is_the_default() -> None:
    """Fails if there is nothing to calibrate on without naming files."""
    assert any("def choice(" in text for text in read_sources([]))
