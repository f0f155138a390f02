"""`dlm-lsp trace FILE:LINE:COLUMN`: decode one hole, at one temperature or several, and write a page and a picture of it.

In: a place, settings, temperatures. Out: an HTML page that fetches nothing, a PNG, and one line on stdout; status 1 where nothing was
written into the hole. The answer is the one that `fill` would give with the same settings.
"""

import asyncio
import sys
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from dlm_lsp.analysis.page import write_page
from dlm_lsp.analysis.scene import Decode, Scene, percent
from dlm_lsp.analysis.trace import trace as make_trace
from dlm_lsp.commands.ask import Answer, Model, open_model
from dlm_lsp.commands.fill import open_place, read_place
from dlm_lsp.commands.source import STDIN
from dlm_lsp.decoders import read_decoder
from dlm_lsp.errors import DlmError
from dlm_lsp.settings import RANGES, Settings
from dlm_lsp.values import Snapshot, Step

_LINES_BEFORE, _LINES_BEHIND = 12, 6
_SUFFIXES = {".py", ".pyi", ".pyw", ""}
NO_MATPLOTLIB = "it is drawn by matplotlib, which is not installed: pip install 'dlm-lsp[plots]'."


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be decoded and written."""

    temperatures: tuple[float, ...]
    """The first is shown step by step, the others are compared with it; 0 is greedy."""
    draws: int
    """Decodes at each temperature above 0, with seeds that follow the setting's."""
    page: Path
    picture: Path | None


def where_to(place: str, out: Path | None, png: Path | None) -> tuple[Path, Path | None]:
    """Choose the files: beside each other, named after the place; no picture where nobody asked for it and none can be drawn."""
    name, line, column = read_place(place)
    page = out or Path(f"{Path(name).stem if name != STDIN else 'stdin'}-{line}-{column}.html")
    for path, kind in ((page, ".html"), (png, ".png")):
        if path and path.suffix != kind:
            raise DlmError(f"the {'page' if path is page else 'picture'} needs a name that ends in {kind}, not {path}.")
    if png is None and find_spec("matplotlib") is None:
        print(f"dlm-lsp: no picture: {NO_MATPLOTLIB}", file=sys.stderr)
        return page, None
    return page, png or page.with_suffix(".png")


def trace(place: str, settings: Settings, wanted: Wanted) -> int:
    """Decode the hole at a place and write what happened."""
    _check(settings, wanted)
    name = read_place(place)[0]
    if Path(name).suffix not in _SUFFIXES:
        raise DlmError(f"{name} is no Python file: no other language is known.")
    _, snapshot = open_place(place, None, settings)
    scene = asyncio.run(_decode_all(place, snapshot, settings, wanted))
    if not scene.decodes[0].trace.frames:
        raise DlmError(f"nothing was decoded: {scene.decodes[0].verdict}")
    _write(wanted.page, write_page(scene).encode("utf-8", errors="replace"))
    if wanted.picture:
        from dlm_lsp.analysis.plot import draw

        _write(wanted.picture, draw(scene))
    decode = scene.decodes[0]
    arness = f"AR-ness@1 local {percent(decode.local[0])}, global {percent(decode.global_[0])}"
    files = " and ".join(str(path) for path in (wanted.page, wanted.picture) if path)
    numbers = f"{_count(decode.calls, 'model call')}, {_count(len(decode.trace.commits), 'token')}"
    print(f"{files}: {numbers}, {arness}; verdict: {decode.verdict}")
    return 0 if decode.answer else 1


def read_temperatures(first: float, written: str) -> tuple[float, ...]:
    """Read `0,0.5,1`, with the one that is shown step by step before them."""
    low, high = RANGES["temperature"]
    try:
        found = [first, *(float(part) for part in written.split(",") if part.strip())]
    except ValueError as error:
        raise DlmError(f"--temperatures takes numbers with commas, such as 0,0.5,1, not {written!r}.") from error
    for each in found:
        if not low <= each <= high:
            raise DlmError(f"the temperature {each:g} is not between {low:g} and {high:g}.")
    return tuple(dict.fromkeys(found))


def _check(settings: Settings, wanted: Wanted) -> None:
    """Refuse what would fail after the model has worked, or would change nothing."""
    name, given = read_decoder(settings.sampler)
    if "temperature" in given and wanted.temperatures != (0.0,):
        raise DlmError(f"the sampler {name!r} has a temperature of its own: name it there or with --temperatures.")
    for path in (wanted.page, *([wanted.picture] if wanted.picture else [])):
        if not path.parent.is_dir():
            raise DlmError(f"there is no folder {path.parent} to write {path.name} into.")
    if wanted.picture and find_spec("matplotlib") is None:
        raise DlmError(NO_MATPLOTLIB)


async def _decode_all(place: str, snapshot: Snapshot, settings: Settings, wanted: Wanted) -> Scene:
    decodes = []
    console = Console(stderr=True)
    with console.status("Loading the model …") as status:
        async with open_model(settings) as model:
            for temperature in wanted.temperatures:
                for seed in range(settings.seed, settings.seed + (wanted.draws if temperature else 1)):
                    status.update(f"Decoding at temperature {temperature:g}, seed {seed} …")
                    decodes.append(await _decode(model, snapshot, replace(settings, seed=seed), temperature))
            name = f"{model.hello.model} on {model.hello.device}"
    facts = (
        ("model", name),
        ("sampler", settings.sampler),
        ("cache", settings.cache),
        ("length", settings.length),
        ("threshold", f"{settings.threshold:g}"),
        ("temperature", f"{decodes[0].temperature:g}"),
        ("seed", str(decodes[0].seed)),
        ("repair rounds, at most", str(settings.repair_rounds)),
    )
    before = snapshot.text[: snapshot.cursor].splitlines(keepends=True)[-_LINES_BEFORE:]
    behind = snapshot.text[snapshot.cursor :].splitlines(keepends=True)[: _LINES_BEHIND + 1]
    return Scene(place, "".join(before), "".join(behind).rstrip(), facts, tuple(decodes))


async def _decode(model: Model, snapshot: Snapshot, settings: Settings, temperature: float) -> Decode:
    """Fill the hole once, every step of every lane kept."""
    chosen = replace(settings, candidates=1, temperature=temperature, agreement=0)
    steps: list[Step] = []
    answer = await model.ask(snapshot, chosen, steps.append, trace=True, greedy=temperature == 0)
    candidates = answer.result.candidates
    lane = candidates[0].lane if candidates else 0
    written = "".join(candidates[0].token_texts[0]) if candidates else None
    return Decode(
        temperature,
        settings.seed,
        make_trace([step for step in steps if step.lane == lane], written),
        answer.best,
        _verdict(answer),
        max((step.step for step in steps), default=0),
        answer.ms,
        candidates[0].draft_steps if candidates else 0,
    )


def _verdict(answer: Answer) -> str:
    if not answer.texts:
        return answer.why_empty
    return "fits" if answer.result.candidates[0].parses else "does not fit"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise DlmError(f"{path} cannot be written: {error.strerror}.") from error
