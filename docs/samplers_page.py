"""What docs/samplers.md says: every decoder, cache and length with its paper, file, parameters and the numbers that were measured.

In: the tables of dlm_lsp/decoders.py, docstrings (read, not imported), what `samplers_measured` makes of the results. Out: the page's text.
"""

import ast
import math
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

A paper's rule is about sixty lines: look at `dlm_lsp/sampling/samplers/threshold.py`, which is shorter.

1. `dlm_lsp/sampling/samplers/NAME.py`: a frozen dataclass with the paper's parameters, and `__call__(canvas, logits, rng) -> Move`. It
   decides about the masked rows of one canvas from their logits, and nothing else: no model, no text, no state (what it wants to find
   again goes into `Move.memory`). The docstring names the paper, uses its letters and has a line "Differs from the paper:". What
   must order the model calls itself is a strategy, in `dlm_lsp/sampling/strategies/`.
2. A row in `DECODERS` of `dlm_lsp/decoders.py`, with every parameter, its default and its range; a line in `SAMPLERS`.
3. `tests/sampling/literal/NAME.py`: the paper once more in plain Python lists, slowly, importing nothing of ours, and a test that compares
   both on seeded random logits.
4. `make generate` writes it into this page, and `dlm-lsp bench decoders --holes FILE --samplers threshold NAME` measures it. The
   parameter that trades calls for quality goes into `KNOBS` of `dlm_lsp/commands/ways.py`, for `--sweep`.

The command line, the server (setting `sampler`), every cache and every length take it without further lines.
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
    return [f"| `{name}` | `{each.default}` | {allowed(each)} | {each.text} |" for name, each in parameters.items()]


def allowed(parameter: Parameter) -> str:
    """Say what a parameter may be."""
    if isinstance(parameter.default, bool):
        return "true, false"
    if isinstance(parameter.default, str):
        return ", ".join(parameter.choices) or "a name"
    if parameter.high == math.inf:
        return f"{parameter.low:g} or more"
    return f"{parameter.low:g} to {parameter.high:g}"


def differences(file: Path, of_class: str = "") -> str:
    """Give what a docstring says of where ours differs, and what is behind it: faults of the authors' code."""
    tree: ast.AST = ast.parse(file.read_text(encoding="utf-8"))
    if of_class:
        classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == of_class)
        tree = next(classes, tree)
    assert isinstance(tree, ast.Module | ast.ClassDef), "what has a docstring"
    told = " ".join((ast.get_docstring(tree) or "").split())
    return told[told.index(DIFFERS) :] if DIFFERS in told else ""
