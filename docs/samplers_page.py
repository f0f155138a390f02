"""What docs/samplers.md says: every decoder, cache and length with its paper, file, parameters and the numbers that were measured.

In: the tables of dlm_lsp/decoders.py, docstrings (read, not imported), what `samplers_measured` makes of the results. Out: the page's text.
"""

import ast
from collections.abc import Mapping
from pathlib import Path

from samplers_measured import measured

from dlm_lsp.decoders import CACHES, DECODERS, LENGTHS, Decoder, Parameter

PAGE = Path(__file__).with_name("samplers.md")
ROOT = Path(__file__).parents[1]
DIFFERS = "Differs from"
LENGTH_FILES = {"grow": "sampling/length.py", "cal": "sampling/cal.py"}
"""The others are plain; `worker/lengths.py` chooses."""
ADDING = """## Adding a sampler

A paper's rule is about sixty lines. This one, which is nobody's, commits the surest half of the masks in every step; a test follows this
page with it (`tests/docs/test_adding_a_sampler.py`).

1. `dlm_lsp/sampling/samplers/halves.py`: a frozen dataclass with the paper's parameters, and `__call__(canvas, logits, rng) -> Move`. It
   decides about the masked rows of one canvas from their logits, and nothing else: no model, no text, no state (what it wants to find
   again goes into `Move.memory`). The docstring names the paper, uses its letters and has a line "Differs from the paper:". What
   must order the model calls itself is a strategy, in `dlm_lsp/sampling/strategies/`.

```python
\"""Halves: commit the surest share of the masks in every step.

No paper: n = max(1, floor(s M)) of M masks are committed. s is `share`.

Differs from the paper: equal confidences go to the leftmost.
\"""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from dlm_lsp.decoders import check_decoder
from dlm_lsp.sampling.belief import believe
from dlm_lsp.sampling.canvas import Canvas, Move


@dataclass(frozen=True, slots=True)
class Halves:
    \"""Ends in at most H steps.\"""

    share: float = 0.5
    temperature: float = 0.0

    def __post_init__(self) -> None:
        check_decoder("halves", asdict(self))

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        \"""Commit the n masked rows of the highest confidence.\"""
        tokens, confidence = believe(logits, self.temperature, rng)  # [H], [H]
        masks = canvas.undecided.nonzero().flatten()  # [M]
        order = confidence[masks].argsort(descending=True, stable=True)  # [M]
        chosen = torch.zeros(len(logits), dtype=torch.bool)  # [H]
        chosen[masks[order[: max(1, int(self.share * len(masks)))]]] = True
        return canvas.commit(chosen, tokens, confidence)
```

2. A row in `DECODERS` of `dlm_lsp/decoders.py`, with every parameter, its default and its range:

```python
    "halves": Decoder(
        "none: half of the masks",
        "commits the surest share of the masks",
        {"share": Parameter(0.5, "share of the masks, s", high=1), "temperature": TEMPERATURE},
    ),
```

3. Its name in `SAMPLERS` of `dlm_lsp/sampling/samplers/__init__.py`, with the import:

```python
    "halves": Halves,
```

Now it runs everywhere: `--sampler halves:share=0.25` on the command line, the setting `sampler` in the server, under every cache and every
length, in `dlm-lsp trace`; what is out of range is one sentence. It is measured beside the others, on your own holes as well:

    dlm-lsp bench decoders --holes holes.jsonl --samplers threshold halves halves:share=0.25

A line of holes.jsonl is a JSON object with `task_id`, `kind`, `prefix`, `suffix`, `canonical` (what really stood there) and, if there is one,
`test` (a program that defines `check`) and `entry_point` (what `check` is called with). With `--out FILE.json` what is finished is kept under the
names of sampler and hole: remove FILE.cases.jsonl after you have changed either.

To stay, it also needs:

4. `tests/sampling/literal/halves.py`: the paper once more in plain Python lists, slowly, importing nothing of ours; a test that compares both on
   seeded random logits, and five mistakes that it notices (`tests/sampling/test_left_to_right.py` is a short one), named in
   `MUTATIONS` of `tests/sampling/test_literal.py`. What holds for every sampler, cache and seed is tested without another line.
5. The parameter that trades calls for quality in `KNOBS` of `dlm_lsp/commands/ways.py`, for `--sweep`.
6. `make generate`, which writes it into this page.
"""


