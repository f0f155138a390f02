"""Measures a model on files and packages that it never saw, beside a bigram model on the very same tokens.

In: a model folder (or several) and data/. Out: a table, and a JSON file. Greedy filling at the true length only: what
the server makes of the model, lengths included, is measured by `dlm-lsp bench quality`.

    python -m training.evaluate --model dlm_lsp/bundled/nano --out benchmarks/results/nano.json

Two fixed, seeded sets per split. *dense*: any share of a window hidden, mean nats per hidden token. *line*: one line of
n tokens, k ~ U{1..n} of them hidden, the hidden ones' nats weighted by n / k: an upper bound of the nats per token of
filling the whole line in random order.

On the dense set also: how often a hidden token is right that the model is so and so sure of. On whole lines: how far from the true
length the model's growing and shrinking ends, beside a guess that is always the same.
"""

import argparse
import json
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from torch import Tensor

from dlm_lsp.models.denoiser import Denoiser, View
from dlm_lsp.models.loading import load as load_model
from dlm_lsp.sampling.canvas import join
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.pace import Pace
from dlm_lsp.sampling.samplers.threshold import Threshold
from training import DATA
from training import stream as streams
from training.bpe import MASK, SPECIALS, load
from training.corrupt import Canvases, Sampler
from training.stream import Stream

LENGTH = 256
DISCOUNT = 0.75
HINT, LONGEST = 16, 32
"""Rows with which a hole of one line begins in the server, and to how many it may grow."""


