"""How a checkpoint finds the lengths of its holes before it fills them: fits its curve once, and uses it for every request.

In: a denoiser, Python sources or a request's canvas, the curve's file beside the weights. Out: that file; the lengths of holes. The
method is `sampling.cal`; spans of real code are all that the fit needs, no tests and no right answers.
"""

import json
import math
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from dlm_lsp.errors import ModelError
from dlm_lsp.models.denoiser import Denoiser, Vocabulary
from dlm_lsp.models.folders import CURVE, find, read_json
from dlm_lsp.sampling.cal import EXCLUDED, FIT_LENGTHS, Curve, fit_curve, phi, search
from dlm_lsp.sampling.canvas import Canvas, join
from dlm_lsp.sampling.healing import sort_pieces
from dlm_lsp.values import Hole, HoleKind, InfillRequest, Window
from dlm_lsp.worker.layout import Draft, encode

LINES = (1, 1, 1, 2, 3, 5, 8)
"""How many lines a hidden span has; one is what people complete most."""
BEFORE_CHARS, BEHIND_CHARS = 1000, 500
"""About what the server sends at its default setting."""
MAX_FILES = 200
MIN_SPANS = 16
HELD_OUT = 4
"""One span in four is not fitted to: it says whether the curve is of use."""
MAX_LENGTH = 64


def keeps_length(vocabulary: Vocabulary) -> bool:
    """Whether a checkpoint has no tokens that grow and shrink a hole."""
    return vocabulary.expand_id is None or vocabulary.delete_id is None


def find_lengths(
    request: InfillRequest, denoiser: Denoiser, draft: Draft, curve: Curve, longest: int, *, until: float = math.inf
) -> tuple[int, ...]:
    """Give the length of each hole of a request, one hole after the other, the later ones at their hints meanwhile.

    The model is asked until a time of `time.monotonic`; then the best lengths so far have to do.
    """
    lengths = [min(hole.hint_tokens, longest) for hole in request.holes]
    for hole in range(len(lengths)):

        def canvas(length: int, hole: int = hole) -> Canvas:
            tried = [*lengths[:hole], length, *lengths[hole + 1 :]]
            return join(draft.parts, tried, [0] * len(tried), denoiser.vocabulary.mask_id)

        def psi(probed: Sequence[int], hole: int = hole) -> list[float]:
            if time.monotonic() > until:
                return [0.0] * len(probed)  # no better than any
            values = phi(denoiser, [canvas(length) for length in probed], hole)
            return [value / _bias(curve, length) for value, length in zip(values, probed, strict=True)]

        lengths[hole] = search(psi, lengths[hole], longest)
    return tuple(lengths)


def read_curve(model: str) -> Curve | None:
    """Give the curve that was fitted for a model, None where none was."""
    file = find(model) / CURVE
    if not file.is_file():
        return None
    try:
        return Curve(**{letter: float(value) for letter, value in read_json(file)["curve"].items()})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{file} holds no curve: delete it, or run `dlm-lsp models calibrate` again") from error


