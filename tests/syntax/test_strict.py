"""Python's own parser as a judge: asked part by part, and from several threads."""

import ast
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlm_lsp.syntax import strict
from dlm_lsp.syntax.strict import check_python, parse_python, parts_of

_PIECES = (
    *(
        "def f(x):\n    return x\n",
        "class A:\n    def m(self):\n        pass\n",
        "@d\n",
        "async def h(): pass\n",
        "x = 1\n",
    ),
    *(
        "def broken(:\n",
        "if x:\n",
        "else:\n    y\n",
        "x = (\n",
        ")\n",
        "'''\n",
        '"\n',
        "    y = 2\n",
        "\t z\n",
        "x \\\n",
    ),
    *("try:\n    x\n", "except E:\n    y\n", "# def f\n", "return = 3\n", "f(x y)\n", "f'{x'\n", "\f", "é = 1\n", "\0"),
)
_PIECE = st.tuples(st.sampled_from(_PIECES), st.sampled_from(["", "\n", "\n\n", "\n\n\n"])).map("".join)


@given(st.sampled_from(["", "", "\ufeff"]), st.lists(_PIECE, max_size=9).map("".join))
def test_a_complaint_is_that_about_the_whole(lead: str, pieces: str) -> None:
    """Fails if a cut makes right what is wrong, or wrong what is right, or moves a fault: repairs would mask other tokens."""
    whole = parse_python(lead + pieces)
    assert (None if isinstance(whole, ast.Module) else whole) == check_python(lead + pieces)


def test_parts_join_to_the_text_and_begin_with_definitions() -> None:
    """Fails if a character is lost, or if a function is cut off its decorator."""
    text = (
        "import a\n\n@d\ndef f():\n    pass\n\n\nclass A:\n    x = 1\n\n    def m(self): pass\n\nasync def h(): pass\n"
    )
    assert text == "".join(parts_of(text))
    assert ["import", "@d", "class", "async"] == [part.split()[0] for part in parts_of(text)]


def test_what_stands_around_a_hole_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if every filling costs as much as the whole slice."""
    read: list[str] = []
    parse = ast.parse
    monkeypatch.setattr(strict.ast, "parse", lambda text: (read.append(text), parse(text))[1])
    before, behind = "def once_before():\n    pass\n\n\ndef f():\n    ", "\n\n\ndef once_behind():\n    pass\n"
    for filling in ("return 1", "return 2", "return (", "return 3"):
        check_python(before + filling + behind)
    assert 1 == sum("once_before" in text for text in read)
    assert 2 == sum("once_behind" in text for text in read)  # and once behind what does not parse


def test_few_whole_documents_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if code actions in a large file leave dozens of copies in memory, or parse the file again for every way to change it."""
    remembered = (strict._check_parts, strict.parses)
    for each in remembered:
        each.cache_clear()
    read: list[str] = []
    parse = ast.parse
    monkeypatch.setattr(strict.ast, "parse", lambda text: (read.append(text), parse(text))[1])
    document = "x = 1\n" * (strict.MAX_PARTED_CHARS // 6 + 1)
    for change in ("y", "z", ")"):
        assert check_python(document) is None
        assert (change == ")") == (check_python(document + change) is not None)
    assert 4 == len(read)
    assert [0, 0] == [each.cache_info().currsize for each in remembered]


def test_threads_leave_the_filters_of_warnings_as_they_were() -> None:
    """Fails if one thread puts back what another one has changed: from then on the process would say nothing of any warning."""
    before, interval = list(warnings.filters), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            complaints = list(threads.map(check_python, [f"x = '\\d{number}'\n" * 5 for number in range(2000)]))
    finally:
        sys.setswitchinterval(interval)
    assert [None] * 2000 == complaints
    assert before == list(warnings.filters)