def samplers_page() -> str:
    """Lay out the page."""
    default = next(iter(DECODERS))
    parts = [
        "# Samplers, caches and lengths",
        (
            "Written by `make generate` from `dlm_lsp/decoders.py`, the docstrings of the files named here and `benchmarks/results/decoders*.json`: "
            "no number on this page was typed by hand, and what was not measured has none."
        ),
        (
            f"A decoder is named in the setting `sampler` (`--sampler` on the command line), a cache in `cache`, a way to find the length in "
            f"`length`; parameters follow behind a colon: `saber:variant=paper,mu=4`. The default is `{default}`."
        ),
        measured(),
        "## Samplers",
        *(section(name, decoder, decoder_file(name, decoder)) for name, decoder in DECODERS.items()),
        "## Caches",
        (
            "A cache is a denoiser around the denoiser (`dlm_lsp/models/cached.py`): every sampler works with every cache. All but `none` make "
            "answers approximate."
        ),
        *(
            section(name, cache, None if name == "none" else "models/cached.py", class_of(name))
            for name, cache in CACHES.items()
        ),
        "## Lengths",
        "How many tokens a hole has is not known. `dlm_lsp/worker/lengths.py` chooses.",
        *(section(name, length, LENGTH_FILES.get(name)) for name, length in LENGTHS.items()),
        ADDING.rstrip(),
    ]
    return "\n\n".join(parts) + "\n"


def decoder_file(name: str, decoder: Decoder) -> str:
    """Give the file of a decoder, below dlm_lsp/."""
    return f"sampling/{'strategies' if decoder.is_strategy else 'samplers'}/{name}.py"


def class_of(cache: str) -> str:
    """Give the name of a cache's class."""
    return "".join(part.title() for part in cache.split("-"))


def section(name: str, decoder: Decoder, file: str | None, of_class: str = "") -> str:
    """Lay out one decoder, cache or length."""
    lines = [f"### `{name}`", "", f"{decoder.text[0].upper()}{decoder.text[1:]}.", ""]
    if decoder.paper:
        lines.append(f"- Source: {decoder.paper}")
    if file:
        lines.append(f"- File: [`dlm_lsp/{file}`](../dlm_lsp/{file})")
    if decoder.takes_back:
        lines.append("- Takes back what it has written")
    if decoder.is_strategy:
        lines.append("- Orders the model calls itself")
    if file and (differs := differences(ROOT / "dlm_lsp" / file, of_class)):
        lines.append(f"- {differs}")
    if decoder.parameters:
        lines += [
            "",
            "| Parameter | Default | Allowed | |",
            "| --- | --- | --- | --- |",
            *parameter_rows(decoder.parameters),
        ]
    return "\n".join(lines).rstrip()


def parameter_rows(parameters: Mapping[str, Parameter]) -> list[str]:
    """Lay out the parameters of a decoder."""
    return [f"| `{name}` | `{each.default}` | {each.allowed} | {each.text} |" for name, each in parameters.items()]


def differences(file: Path, of_class: str = "") -> str:
    """Give what a docstring says of where ours differs, and what is behind it: faults of the authors' code."""
    tree: ast.AST = ast.parse(file.read_text(encoding="utf-8"))
    if of_class:
        classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == of_class)
        tree = next(classes, tree)
    assert isinstance(tree, ast.Module | ast.ClassDef), "what has a docstring"
    told = " ".join((ast.get_docstring(tree) or "").split())
    return told[told.index(DIFFERS) :] if DIFFERS in told else ""
