"""The page of features names tests that are there."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "features.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_is_there() -> None:
    """Fails if a test is renamed or removed and the page still calls it a proof."""
    files = {path: path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py")}
    named = 0
    file = ""
    for name in re.findall(r"`([^`\s]*test_[^`\s]*)`", PAGE):
        before, _, test = name.partition("::")
        file = file if before == "…" else before
        texts = [text for path, text in files.items() if path.as_posix().endswith(f"/{file}")]
        assert texts, f"there is no {file}"
        assert not test or any(f"def {test}(" in text for text in texts), f"{file} has no {test}"
        named += 1
    assert named > 40


def test_every_title_that_the_page_quotes_is_there() -> None:
    """Fails if a test of the VS Code extension is renamed and the page still quotes it."""
    titles = "\n".join(path.read_text(encoding="utf-8") for path in (TESTS / "editors" / "vscode").glob("*.test.mjs"))
    titles += (TESTS.parent / "vscode-extension" / "test" / "tracker.test.ts").read_text(encoding="utf-8")
    quoted = re.findall(r"\.test\.[mt]js?s?`[^|\"“]*[\"“]([^\"”]+)[\"”]", PAGE)
    assert [] == [title for title in quoted if title.rstrip("…. ") not in titles]
    assert len(quoted) > 5
