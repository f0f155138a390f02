"""A corpus of a few files, tokenised with the bundled tokenizer, and a model small enough to train within a test."""

import sysconfig
from pathlib import Path

import pytest
import torch

from dlm_lsp.models.dream import DreamConfig
from dlm_lsp.models.folders import BUNDLED
from training import bpe
from training import stream as streams
from training.stream import SPLITS
from training.tokenizer import load

NANO = BUNDLED / "nano"
MODULES = ("argparse.py", "textwrap.py", "shlex.py", "configparser.py", "heapq.py", "statistics.py")


@pytest.fixture(scope="session")
def tokenizer():
    """The bundled tokenizer, as the trainer reads it."""
    return bpe.load(NANO)


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A data folder as corpus.py and stream.py leave it, of a few modules of the standard library."""
    folder = tmp_path_factory.mktemp("data")
    library = Path(sysconfig.get_paths()["stdlib"])
    rows = [{"package": "cpython", "path": name, "text": (library / name).read_text("utf-8")} for name in MODULES]
    for split in SPLITS:
        streams.write(streams.encode(rows, load(NANO)), folder, split)
    (folder / "NOTICE").write_text("cpython: PSF-2.0\n")
    (folder / "tokenizer").mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / "tokenizer" / name).write_bytes((NANO / name).read_bytes())
    return folder


@pytest.fixture
def tiny():
    """A config of 0.15 M parameters."""
    return DreamConfig(
        vocab_size=8192,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        rms_norm_eps=1e-6,
        rope_theta=10000.0,
        tie_word_embeddings=True,
        max_position_embeddings=256,
        max_canvas_tokens=256,
    )


@pytest.fixture(autouse=True)
def one_thread():
    """Sums come out in one order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
