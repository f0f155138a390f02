"""How much of a model's answers stands word for word in what it was trained on; and the list by which the server withholds such answers.

In: the token stream, its manifest, a model's folder, and answers: JSON lines with a text under `answer`, such as the cases that
`dlm-lsp bench quality` leaves beside its results. Out: a table and a JSON file; or, with --list, trained_on.npz in the model's folder.
What is on the list, and how it is asked, is `dlm_lsp.worker.verbatim`'s.

    python -m training.memorised --model dlm_lsp/bundled/nano --answers quality.cases.jsonl --out benchmarks/results/memorised.json
    python -m training.memorised --model dlm_lsp/bundled/nano --list

A run is of the tokens of the answer alone, without the code around it, tokenised as the training texts were; it ends where a file
ends. Most answers are shorter than 30 tokens. So the model also fills long holes in windows of files, of those that it was trained on
too, where it could say from memory what stood there. Beside them stand what really stood there: how often people repeat each other.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dlm_lsp.models.cached import with_cache
from dlm_lsp.models.denoiser import Denoiser
from dlm_lsp.models.folders import TRAINED_ON
from dlm_lsp.models.loading import load as load_model
from dlm_lsp.sampling.canvas import join
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.samplers.threshold import Threshold
from dlm_lsp.settings import Settings
from dlm_lsp.worker.verbatim import cut_blocks, write_blocks

from . import DATA, HERE
from . import stream as streams
from .bpe import load
from .stream import SPLITS, Stream

RUN_TOKENS = 30
"""From how long a run on it counts as repeated."""
SHORTEST_RUN = 8
"""Runs of fewer tokens are in every program."""
CACHE = Settings().cache
WINDOW_TOKENS = 256
HOLE = slice(104, 152)
"""What is hidden of such a window: 48 tokens."""
VARIANTS = ("", "unguided", "guided", "gated")
"""Of a benchmark's cases: what the model says, and not the floors that it is compared with."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Run:
    """The longest run of an answer that stands in the stream."""

    tokens: int = 0
    """0 where it is shorter than SHORTEST_RUN."""
    start: int = 0
    """Its first token in the stream."""


