"""Holes in Python's own standard library, which is on every machine: runs of whole statements of the length that is wanted.

In: how many tokens a hole has, and how many its file has at least. Out: `Case`s without tests, always the same ones for the same
Python. Knows nothing of what is done with them.
"""

import ast
import itertools
import random
from collections.abc import Iterator
from pathlib import Path

from dlm_lsp.commands.cases import Case
from dlm_lsp.models.tokenizer import BpeTokenizer
from dlm_lsp.text.private import is_private

MAX_FILE_CHARS = 60_000
PER_FILE = 4
MAX_CHARS_PER_TOKEN = 8
"""Longer texts are not worth counting."""


def cut_holes(tokenizer: BpeTokenizer, least: int, most: int, around_tokens: int, seed: int) -> Iterator[Case]:
    """Cut runs of whole statements, of at least and at most so many tokens, out of files that fill a window of this length."""
    draw = random.Random(seed)
    files = sorted(Path(ast.__file__).parent.glob("*.py"))
    draw.shuffle(files)
    for file in files:
        text = file.read_text(encoding="utf-8")
        if len(text) > MAX_FILE_CHARS or not text.isascii() or is_private(file.name):
            continue
        if len(tokenizer.encode(text)) < around_tokens + most:
            continue
        spans = list(runs(text, MAX_CHARS_PER_TOKEN * most))
        draw.shuffle(spans)
        fitting = ((start, end) for start, end in spans if least <= len(tokenizer.encode(text[start:end])) <= most)
        for start, end in itertools.islice(fitting, PER_FILE):
            name = f"{file.stem}:{text.count(chr(10), 0, start) + 1}"
            yield Case(name, text[:start], text[end:], text[start:end], test="", entry_point="", kind="statements")


def runs(text: str, max_chars: int) -> Iterator[tuple[int, int]]:
    """Give [start, end) of every run of statements that stand one after another in a function, a docstring never among them."""
    starts = [0, *itertools.accumulate(len(line) + 1 for line in text.split("\n"))]
    for function in ast.walk(ast.parse(text)):
        if not isinstance(function, ast.FunctionDef):
            continue
        blocks = [getattr(node, name, None) for node in ast.walk(function) for name in ("body", "orelse")]
        for block in (each for each in blocks if isinstance(each, list)):
            spans = [
                (starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset)
                for node in block
                if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
            ]
            for first, (start, _) in enumerate(spans):
                yield from ((start, end) for _, end in spans[first:] if end - start <= max_chars)
