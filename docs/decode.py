"""Draws docs/decode.svg, the README's picture: the bundled model fills a hole of an example, every frame as it happened.

python docs/decode.py                           # writes docs/decode.svg
python docs/decode.py --example lru_cache.py    # another of examples/unfinished
"""

import argparse
import asyncio
import io
from dataclasses import replace
from pathlib import Path

from rich.console import Console, Group
from rich.panel import Panel
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

from dlm_lsp.commands.ask import open_model
from dlm_lsp.commands.demo import Example, read_examples
from dlm_lsp.commands.picture import LEGEND, draw
from dlm_lsp.settings import Settings
from dlm_lsp.values import Snapshot, Step

HERE = Path(__file__).parent
WIDTH_CHARS, FRAMES = 84, 3
LINES_BEFORE, LINES_BEHIND = 2, 2
FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>.{unique_id}-matrix {{ font: {char_height}px monospace; line-height: {line_height}px }} {styles}</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}</defs>
<rect fill="#292929" width="100%" height="100%" rx="8"/>
<g transform="translate(9, 30)" clip-path="url(#{unique_id}-clip-terminal)">{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""
"""Rich's own frame would load fonts from elsewhere."""


async def record(example: Example) -> list[Step]:
    """Fill the example's hole and keep every step."""
    settings = Settings(device="cpu", threads=1, deadline_ms=600_000)
    steps: list[Step] = []
    async with open_model(settings) as model:
        answer = await model.ask(example.snapshot, settings, steps.append)
    done = Step(answer.result.id, answer.steps, ((answer.best,),), 0, "done")
    return [*steps, done]


def around(snapshot: Snapshot) -> Snapshot:
    """Give the few lines around the cursor."""
    before = "\n".join(snapshot.text[: snapshot.cursor].split("\n")[-LINES_BEFORE - 1 :])
    behind = "\n".join(snapshot.text[snapshot.cursor :].split("\n")[: LINES_BEHIND + 1])
    return replace(snapshot, text=before + behind, cursor=len(before))


def picture(example: Example, steps: list[Step]) -> str:
    """Draw the first state, some on the way, and what an editor is given."""
    shown = around(example.snapshot)
    last = len(steps) - 2
    chosen = sorted({round(last * n / (FRAMES - 1)) for n in range(FRAMES)})
    panels = []
    for number in chosen:
        title = f"model call {steps[number].step}" + (", some taken back" if steps[number].revoked else "")
        before = steps[number - 1] if number else replace(steps[0], pieces=((None,),))
        panels.append(Panel(draw(shown, steps[number], before), title=title, title_align="left"))
    final = draw(shown, steps[-1], steps[-1])
    panels.append(Panel(final, title="what the editor is given, after trimming and judging", title_align="left"))
    console = Console(record=True, width=WIDTH_CHARS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Group(Text.from_markup(LEGEND), *panels))
    return console.export_svg(theme=SVG_EXPORT_THEME, code_format=FORMAT, unique_id="decode")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--example", default="binary_search.py", help="a file of examples/unfinished")
    wanted = parser.parse_args().example
    example = next(each for each in read_examples(HERE.parent / "examples") if each.module == wanted)
    (HERE / "decode.svg").write_text(picture(example, asyncio.run(record(example))), encoding="utf-8")


if __name__ == "__main__":
    main()
