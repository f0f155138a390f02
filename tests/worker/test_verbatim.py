"""What repeats the training texts is found, told and withheld; what does not is left alone."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from dlm_lsp.errors import ModelError
from dlm_lsp.models.denoiser import Denoiser
from dlm_lsp.models.folders import BUNDLED, TRAINED_ON
from dlm_lsp.models.tokenizer import read_tokenizer
from dlm_lsp.values import Outcome
from dlm_lsp.worker.pipeline import WITHHELD
from dlm_lsp.worker.verbatim import Blocks, cut_blocks, read_blocks, write_blocks
from tests.worker.conftest import request_at, run

TEXTS = np.random.default_rng(0).integers(8, 8192, 6007).astype(np.uint16)
NOISE = np.random.default_rng(1).integers(8, 8192, 40).tolist()
ADD = "def add(a, b):\n    @@\n\n\nprint(add(1, 2))\n"
COPIED = "first = a[0] + b[0]\n    second = a[1] - b[1]\n    return first * second"
RULE = {"after": "def add(a, b):\n    ", "before": "\n", "answer": COPIED}

# From `textwrap.dedent` of CPython 3.11.7 (Python Software Foundation License 2), which the bundled model was trained on.
PUBLISHED = """
    for indent in indents:
        if margin is None:
            margin = indent

        # Current line more deeply indented than previous winner:
        # no change (previous winner is still on top).
        elif indent.startswith(margin):
            pass
"""
OWN = """
    for wagon in train:
        if shunted is None:
            shunted = wagon.axles - 2

        # Brake vans go last, whatever the yard master says,
        # and a banker is coupled behind them on the incline.
        elif wagon.is_brake_van(shunted):
            yield wagon, shunted
