"""Runs that answers share with the training texts are found whole, and named with file and licence."""

import json
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest

from dlm_lsp.models.loading import load as load_model
from training import stream as streams
from training.bpe import SPECIALS
from training.export import write_model
from training.memorised import (
    HOLE,
    WINDOW_TOKENS,
    fill_windows,
    licences,
    longest_runs,
    measure,
    read_answers,
    shortest_runs,
    windows_of,
)
from training.stream import Stream
from training.train import initialised


def slowly(answer: list[int], stream: Stream) -> int:
    """The longest run of an answer in one file, by looking everywhere."""
    files = [stream.ids[a:b].tolist() for a, b in pairwise(stream.starts)]
    runs = [
        (begin, end)
        for begin in range(len(answer))
        for end in range(begin + 8, len(answer) + 1)
        for file in files
        for at in range(len(file) - (end - begin) + 1)
        if file[at : at + end - begin] == answer[begin:end]
    ]
    return max((end - begin for begin, end in runs), default=0)


@pytest.mark.parametrize("seed", range(4))
def test_the_longest_run_is_found(seed: int) -> None:
    """Fails if a run is cut, goes on into the next answer or file, or stands elsewhere than said: three tokens repeat themselves a lot."""
    rng = np.random.default_rng(seed)
    stream = Stream(rng.integers(0, 3, 90).astype(np.uint16), np.array([0, 7, 40, 90]), ("p/a.py", "p/b.py", "q/c.py"))
    answers = [rng.integers(0, 3, size).tolist() for size in (0, 5, 8, 12, 30)]
    # Across a border of files, and of two answers.
    answers += [stream.ids[a:b].tolist() for a, b in ((20, 60), (36, 44), (50, 54), (54, 58))]
    found = longest_runs(answers, shortest_runs(stream.ids, stream.starts))
    assert [slowly(answer, stream) for answer in answers] == [run.tokens for run in found]
    for answer, run in zip(answers, found, strict=True):
        there = stream.ids[run.start : run.start + run.tokens].tolist()
        assert any(there == answer[at : at + run.tokens] for at in range(len(answer) + 1))


def test_a_copy_is_named_with_file_and_licence(data, tmp_path) -> None:
    """Fails if a repetition is counted and nobody can see whose it is, or a run of 29 counts as one."""
    stream = streams.read(data, "train")
    first = int(stream.starts[1])
    copy = stream.ids[first + 50 : first + 80].tolist()
    (tmp_path / "manifest.json").write_text(
        json.dumps({"packages": [{"package": "cpython", "version": "3", "licence": "PSF-2.0"}]})
    )
    texts, licence_of = shortest_runs(np.asarray(stream.ids), stream.starts), licences(tmp_path / "manifest.json")
    found = measure([copy, copy[1:], [7] * 12], texts, stream, licence_of)
    assert (33.33, 30) == (found["memorised_percent"], found["longest_run_tokens"])
    expected = {"file": stream.names[1], "licence": "PSF-2.0 (cpython 3)", "answers": 1}
    assert [expected] == found["memorised_from"]


def test_answers_are_read_and_blank_ones_are_none(tmp_path) -> None:
    """Fails if the settings in the first line, or a hole that was left empty, count as an answer that repeats nothing."""
    rows = [
        {"model": "nano"},
        {"variant": "gated", "answer": "x"},
        {"variant": "gated", "answer": " \n"},
        {"answer": "y"},
    ]
    (tmp_path / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [("gated", "x"), ("", "y")] == list(read_answers(tmp_path / "cases.jsonl"))


def test_long_holes_are_filled_to_the_last_token(data, tiny, tmp_path) -> None:
    """Fails if a window crosses two files, the model takes rows away as it likes to, or sees what it is to write."""
    stream = streams.read(data, "train")
    windows = windows_of(stream, 2, seed=3)
    texts = [stream.ids[a:b].tobytes() for a, b in pairwise(stream.starts)]
    assert [WINDOW_TOKENS] * 2 == list(map(len, windows))
    assert all(any(np.array(window, np.uint16).tobytes() in text for text in texts) for window in windows)
    weights = initialised(tiny, 0).state_dict()
    del weights["lm_head.weight"]
    config = {"model_type": "Dream", "mask_token_id": 1, "pad_token_id": 2, "expand_token_id": 3, "eos_token_id": 0}
    write_model(
        tmp_path / "tiny", weights, config | asdict(tiny), data / "tokenizer", notice="", card="", facts={}, int8=False
    )
    denoiser = load_model(tmp_path / "tiny", device="cpu", dtype="float32")
    written = fill_windows(denoiser, windows)
    assert [HOLE.stop - HOLE.start] * 2 == [len(ids) for ids in written]
    assert min(min(ids) for ids in written) >= len(SPECIALS)
    other = [window[: HOLE.start] + [9] * 48 + window[HOLE.stop :] for window in windows]
    assert written == fill_windows(denoiser, other)