class Bigram:
    """Interpolated Kneser-Ney over the training stream: what the nearest word alone can know."""

    def __init__(self, stream: Stream, vocabulary: int) -> None:
        ids = np.asarray(stream.ids, np.int64)
        self._vocabulary = vocabulary
        # A pair across the border of two files is noise among millions.
        self._pairs, self._counts = np.unique(ids[:-1] * vocabulary + ids[1:], return_counts=True)
        self._followed = np.bincount(ids[:-1], minlength=vocabulary)
        self._followers = np.bincount(self._pairs // vocabulary, minlength=vocabulary)
        self._unigram = (np.bincount(ids, minlength=vocabulary) + 1) / (len(ids) + vocabulary)
        self._continuation = (np.bincount(self._pairs % vocabulary, minlength=vocabulary) + 1) / (
            len(self._pairs) + vocabulary
        )

    def nats(self, before: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.float64]:
        """-log p of each token behind the one `before` it, of the unigram model where that is the mask."""
        keys = before * self._vocabulary + tokens
        at = np.searchsorted(self._pairs, keys).clip(max=len(self._pairs) - 1)
        seen = np.where(self._pairs[at] == keys, self._counts[at], 0)
        total = np.maximum(self._followed[before], 1)
        left = np.where(self._followed[before] > 0, DISCOUNT * self._followers[before] / total, 1.0)
        bigram = np.maximum(seen - DISCOUNT, 0) / total + left * self._continuation[tokens]
        return -np.log(np.where(before == MASK, self._unigram[tokens], bigram))


@dataclass(frozen=True, slots=True)
class LineHoles:
    """Canvases with one line hidden, whole or in part."""

    part: Canvases  # k of n tokens hidden, each with weight n / k
    whole: Canvases  # the same lines, all n hidden


def dense_masks(sampler: Sampler, count: int) -> Canvases:
    """`count` windows of which any share is hidden; nothing is told beside them, so that the set stays when that changes."""
    rows: list[tuple[NDArray[np.generic], ...]] = []
    for index in range(count):
        rng = np.random.default_rng([sampler.seed, 0, index])
        window = sampler.window(rng, LENGTH, told=False)
        tokens = np.array((window.head + window.body)[:LENGTH], np.int64)
        hidden = 1 + np.flatnonzero(rng.random(LENGTH - 1) < rng.uniform(0.02, 1))
        rows.append(with_hidden(tokens, hidden, 1.0))
    return stacked(rows)


def line_holes(sampler: Sampler, count: int) -> LineHoles:
    """`count` lines of 2 to 24 tokens, each in the second half of its window."""
    part: list[tuple[NDArray[np.generic], ...]] = []
    whole: list[tuple[NDArray[np.generic], ...]] = []
    index = 0
    while len(part) < count:
        rng = np.random.default_rng([sampler.seed, 1, index])
        index += 1
        window = sampler.window(rng, LENGTH, told=False)
        tokens = np.array((window.head + window.body)[:LENGTH], np.int64)
        lines = sampler.lines(tokens, LENGTH)
        lines = [(a, b) for a, b in lines if 2 <= b - a <= 24 and a > LENGTH // 3]
        if not lines:
            continue
        begin, end = lines[rng.integers(len(lines))]
        hidden = rng.permutation(np.arange(begin, end))[: rng.integers(1, end - begin + 1)]
        part.append(with_hidden(tokens, hidden, (end - begin) / len(hidden)))
        whole.append(with_hidden(tokens, np.arange(begin, end), 1.0))
    return LineHoles(stacked(part), stacked(whole))


def with_hidden(tokens: NDArray[np.int64], hidden: NDArray[np.int64], weight: float) -> tuple[NDArray[np.generic], ...]:
    """One canvas: inputs, targets, weights."""
    inputs, weights = tokens.copy(), np.zeros(len(tokens), np.float32)
    inputs[hidden], weights[hidden] = MASK, weight
    return inputs, tokens, weights


def stacked(rows: list[tuple[NDArray[np.generic], ...]]) -> Canvases:
    """Canvases of single ones."""
    inputs, targets, weights = (np.stack(column) for column in zip(*rows, strict=True))
    return Canvases(inputs, targets, weights, weights > 0)


def first(canvases: Canvases, count: int) -> Canvases:
    """The first few."""
    return part_of(canvases, slice(count))


def in_parts(canvases: Canvases, size: int = 16) -> Iterator[Canvases]:
    """The same canvases, a few at a time."""
    for at in range(0, len(canvases.inputs), size):
        yield part_of(canvases, slice(at, at + size))


def part_of(canvases: Canvases, part: slice) -> Canvases:
    """Some of the canvases."""
    return Canvases(canvases.inputs[part], canvases.targets[part], canvases.weights[part], canvases.holes[part])


@dataclass(frozen=True, slots=True)
class Guesses:
    """What a model says of every hidden token, in reading order."""

    nats: NDArray[np.float64]  # [N], -log p of the true one
    confidence: NDArray[np.float64]  # [N], the likeliest one's
    right: NDArray[np.bool_]  # [N], whether that is the true one


def guess(denoiser: Denoiser, canvases: Canvases) -> Guesses:
    """Ask about all hidden tokens, each canvas as it stands."""
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    for part in in_parts(canvases):
        rows = [torch.from_numpy(np.flatnonzero(weights)) for weights in part.weights]
        tokens, targets = torch.from_numpy(part.inputs), torch.from_numpy(part.targets)
        views = [View(tokens[b], places) for b, places in enumerate(rows) if len(places)]
        wanted = [targets[b, places] for b, places in enumerate(rows) if len(places)]
        for logits, ids in zip(denoiser.predict(views), wanted, strict=True):
            logprobs = logits.log_softmax(-1)  # [R, V]
            best, choice = logprobs.max(-1)
            found.append((-logprobs.gather(1, ids[:, None])[:, 0], best.exp(), choice == ids))
    nats, confidence, right = (torch.cat(column) for column in zip(*found, strict=True))
    return Guesses(nats.double().numpy(), confidence.double().numpy(), right.numpy())


def calibration(guesses: Guesses) -> list[dict[str, float]]:
    """By tenths of confidence: how many tokens, how sure the model was of them, and what share was right."""
    tenth = np.minimum((guesses.confidence * 10).astype(np.int64), 9)
    rows = []
    for number in range(10):
        own = tenth == number
        if own.any():
            row = {"tokens": float(own.sum()), "confidence": float(guesses.confidence[own].mean())}
            rows.append(row | {"right": float(guesses.right[own].mean())})
    return rows


def calibration_error(rows: list[dict[str, float]]) -> float:
    """Expected calibration error: |confidence - share right|, each tenth weighted by its tokens."""
    total = sum(row["tokens"] for row in rows)
    return sum(row["tokens"] * abs(row["confidence"] - row["right"]) for row in rows) / total


def bigram_nats(bigram: Bigram, canvases: Canvases, *, true_neighbour: bool) -> NDArray[np.float64]:
    """The same of the bigram model: it sees the canvas's left neighbour, or (unfairly well) always the true one."""
    row, place = np.nonzero(canvases.weights)
    before = (canvases.targets if true_neighbour else canvases.inputs)[row, place - 1]
    return bigram.nats(before, canvases.targets[row, place])


def mean_nats(nats: NDArray[np.float64], canvases: Canvases) -> float:
    """Weighted sum over the tokens it stands for: of a line, n / k times k is n."""
    weights = canvases.weights[np.nonzero(canvases.weights)]
    return float((nats * weights).sum() / weights.sum())


def exact_lines(denoiser: Denoiser, whole: Canvases) -> float:
    """Share of lines filled to the letter: true length, one token a step, the surest first."""
    right = 0
    for part in in_parts(whole):
        tokens = torch.from_numpy(part.inputs.copy())
        while bool((tokens == MASK).any()):
            open_ones = [canvas for canvas in tokens if bool((canvas == MASK).any())]
            views = [View(canvas, (canvas == MASK).nonzero()[:, 0]) for canvas in open_ones]
            for view, logits in zip(views, denoiser.predict(views), strict=True):
                best, choice = logits[:, len(SPECIALS) :].softmax(-1).max(-1)  # special tokens are no text
                surest = int(best.argmax())
                view.tokens[view.rows[surest]] = choice[surest] + len(SPECIALS)  # a row of `tokens`, written in place
        right += int((tokens == torch.from_numpy(part.targets)).all(dim=1).sum())
    return right / len(whole.inputs)


def lengths_found(denoiser: Denoiser, whole: Canvases) -> NDArray[np.int64]:  # [N]
    """How long every line is when the model alone decides, starting at `HINT` rows, by the server's default decoder."""
    found = []
    vocabulary = denoiser.vocabulary
    for tokens, weights in zip(whole.targets, whole.weights, strict=True):
        begin, *_, last = np.flatnonzero(weights).tolist()
        parts = (tokens[:begin].tolist(), tokens[last + 1 :].tolist())
        canvas = join(parts, (HINT,), (LONGEST - HINT,), vocabulary.mask_id)
        sampler = Pace(Threshold(), canvas, vocabulary)
        for (now,) in denoise([canvas], denoiser, [sampler], [torch.Generator()]):
            canvas = now
        found.append(int(canvas.holes.sum()))
    return np.array(found)


def length_errors(found: NDArray[np.int64], whole: Canvases) -> dict[str, float]:
    """Mean |found - true| in tokens, the same of the one length that would be best for all, and the mean of found - true."""
    true = (whole.weights > 0).sum(axis=1)[: len(found)]
    return {
        "length_error_tokens": float(np.abs(found - true).mean()),
        "length_error_of_the_median": float(np.abs(np.median(true) - true).mean()),
        "length_bias_tokens": float((found - true).mean()),
    }


def evaluate(
    denoiser: Denoiser, data: Path, bigram: Bigram, *, dense: int, lines: int, exact: int
) -> dict[str, dict[str, Any]]:
    """Every number of one model, by split."""
    tokenizer = load(data / "tokenizer")
    results = {}
    for split in ("valid-files", "valid-packages"):
        sampler = Sampler(streams.read(data, split), tokenizer, seed=7)
        scattered = dense_masks(sampler, dense)
        holes = line_holes(sampler, lines)
        text = [
            tokenizer.decode(row[mask > 0].tolist())
            for row, mask in zip(holes.whole.targets, holes.whole.weights, strict=True)
        ]
        bytes_per_token = sum(len(line.encode()) for line in text) / float((holes.whole.weights > 0).sum())
        row: dict[str, Any] = {}
        for name, canvases in (("dense", scattered), ("line", holes.part)):
            guesses = guess(denoiser, canvases)
            nats = guesses.nats
            weights = canvases.weights[np.nonzero(canvases.weights)]
            row[f"{name}_nats_per_token"] = mean_nats(nats, canvases)
            row[f"{name}_standard_error"] = standard_error(nats * weights, canvases)
            row[f"{name}_bigram_same_view"] = mean_nats(bigram_nats(bigram, canvases, true_neighbour=False), canvases)
            row[f"{name}_bigram_true_neighbour"] = mean_nats(
                bigram_nats(bigram, canvases, true_neighbour=True), canvases
            )
            row[f"{name}_calibration"] = calibration(guesses)
            row[f"{name}_calibration_error"] = calibration_error(row[f"{name}_calibration"])
        row["line_bits_per_byte"] = row["line_nats_per_token"] / np.log(2) / bytes_per_token
        if exact:
            row["line_exact_at_true_length"] = exact_lines(denoiser, first(holes.whole, exact))
            row |= length_errors(lengths_found(denoiser, first(holes.whole, exact)), holes.whole)
        row |= {"lines": lines, "lines_exact": exact}
        row["dense_tokens"] = float((scattered.weights > 0).sum())
        results[split] = row
    return results


def standard_error(weighted: NDArray[np.float64], canvases: Canvases) -> float:
    """Of the mean, canvases counted as independent."""
    counts = (canvases.weights > 0).sum(axis=1)
    borders = np.cumsum(counts)[:-1]
    sums = np.array([part.sum() for part in np.split(weighted, borders)])
    totals = canvases.weights.sum(axis=1)
    mean = sums.sum() / totals.sum()
    return float(np.sqrt(((sums - mean * totals) ** 2).sum()) / totals.sum())


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, action="append", required=True, help="a model folder; may be repeated")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    parser.add_argument("--dense", type=int, default=200, help="canvases of the dense set")
    parser.add_argument("--lines", type=int, default=500, help="holes of the line set")
    parser.add_argument("--exact", type=int, default=200, help="lines that are filled and compared to the letter")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    bigram = Bigram(streams.read(arguments.data, "train"), load(arguments.data / "tokenizer").size)
    report: dict[str, object] = {"script": "python -m training.evaluate", "torch": torch.__version__}
    report |= {"processor": platform.processor() or platform.machine(), "dtype": "float32"}
    table = Table("model", "split", "number", "value")
    for folder in arguments.model:
        denoiser = load_model(folder, device="cpu", dtype="float32")
        results = evaluate(
            denoiser, arguments.data, bigram, dense=arguments.dense, lines=arguments.lines, exact=arguments.exact
        )
        report[folder.name] = results
        for split, row in results.items():
            for name, value in row.items():
                for tenth in value if isinstance(value, list) else ():
                    told = f"{tenth['right']:.3f} right of {tenth['tokens']:.0f}"
                    table.add_row(folder.name, split, f"{name}, sure {tenth['confidence']:.3f}", told)
                if not isinstance(value, list):
                    table.add_row(folder.name, split, name, f"{value:.4f}")
    Console().print(table)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
