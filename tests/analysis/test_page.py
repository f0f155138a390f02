"""The page about a decode: it fetches nothing, shows what happened, and is not broken by the code that it shows."""

import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from dlm_lsp.analysis.charts import Series, chart
from dlm_lsp.analysis.page import write_page
from dlm_lsp.analysis.scene import Decode, Scene, visible
from dlm_lsp.analysis.trace import trace
from dlm_lsp.values import Slot, Step

EVIL = "</script><script>alert('1')</script>\"onclick=\"x' <!-- &lt; ]]>"


def scene(*texts: str, decodes: int = 1) -> Scene:
    """Make a decode that writes these tokens, takes all back for the parser's sake, and writes them again from the right."""
    count = len(texts)

    def step(number: int, decided: int, *, back: str = "", repaired: bool = False) -> Step:
        slots = tuple(
            Slot(
                n,
                text if (n >= count - decided if repaired else n < decided) else None,
                0.5,
                back,
                guess=text,
                guess_share=0.4,
            )
            for n, text in enumerate(texts)
        )
        return Step(
            1,
            number,
            (tuple(slot.text for slot in slots),),
            0,
            "denoise",
            round=int(repaired),
            ms=1.5 * number,
            slots=(slots,),
        )

    steps = [step(n, n) for n in range(count + 1)]
    steps += [step(count, 0, back=f"invalid {EVIL}")] + [step(count + n, n, repaired=True) for n in range(1, count + 1)]
    whole = "".join(texts)
    decode = Decode(0.0, 0, trace(steps, whole), whole, "fits", 2 * count, 12.5)
    return Scene(f"{EVIL}.py:1:1", f"x = '{EVIL}'\n", f"\n{EVIL}", (("model", EVIL),), (decode,) * decodes)


class Reader(HTMLParser):
    """Notes elements and their text as a browser would find them."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Reader:
    """Parse a page."""
    reader = Reader()
    reader.feed(page)
    return reader


@pytest.mark.parametrize("decodes", [1, 3])
def test_code_cannot_leave_its_place(decodes: int) -> None:
    """Fails if a text of the user or of the model becomes an element, an attribute or a script of the page."""
    plain, evil = (read(write_page(scene(text, "b", decodes=decodes))) for text in ("a", EVIL))
    assert 1 == sum(tag == "script" for tag, _ in evil.elements)
    shape = [(tag, list(attributes)) for tag, attributes in evil.elements]
    assert [(tag, list(attributes)) for tag, attributes in plain.elements] == shape
    assert not any(key.startswith("on") for _, attributes in evil.elements for key in attributes)
    assert EVIL in [attributes["data-text"] for _, attributes in evil.elements if "data-text" in attributes]
    assert EVIL in evil.text


def test_the_page_fetches_nothing() -> None:
    """Fails if the page needs a network: a script, a style, a font or a picture from elsewhere."""
    page = write_page(scene("a", "b", decodes=2))
    assert not re.search(
        r"(?i)https?:|\burl\(|@import|@font-face|<link|<img|<iframe|\bsrc=|\bhref=|fetch\(|XMLHttp", page
    )
    assert "default-src 'none'" in page


def test_every_step_can_be_looked_at() -> None:
    """Fails if a step has no row, or its row does not say what happened in it."""
    page = read(write_page(scene("a", "b")))
    rows = [attributes for tag, attributes in page.elements if tag == "tr" and "data-told" in attributes]
    assert 6 == len(rows)
    assert "Step 0: model call 0, 0 ms: nothing is written yet." == rows[0]["data-told"]
    assert "Step 3: model call 2, 3 ms: 2 taken back." == rows[3]["data-told"]
    assert f"'a' taken back by syntax: invalid {EVIL}" in json.loads(rows[3]["data-events"] or "")
    assert "Step 4: model call 3, 4 ms, repair round 1: 1 committed." == rows[4]["data-told"]
    slider = next(attributes for tag, attributes in page.elements if tag == "input")
    assert ("0", str(len(rows) - 1)) == (slider["min"], slider["max"])


def test_what_the_script_looks_for_is_there() -> None:
    """Fails if an element is renamed in the page and not in its script, so that no key works."""
    page = write_page(scene("a"))
    ids = set(re.findall(r'id="(\w+)"', page))
    looked_for = set(re.findall(r'getElementById\("(\w+)"\)', page)) | set(
        re.findall(r'querySelector\w*\("#(\w+)', page)
    )
    assert {"hole", "slider", "play", "guesses", "told", "events", "grid"} <= looked_for <= ids
    colours = set(re.findall(r"var\((--\w[\w-]*)\)", page))
    assert colours <= set(re.findall(r"(--\w[\w-]*):", page))


def test_the_order_is_told_with_the_text() -> None:
    """Fails if the numbers over the finished text are not those of the commits that stayed."""
    page = write_page(scene("a", "b", "c"))
    order = re.findall(r'<span class="rank"[^>]*>(\w)<sup>(\d)</sup>', page)
    assert [("a", "3"), ("b", "2"), ("c", "1")] == order


@pytest.mark.parametrize(
    ("text", "shown"), [("\n        x", "⏎·8x"), (" ", "·"), ("  \t", "··→"), ("\r\n", "⏎"), ("a b", "a·b")]
)
def test_white_space_is_seen(text: str, shown: str) -> None:
    """Fails if a token of blanks or line ends looks like nothing, or breaks its row."""
    assert shown == visible(text)


@pytest.mark.parametrize("highest", [0.0, 0.03, 0.7, 1.0, 1.01, 3.0, 7.0, 64.0, 99.0, 12345.0])
def test_a_chart_has_round_numbers_up_to_its_highest_point(highest: float) -> None:
    """Fails if a point lies outside of the axes, or an axis has two ticks or twenty."""
    drawn = ET.fromstring(chart("x <", "y &", [Series("a <b>", ((0, 0), (1, highest)))]))
    circles = list(drawn.iter("circle"))
    assert all(0 <= float(circle.attrib["cy"]) <= 270 for circle in circles)
    ticks = {text.text for text in drawn.iter("text") if text.attrib.get("text-anchor") == "end"}
    assert highest == 0 or 4 <= len(ticks) <= 8
    assert {"x <", "y &"} <= {text.text for text in drawn.iter("text")}


def test_a_chart_of_nothing() -> None:
    """Fails if a decode without commits cannot be drawn."""
    ET.fromstring(chart("x", "y", [Series("a", ())]))