def calibrate(model: str, denoiser: Denoiser, sources: Sequence[Path], *, spans: int) -> int:
    """Fit the curve of a model, and write it beside its weights if it finds other spans' lengths; give the exit status."""
    folder = find(model)
    if spans < MIN_SPANS:
        raise ModelError(f"{spans} spans are too few to fit a curve with five numbers: take at least {MIN_SPANS}")
    hidden = list(hide_spans(read_sources(sources), denoiser, spans, random.Random(0)))
    fitted, held_out = hidden[: -(spans // HELD_OUT)], hidden[-(spans // HELD_OUT) :]
    samples: dict[int, list[float]] = {}
    for number, (draft, true_length) in enumerate(fitted, start=1):
        lengths = [length for length in FIT_LENGTHS if abs(length - true_length) > EXCLUDED]
        for length, value in zip(lengths, _phi(denoiser, draft, lengths), strict=True):
            samples.setdefault(length, []).append(value)
        if number % max(1, len(fitted) // 10) == 0:
            print(f"{number} of {len(fitted)} spans", flush=True)
    curve = fit_curve(samples)
    for length in sorted(samples):
        mean = sum(samples[length]) / len(samples[length])
        print(f"length {length:3}: phi {mean:.4f}, curve {curve(length):.4f}, {len(samples[length])} spans")
    usual = int(statistics.median(true_length for _, true_length in fitted))
    found = [search(_psi(denoiser, draft, curve), usual, max(usual, MAX_LENGTH)) for draft, _ in held_out]
    off = statistics.mean(abs(length - true) for length, (_, true) in zip(found, held_out, strict=True))
    usually_off = statistics.mean(abs(usual - true) for _, true in held_out)
    print(
        f"On {len(held_out)} other spans it is {off:.1f} tokens off; to say {usual} every time would be {usually_off:.1f} off."
    )
    if off >= usually_off:
        print("So it knows nothing of lengths: the curve is not kept, and the grid of lengths stays in use.")
        return 1
    _write(folder / CURVE, curve, samples)
    print(f"The curve is in {folder / CURVE}; it is used from the next start on.")
    return 0


def _phi(denoiser: Denoiser, draft: Draft, lengths: Sequence[int]) -> list[float]:
    return phi(denoiser, [join(draft.parts, (length,), (0,), denoiser.vocabulary.mask_id) for length in lengths], 0)


def _psi(denoiser: Denoiser, draft: Draft, curve: Curve) -> Callable[[Sequence[int]], list[float]]:
    def psi(lengths: Sequence[int]) -> list[float]:
        return [value / _bias(curve, n) for value, n in zip(_phi(denoiser, draft, lengths), lengths, strict=True)]

    return psi


def _bias(curve: Curve, length: int) -> float:
    return max(curve(length), 1e-6)


def read_sources(paths: Sequence[Path]) -> list[str]:
    """Read the files named; without any, modules of Python's own library."""
    if not paths:
        paths = sorted(Path(random.__file__).parent.glob("*.py"))[:MAX_FILES]
    texts = []
    for path in paths:
        try:
            texts.append(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"{path} cannot be read ({error}); name files of Python in UTF-8") from error
    if not any(sum(map(_is_code, text.split("\n"))) > max(LINES) for text in texts):
        raise ModelError("there is too little code in these files; name longer ones")
    return texts


def _is_code(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def hide_spans(
    texts: Sequence[str], denoiser: Denoiser, count: int, draw: random.Random
) -> Iterator[tuple[Draft, int]]:
    """Hide spans of whole lines: what stands around each as the server lays it out, and its true length in tokens."""
    pieces = sort_pieces(denoiser.tokenizer.piece_texts(), denoiser.vocabulary.forbidden)
    starts = [
        (text, lines, row)
        for text in texts
        for lines in [text.split("\n")]
        for row in range(len(lines) - max(LINES))
        if _is_code(lines[row])
    ]
    for _ in range(count):
        text, lines, row = draw.choice(starts)
        indent = len(lines[row]) - len(lines[row].lstrip())
        begin = sum(len(line) + 1 for line in lines[:row]) + indent
        end = sum(len(line) + 1 for line in lines[: row + draw.choice(LINES)]) - 1
        window = Window(text[max(0, begin - BEFORE_CHARS) : begin], text[end : end + BEHIND_CHARS])
        hole = Hole(HoleKind.LINE, indent=" " * indent, typed_indent=" " * indent)
        request = InfillRequest(0, 0, "python", window, (hole,), "", "")
        draft = encode(request, denoiser, pieces, hole_tokens=max(FIT_LENGTHS))
        yield draft, len(denoiser.tokenizer.encode(text[begin:end]))


def _write(file: Path, curve: Curve, samples: dict[int, list[float]]) -> None:
    """Put the file there at once, so that a server which starts meanwhile reads all of it or the old one."""
    content = {
        "curve": asdict(curve),
        "phi": {str(length): round(sum(samples[length]) / len(samples[length]), 6) for length in sorted(samples)},
        "spans": max(map(len, samples.values())),
        "method": "CAL, arXiv 2602.00476, appendix A",
    }
    unfinished = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        unfinished.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        unfinished.replace(file)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise ModelError(
            f"{file} cannot be written ({error.strerror}); copy the model to a folder of your own"
        ) from error
