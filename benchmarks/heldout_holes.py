"""Cuts holes out of files that training never saw: single lines, several lines, and spans from any character to any other.

    python benchmarks/heldout_holes.py --count 1200

In: `training/data/files.jsonl`, which `python -m training.corpus` writes. Out: JSON lines for `dlm-lsp bench decoders`, without
tests: what stood there is known, and nothing else. A hole's document is one function, method or class of a file, whole and parsing by
itself, so that a short window holds all of it and it can be judged in place. Same files and seed, same holes.
"""

import argparse
import ast
import json
import random
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

FILES = Path("training/data/files.jsonl")
OUT = Path("training/data/heldout-holes.jsonl")
SPLITS = ("valid-files", "valid-packages")
KINDS = ("single-line", "multi-line", "random-span")
MIN_CHARS, MAX_CHARS = 150, 800
"""Of a document."""
MAX_HOLE_CHARS = 160
LINES = (2, 3, 4)
"""How many lines a hole of several has."""
PER_FILE = 12


def main() -> int:
    """Write the holes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=Path, default=FILES, help=f"the corpus (default: {FILES})")
    parser.add_argument("--count", type=int, default=1200, help="how many holes, a third of each kind (default: 1200)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=OUT, help=f"(default: {OUT})")
    options = parser.parse_args()
    if not options.files.is_file():
        print(f"there is no {options.files}: `python -m training.corpus` writes it", file=sys.stderr)
        return 2
    holes = cut(read_held_out(options.files), options.count, options.seed)
    options.out.write_text("".join(json.dumps(hole) + "\n" for hole in holes), encoding="utf-8")
    print(f"{len(holes)} holes in {options.out}")
    return 0 if len(holes) == options.count else 1


def read_held_out(files: Path) -> list[tuple[str, str]]:
    """Give name and text of every file that was kept from training."""
    with files.open(encoding="utf-8") as lines:
        rows = (json.loads(line) for line in lines)
        return [(f"{row['package']}/{row['path']}", row["text"]) for row in rows if row["split"] in SPLITS]


def cut(files: list[tuple[str, str]], count: int, seed: int) -> list[dict[str, str]]:
    """Cut one hole into each of `count` documents, the kinds in turn, at most PER_FILE documents of a file."""
    draw = random.Random(seed)
    documents = [(name, text) for name, whole in files for text in _drawn(list(documents_of(whole)), draw)]
    draw.shuffle(documents)
    holes: list[dict[str, str]] = []
    for name, text in documents:
        if len(holes) == count:
            break
        kind = KINDS[len(holes) % len(KINDS)]
        if span := hole_in(text, kind, draw):
            start, end = span
            holes.append(
                {
                    "task_id": f"{kind}/{name}/{len(holes)}",
                    "prefix": text[:start],
                    "suffix": text[end:],
                    "canonical": text[start:end],
                    "kind": kind,
                }
            )
    return holes


def _drawn(documents: list[str], draw: random.Random) -> list[str]:
    return draw.sample(documents, min(PER_FILE, len(documents)))


def documents_of(text: str) -> Iterator[str]:
    """Give the functions and classes of a file that are of the right size, and the methods of classes that are longer."""
    try:
        todo: list[ast.AST] = list(ast.parse(text).body)
    except (SyntaxError, ValueError):
        return
    lines = text.split("\n")
    while todo:
        node = todo.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            document = textwrap.dedent("\n".join(lines[first - 1 : node.end_lineno])) + "\n"
            if MIN_CHARS <= len(document) <= MAX_CHARS and document.isascii() and _parses(document):
                yield document
            elif isinstance(node, ast.ClassDef):
                todo += node.body


def hole_in(document: str, kind: str, draw: random.Random) -> tuple[int, int] | None:
    """Choose [start, end) of a hole, in code and behind the first line; None where there is no room."""
    lines = document.split("\n")[:-1]
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    code = [k for k in range(1, len(lines)) if k not in prose_lines(document) and is_code(lines[k])]
    if not code:
        return None
    first = draw.choice(code)
    if kind == "random-span":
        start = starts[first] + draw.randrange(len(lines[first]))
        end = start + draw.randint(4, MAX_HOLE_CHARS // 2)
        return (start, end) if document[start:end].strip() and end < len(document) else None
    count = 1 if kind == "single-line" else draw.choice(LINES)
    if not all(k in code for k in (first, min(first + count, len(lines)) - 1)):
        return None
    start, end = starts[first], starts[min(first + count, len(lines))]
    return (start, end) if end - start <= MAX_HOLE_CHARS else None


def prose_lines(document: str) -> set[int]:
    """Give the lines, from 0, on which a docstring or another string of several lines stands."""
    found: set[int] = set()
    for node in ast.walk(ast.parse(document)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            several = node.end_lineno is not None and node.end_lineno > node.lineno
            if several:
                found.update(range(node.lineno - 1, node.end_lineno or node.lineno))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found.update(range(node.lineno - 1, node.end_lineno or node.lineno))
    return found


def is_code(line: str) -> bool:
    """Whether a line has something to complete."""
    return len(line.strip()) > 3 and not line.lstrip().startswith("#")


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
