"""What each code action writes anew."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlm_lsp.engine.actions import Action
from dlm_lsp.engine.gaps import Accepted, plan, possible, regenerated, unsure
from dlm_lsp.syntax.strict import check_python
from dlm_lsp.values import Candidate, Snapshot, Span

STUBS = "import os\n\ndef f(a):\n    pass\n\nclass A:\n    def g(self):\n        ...\n\nx = 1\n"


def asked(marked: str, uri: str = "file:///a.py") -> tuple[Snapshot, Span]:
    """Take the selection from between two marks, or the cursor from one."""
    before, *rest = marked.split("@@")
    start, end = len(before), len(before) + (len(rest[0]) if len(rest) == 2 else 0)
    return Snapshot(uri, "python", 1, before + "".join(rest), start), Span(start, end)


def gaps_in(action: Action, marked: str) -> list[str]:
    """Give the texts that an action would replace."""
    snapshot, selection = asked(marked)
    return [snapshot.text[gap.span.start : gap.span.end] for gap in plan(action, snapshot, selection)]


def actions_in(marked: str, uri: str = "file:///a.py") -> set[Action]:
    """Give the actions that make sense."""
    return {action for action, reason in possible(*asked(marked, uri)).items() if not reason}


@pytest.mark.parametrize(
    ("marked", "gap", "max_lines"),
    [
        ("def f():\n@@    return 1\n@@x = 2\n", "return 1", 16),
        ("def f():\n    @@return 1@@\nx = 2\n", "return 1", 16),
        ("x = foo(al@@pha, be@@ta)\n", "alpha, beta", 1),
        ("x = @@foo@@\n", "foo", 1),
        ("x = '@@😀 a@@bc'\n", "😀 abc", 1),
        ("@@a = 1\r\n\r\nb = 2\r\n@@", "a = 1\r\n\r\nb = 2", 16),
        ("@@" + "a = 1\n" * 12 + "@@", ("a = 1\n" * 12)[:-1], 24),
    ],
)
def test_a_selection(marked: str, gap: str, max_lines: int) -> None:
    """Fails if a word is cut, the first indentation or the last line end is replaced, or part of a line may become lines."""
    snapshot, selection = asked(marked)
    (found,) = regenerated(snapshot.text, selection)
    assert gap == snapshot.text[found.span.start : found.span.end]
    assert (len(gap), max_lines) == (found.size_chars, found.max_lines)


def test_nothing_is_selected() -> None:
    """Fails if white space is regenerated."""
    assert [] == gaps_in(Action.REGENERATE, "x = 1@@ \n  @@y = 1\n")
    assert [] == gaps_in(Action.REGENERATE, "x = @@1\n")


def test_functions_and_stubs() -> None:
    """Fails if an action takes another body than its own."""
    assert ["pass"] == gaps_in(Action.FUNCTION, STUBS.replace("def f", "d@@ef f"))
    assert [] == gaps_in(Action.FUNCTION, STUBS + "@@")
    assert ["pass", "..."] == gaps_in(Action.STUBS, "@@" + STUBS)
    assert ["..."] == gaps_in(Action.STUBS_SELECTED, STUBS.replace("class A", "@@class A") + "@@")
    assert ["pass"] == gaps_in(Action.STUBS_SELECTED, STUBS.replace("def", "@@def", 1).replace("pass\n", "pass\n@@"))
    assert [] == gaps_in(Action.STUBS, "@@x = 1\n")


def test_a_repair() -> None:
    """Fails if the broken line is not the gap, or something else is."""
    assert ["return (1"] == gaps_in(Action.REPAIR, "def f():\n    return (1@@\n")
    assert [] == gaps_in(Action.REPAIR, "def f():\n    return (1)@@\n")


@pytest.mark.parametrize(
    ("marked", "actions"),
    [
        ("@@", set()),
        ("x = 1@@\n", set()),
        ("@@x = 1@@\n", {Action.REGENERATE}),
        ("def f():\n    return@@ 1\n", {Action.FUNCTION}),
        ("def f():\n    return@@ (1\n", {Action.FUNCTION, Action.REPAIR}),
        ("x = 1@@\ndef f():\n    pass\n", {Action.STUBS}),
        ("def f():\n    @@pass\n", {Action.STUBS, Action.FUNCTION}),
        ("@@def f():\n    pass\n@@x = 1\n", {Action.STUBS, Action.STUBS_SELECTED, Action.FUNCTION, Action.REGENERATE}),
        ("x = lambda: @@1\n", set()),
    ],
)
def test_what_makes_sense(marked: str, actions: set[Action]) -> None:
    """Fails if a lightbulb offers what comes to nothing, or keeps back what would come to something."""
    assert actions == actions_in(marked)
    snapshot, selection = asked(marked)
    assert all(plan(action, snapshot, selection) for action in actions)


FRAGMENTS = st.sampled_from(
    [
        *(
            "def f(",
            "a):",
            ") -> int:",
            "\n",
            "\r\n",
            "\r",
            "    ",
            "\t",
            "\x0c",
            "pass",
            "...",
            "return ",
            "(",
            "]",
            ":",
            " ",
            "x = 1",
        ),
        *(
            "class A(Protocol):",
            "async def g():",
            "@overload\n",
            '"""Doc."""',
            "'''",
            "'",
            "#",
            "😀",
            "\ud800",
            "\u2028",
            "\0",
            "\\\n",
        ),
        *(
            "raise NotImplementedError",
            "if x:",
            "else:",
            "lambda: ",
            "def h(): pass\n",
            "class B:\n    def m(self):\n        ...\n",
        ),
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(FRAGMENTS, max_size=14).map("".join), st.data())
def test_any_text(text: str, data: st.DataObject) -> None:
    """Fails if some text breaks an action, its gaps overlap or lie outside, or what is offered comes to nothing."""
    start, end = sorted((data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text)))))
    snapshot = Snapshot("file:///a.py", "python", 1, text, start)
    makes_sense = possible(snapshot, Span(start, end))
    for action in Action:
        gaps = plan(action, snapshot, Span(start, end))
        edges = [edge for gap in gaps for edge in (gap.span.start, gap.span.end)]
        assert [0, *edges, len(text)] == sorted([0, *edges, len(text)])
        if action in {Action.REGENERATE, Action.FUNCTION, Action.STUBS} and check_python(text) is None:
            assert bool(gaps) == (not makes_sense[action])


def test_stub_files_have_no_bodies() -> None:
    """Fails if the declarations of a .pyi file are taken for stubs."""
    assert set() == actions_in("def f(a: int)@@ -> int: ...\n", "file:///a.pyi")


def accepted(text: str, *tokens: tuple[str, float], before: str = "") -> Accepted:
    """Make an accepted answer out of tokens."""
    texts, sureness = zip(*tokens, strict=True)
    candidate = Candidate((text,), -1.0, sureness, steps=1, rounds=0, parses=True, token_texts=(texts,))
    return Accepted(before, text, candidate)


TOKENS = (
    ("return", 0.9),
    (" alpha", 0.8),
    (" +", 0.7),
    (" be", 0.3),
    ("ta", 0.9),
    ("\n    ", 0.1),
    ("x", 0.9),
    ("!", 0.5),
)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_what_was_least_sure(line_end: str) -> None:
    """Fails if other tokens than the least sure are written anew, a word is cut, or they are looked for at a wrong place."""
    text = "import os\ndef f():\n    return alpha + beta\n    x\ndef g():\n    return alpha + beta\n    x\n".replace(
        "\n", line_end
    )
    answer = accepted("return alpha + beta\n    x", *TOKENS, before="import os\ndef g():\n    ")
    assert [] == unsure(text, answer)
    answer = accepted("return alpha + beta\n    x", *TOKENS, before="\ndef g():\n    ".rjust(40, "\n"))
    assert [] == unsure(text, answer)
    before = text[: text.index("return", text.index("def g"))]
    (gap,) = unsure(text, accepted("return alpha + beta\n    x", *TOKENS, before=before.replace("\r\n", "\n")))
    assert "beta" == text[gap.span.start : gap.span.end]
    assert text.rindex("beta") == gap.span.start
    assert 1 == gap.max_lines


def test_an_answer_that_was_changed_since() -> None:
    """Fails if something is written anew where the answer does not stand as it was accepted."""
    answer = accepted("return alpha + beta", *TOKENS[:5], before="def g():\n    ")
    assert [] == unsure("def g():\n    return alpha - beta\n", answer)
    assert [] == unsure("def h():\n    return alpha + beta\n", answer)
    assert 1 == len(unsure("def g():\n    return alpha + beta\n", answer))


def test_an_answer_of_which_the_beginning_was_typed() -> None:
    """Fails if places are counted from the beginning of what the model said, and not from where the answer was inserted."""
    answer = accepted("pha + beta", *TOKENS[:5], before="def g():\n    return al")
    text = "def g():\n    return alpha + beta\n"
    (gap,) = unsure(text, answer)
    assert "beta" == text[gap.span.start : gap.span.end]
    assert [] == unsure(text, accepted("pha + beta", *TOKENS[1:4], before="def g():\n    return al"))


def test_neighbours_are_one_gap() -> None:
    """Fails if unsure tokens side by side become several holes without anything between."""
    pieces = ["t", " =", " b", ".", "c", "(", "d", ",", " e", ",", " f", ")"]
    answer = accepted("t = b.c(d, e, f)", *[(piece, 0.1 if piece in " b.c" else 0.9) for piece in pieces])
    (gap,) = unsure("t = b.c(d, e, f)\n", answer)
    assert (4, 7) == (gap.span.start, gap.span.end)