"""


def surround(run: list[int], before: int, behind: int) -> list[int]:
    """Put tokens that were not trained on around a run."""
    return NOISE[:before] + run + NOISE[20 : 20 + behind]


@pytest.mark.parametrize("start", range(2000, 2011))
@pytest.mark.parametrize(("before", "behind"), [(0, 0), (0, 7), (13, 0), (4, 20)])
def test_no_run_of_30_tokens_is_missed(start: int, before: int, behind: int) -> None:
    """Fails if a run is found only where it begins with a block, or stands at an edge of the answer."""
    run = TEXTS[start : start + 30].tolist()
    assert cut_blocks(TEXTS).repeats(surround(run, before, behind))


@pytest.mark.parametrize("start", range(2000, 2011))
def test_a_shorter_run_is_no_repetition(start: int) -> None:
    """Fails if one block, which every program may share with another, is enough."""
    blocks = cut_blocks(TEXTS)
    assert not blocks.repeats(surround(TEXTS[start : start + 19].tolist(), 10, 10))
    assert not blocks.repeats(TEXTS[start : start + 19].tolist())
    assert not blocks.repeats([])


def test_two_blocks_that_do_not_touch_are_no_repetition() -> None:
    """Fails if two commonplaces anywhere in an answer count as one run."""
    blocks = cut_blocks(TEXTS)
    first, second = TEXTS[100:110].tolist(), TEXTS[110:120].tolist()
    assert blocks.repeats(first + second)
    assert not blocks.repeats([*first, 9, *second])
    assert not blocks.repeats(first + NOISE[:10] + second)


@pytest.mark.parametrize("tokens", [10, 30, 6000])
def test_the_list_is_read_as_it_was_written(tmp_path: Path, tokens: int) -> None:
    """Fails if a distance between two hashes is cut, of many close ones as of few far ones, or the last block is lost."""
    blocks = cut_blocks(TEXTS[:tokens])
    write_blocks(blocks, tmp_path / TRAINED_ON)
    assert tokens // 10 == len(blocks.hashes)
    assert blocks.hashes.tolist() == read_blocks(tmp_path).hashes.tolist()


def damage(content: bytes, how: str) -> bytes:
    """Damage a list as disks and downloads do."""
    middle = len(content) // 3
    damaged = {"empty": b"", "cut": content[:middle], "text": b"version https://git-lfs.github.com/spec/v1\n"}
    damaged["one byte"] = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    return damaged[how]


@pytest.mark.parametrize("how", ["empty", "cut", "text", "one byte"])
def test_a_damaged_list_is_one_sentence(tmp_path: Path, how: str) -> None:
    """Fails if half a list is taken for a whole one, or the user sees an error of a library."""
    (tmp_path / TRAINED_ON).write_bytes(damage((BUNDLED / "nano" / TRAINED_ON).read_bytes(), how))
    with pytest.raises(ModelError, match=r"trained_on.npz is damaged \(\w+\); install the model again"):
        read_blocks(tmp_path)


def test_a_list_of_other_blocks_is_refused(tmp_path: Path) -> None:
    """Fails if hashes of blocks of another length are asked for those of ours, so that nothing is ever found."""
    np.savez_compressed(tmp_path / TRAINED_ON, planes=np.ones((4, 3), np.uint8), made=np.array([12, 30]))
    with pytest.raises(ModelError, match="another version"):
        read_blocks(tmp_path)


def test_a_missing_list_is_one_sentence(tmp_path: Path) -> None:
    """Fails if a model without a list answers as if nothing could be repeated."""
    with pytest.raises(ModelError, match="blockVerbatim is on, but this model comes without a list"):
        read_blocks(tmp_path)


def test_the_bundled_list_knows_what_nano_was_trained_on() -> None:
    """Fails if the list that ships is of other texts or another tokenizer, or finds code that nobody has published."""
    blocks, encode = read_blocks("nano"), read_tokenizer(BUNDLED / "nano").encode
    assert blocks.repeats(encode(PUBLISHED))
    assert not blocks.repeats(encode(OWN))


@pytest.fixture
def copied(scripted: Callable[..., Denoiser]) -> Callable[..., Blocks]:
    """Give the list of a model that was trained on COPIED."""
    ids = scripted(RULE).tokenizer.encode("    " + COPIED + "\n" + NOISE_TEXT)
    return lambda: cut_blocks(np.array(ids, np.uint16))


NOISE_TEXT = "def unrelated(): return 0\n" * 4


def test_what_is_copied_is_withheld_where_the_setting_is_on(
    scripted: Callable[..., Denoiser], copied: Callable[..., Blocks]
) -> None:
    """Fails if a copy gets through, is withheld from who did not ask for that, or the reason quotes it."""
    shown = run(request_at(ADD), scripted(RULE), read_blocks=copied)
    withheld = run(request_at(ADD, block_verbatim=True), scripted(RULE), read_blocks=copied)
    assert (Outcome.FILLED, COPIED, "") == (shown.outcome, shown.candidates[0].texts[0], shown.message)
    assert (Outcome.EMPTY, (), WITHHELD) == (withheld.outcome, withheld.candidates, withheld.message)


def test_what_is_not_copied_is_shown(scripted: Callable[..., Denoiser], copied: Callable[..., Blocks]) -> None:
    """Fails if the setting withholds what stands nowhere in the training texts."""
    rule = {**RULE, "answer": "total = a + b\n    return total"}
    result = run(request_at(ADD, block_verbatim=True), scripted(rule), read_blocks=copied)
    assert (Outcome.FILLED, "") == (result.outcome, result.message)


def test_another_candidate_takes_the_place_of_a_copy(
    scripted: Callable[..., Denoiser], copied: Callable[..., Blocks]
) -> None:
    """Fails if one copy withholds all candidates, or nobody is told that one is missing."""
    rule = {**RULE, "alternatives": ["total = a + b\n    return total"] * 7}
    result = run(request_at(ADD, block_verbatim=True, candidates=2), scripted(rule), read_blocks=copied)
    texts = [each.texts[0] for each in result.candidates]
    assert (Outcome.FILLED, WITHHELD) == (result.outcome, result.message)
    assert "total = a + b\n    return total" in texts
    assert not [text for text in texts if re.search("first", text)]


def test_without_a_list_nothing_is_answered(scripted: Callable[..., Denoiser], tmp_path: Path) -> None:
    """Fails if the model is asked before the list is read, or answers unchecked where there is none."""
    with pytest.raises(ModelError, match="comes without a list"):
        run(request_at(ADD, block_verbatim=True), scripted(RULE), read_blocks=partial(read_blocks, tmp_path))