@dataclass(frozen=True, slots=True)
class Starts:
    """Where runs of one length start in texts, and a hash of each."""

    ids: NDArray[np.uint64]  # [N], texts one behind the other
    ends: NDArray[np.int64]  # [N], where the text of each token ends
    places: NDArray[np.int64]  # [R]
    hashes: NDArray[np.uint64]  # [R]

    def only(self, wanted: NDArray[np.bool_]) -> "Starts":
        """Some of them."""
        return Starts(self.ids, self.ends, self.places[wanted], self.hashes[wanted])

    def among(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:  # [R]
        """Which of them have one of these hashes."""
        if not len(hashes):
            return np.zeros(len(self.hashes), np.bool_)
        known = np.unique(hashes)
        at = np.searchsorted(known, self.hashes).clip(max=len(known) - 1)
        found: NDArray[np.bool_] = known[at] == self.hashes
        return found

    def longer(self, tokens: int) -> "Starts":
        """The same runs with one token more than `tokens`, where their text goes on."""
        there = self.only(self.places + tokens < self.ends[self.places])
        hashes = there.hashes * _FACTOR + there.ids[there.places + tokens]
        return Starts(self.ids, self.ends, there.places, hashes)


def shortest_runs(ids: NDArray[Any], starts: NDArray[np.int64]) -> Starts:
    """All runs of SHORTEST_RUN tokens in texts that start at `starts`, the end of the last one included."""
    wide = ids.astype(np.uint64)
    ends = np.repeat(starts[1:], np.diff(starts))
    hashes = np.zeros(max(len(wide) - SHORTEST_RUN + 1, 0), np.uint64)
    for offset in range(SHORTEST_RUN):
        hashes = hashes * _FACTOR + wide[offset : offset + len(hashes)]
    places = np.arange(len(hashes))
    found = Starts(wide, ends, places, hashes)
    return found.only(places + SHORTEST_RUN <= ends[: len(places)])


def longest_runs(answers: Sequence[Sequence[int]], texts: Starts) -> list[Run]:
    """For every answer the longest run of its tokens that stands in one of `texts`."""
    bounds = np.array([0, *accumulate(map(len, answers))])
    owners = np.repeat(np.arange(len(answers)), np.diff(bounds))
    ours = shortest_runs(np.array([token for answer in answers for token in answer], np.uint16), bounds)
    theirs = texts
    found = [Run()] * len(answers)
    tokens = SHORTEST_RUN
    while True:
        theirs = theirs.only(theirs.among(ours.hashes))
        ours = ours.only(ours.among(theirs.hashes))
        if not len(ours.places):
            return found
        known, first = np.unique(theirs.hashes, return_index=True)
        for owner, at in zip(owners[ours.places], np.searchsorted(known, ours.hashes), strict=True):
            found[owner] = Run(tokens, int(theirs.places[first[at]]))
        ours, theirs = ours.longer(tokens), theirs.longer(tokens)
        tokens += 1


def licences(manifest: Path) -> dict[str, str]:
    """By package: under which licence it was trained on, with its version."""
    packages = json.loads(manifest.read_text())["packages"]
    return {row["package"]: f"{row['licence']} ({row['package']} {row['version']})" for row in packages}


def read_answers(file: Path) -> Iterator[tuple[str, str]]:
    """The variant (empty where there are none) and the text of every answer that is not blank; other lines are left out."""
    for row in map(json.loads, file.read_text("utf-8").splitlines()):
        if row.get("answer", "").strip():
            yield row.get("variant", ""), row["answer"]


def windows_of(stream: Stream, count: int, seed: int = 0) -> list[list[int]]:
    """So many stretches of WINDOW_TOKENS drawn from files that are long enough."""
    rng = np.random.default_rng(seed)
    lasts = np.maximum(stream.starts[1:] - WINDOW_TOKENS + 1, stream.starts[:-1])
    places = np.concatenate([np.arange(*bounds) for bounds in zip(stream.starts[:-1], lasts, strict=True)])
    return [stream.ids[at : at + WINDOW_TOKENS].tolist() for at in rng.choice(places, count)]


def fill_windows(denoiser: Denoiser, windows: Sequence[list[int]], together: int = 8) -> list[list[int]]:
    """What the model writes into the holes of windows by the server's default decoder, as many tokens as are missing."""
    found: list[list[int]] = []
    hidden = HOLE.stop - HOLE.start
    for at in range(0, len(windows), together):
        canvases = [
            join((window[: HOLE.start], window[HOLE.stop :]), (hidden,), (0,), denoiser.vocabulary.mask_id)
            for window in windows[at : at + together]
        ]
        samplers, rngs = [Threshold()] * len(canvases), [torch.Generator()] * len(canvases)  # greedy: nothing is drawn
        for now in denoise(canvases, with_cache(denoiser, CACHE), samplers, rngs, min_rows=hidden):
            canvases = list(now)
        found += [canvas.hole_tokens(0) for canvas in canvases]
    return found


def measure(
    answers: Sequence[Sequence[int]], texts: Starts, stream: Stream, licence_of: dict[str, str]
) -> dict[str, Any]:
    """How many answers repeat how long a run, and where the long ones come from."""
    found = longest_runs(answers, texts)
    runs = np.array([run.tokens for run in found])
    lengths = np.array([len(answer) for answer in answers])
    sources = Counter(stream.name_at(run.start) for run in found if run.tokens >= RUN_TOKENS)
    return {
        "answers": len(answers),
        "answers_of_30_tokens": int((lengths >= RUN_TOKENS).sum()),
        "median_tokens": float(np.median(lengths)),
        "with_a_run_of": {tokens: int((runs >= tokens).sum()) for tokens in (8, 10, 15, 20, 25, RUN_TOKENS)},
        "longest_run_tokens": int(runs.max()),
        "memorised_percent": round(100 * float((runs >= RUN_TOKENS).mean()), 2),
        "memorised_from": [
            {"file": name, "licence": licence_of[name.partition("/")[0]], "answers": count}
            for name, count in sources.most_common()
        ],
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a model folder")
    parser.add_argument("--list", action="store_true", help=f"write {TRAINED_ON} into that folder, and measure nothing")
    parser.add_argument("--answers", type=Path, nargs="*", default=[], help="JSON lines with a text under `answer`")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--manifest", type=Path, default=HERE / "manifest.json", help="says the packages' licences")
    parser.add_argument("--windows", type=int, default=100, help="windows with a hole, of each split")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    stream = streams.read(arguments.data, "train")
    if arguments.list:
        blocks, file = cut_blocks(np.asarray(stream.ids)), arguments.model / TRAINED_ON
        write_blocks(blocks, file)
        print(f"{file}: {len(blocks.hashes)} blocks of {len(stream.ids)} tokens, {file.stat().st_size} bytes")
        return
    tokenizer, licence_of = load(arguments.model), licences(arguments.manifest)
    denoiser = load_model(arguments.model, device="cpu", dtype="float32")
    groups: dict[str, list[list[int]]] = {}
    for variant, answer in chain.from_iterable(map(read_answers, arguments.answers)):
        if variant in VARIANTS:
            groups.setdefault(f"answers {variant}".strip(), []).append(tokenizer.encode(answer))
    for split in SPLITS:
        windows = windows_of(streams.read(arguments.data, split), arguments.windows)
        written = fill_windows(denoiser, windows)
        groups[f"long holes in {split}"] = [tokenizer.encode(tokenizer.decode(ids)) for ids in written]
        if split != "train":
            groups[f"what stood there in {split}"] = [window[HOLE] for window in windows]
    texts = shortest_runs(np.asarray(stream.ids), stream.starts)
    report: dict[str, Any] = {"script": "python -m training.memorised", "model": arguments.model.name}
    report |= {"trained_on_tokens": len(stream.ids)}
    for name, answers in groups.items():
        report[name] = measure(answers, texts, stream, licence_of)
        print(name, json.dumps(report[name], indent=1), flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
