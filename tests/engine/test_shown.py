"""What is shown of a model that says too much, hole by hole: up to what stands behind the cursor, and never over it."""

import ast

import pytest

from dlm_lsp.engine.gate import admit_all
from dlm_lsp.engine.request import build_request
from dlm_lsp.settings import Settings
from dlm_lsp.text.offsets import line_ending
from dlm_lsp.values import Candidate, InfillResult, Outcome, Snapshot, Trigger
from dlm_lsp.wire import Hello

TABLE = [
    # (name, text with its cursor, what the model says, what is shown)
    ("parentheses typed by the editor", "foo(|)\n", "a, b)", "a, b"),
    ("what goes on behind them", "foo(|)\n", "a, b)\nbar()", "a, b"),
    ("quotes typed by the editor", 'open("|")\n', 'data.txt", "r")', "data.txt"),
    ("brackets typed by the editor", "xs = [|]\n", "1, 2]", "1, 2"),
    ("braces typed by the editor", "d = {|}\n", '"a": 1}', '"a": 1'),
    (
        "docstring quotes typed by the editor",
        'def f(x):\n    """|"""\n    return x\n',
        'Give it back."""\n    return x',
        "Give it back.",
    ),
    (
        "docstring over lines",
        'def f(x):\n    """|"""\n    return x\n',
        "Give it back.\n\n    Unchanged.\n    ",
        "Give it back.\n\n    Unchanged.\n    ",
    ),
    (
        "docstring without its end",
        'def f(x):\n    """|\n    return x\n',
        'Give it back."""\n    y = x',
        'Give it back."""',
    ),
    ("docstring that stays open", 'def f(x):\n    """|\n    return x\n', "Give it back.", None),
    (
        "docstring's text leaves its block",
        'def f(x):\n    """Do.\n\n    |\n    """\n',
        "Args:\n        x: it\nReturns",
        "Args:\n        x: it",
    ),
    ("string stays in its quotes", 'x = "|"\ny = 1\n', 'a" + "b', 'a" + "b'),
    ("string without its end", 'x = f("|\ny = 1\n', 'a", 1)', 'a", 1)'),
    ("field of a string", 'x = f"{|}"\n', 'name}"', "name"),
    (
        "comment goes on",
        "def f():\n    # Add|\n    return 1\n",
        " one.\n    # And two.\n    x = 1",
        " one.\n    # And two.",
    ),
    ("comment behind code", "x = 1  # the|\n", " first\n# and more", " first"),
    ("argument on its line", "f(\n    a,\n    |\n)\n", "b,\n    c,\n)\ng()", "b,\n    c,"),
    ("argument repeats the next", "f(\n    |\n    b,\n)\n", "a,\n    b,\n)", "a,"),
    ("arguments of an open call", "f(\n    |\ny = 1\n", "a,\n    b,\n)\ny = 1", "a,\n    b,\n)"),
    ("element of a list in a list", "x = [\n    [1],\n    |\n]\n", "[2],\n]", "[2],"),
    ("dict value keeps its comma", 'd = {\n    "a": |,\n}\n', "1,", "1"),
    ("condition keeps its colon", "def f(x):\n    if |:\n        pass\n", "x > 1:\n        return x", "x > 1"),
    ("parameters keep the header's rest", "def f(|) -> int:\n    return 1\n", "a, b) -> int:", "a, b"),
    (
        "header with its body",
        "def f(x):\n    return x\n\n\ndef g|\n",
        "(x):\n    return f(x)\n\n\nprint(g(1))",
        "(x):\n    return f(x)",
    ),
    ("header whose body is there", "def f(|\n    return 1\n", "x):", "x):"),
    ("header whose body is there, no bracket", "if x|\n    y = 1\n", " > 1:\n    z = 1", " > 1:\n    z = 1"),
    ("else keeps to its block", "if x:\n    a = 1\nelse:\n    |\nb = 2\n", "a = 2\nb = 2", "a = 2"),
    (
        "before else",
        "def f(x):\n    if x:\n        a = 1\n        |\n    else:\n        a = 2\n",
        "b = 1\n    else:\n        b = 2",
        "b = 1",
    ),
    (
        "before else, dedent",
        "def f(x):\n    if x:\n        a = 1\n        |\n    else:\n        a = 2\n",
        "b = 1\n    c = 2",
        "b = 1",
    ),
    (
        "end of a method",
        "class A:\n    def f(self):\n        a = 1\n        |\n\n    def g(self):\n        pass\n",
        "return a\n\n    def h(self):\n        pass",
        "return a",
    ),
    (
        "between two methods",
        "class A:\n    def f(self):\n        return 1\n\n    |\n\n    def g(self):\n        pass\n",
        "def h(self):\n        return 2\n\n    def g(self):\n        pass",
        "def h(self):\n        return 2",
    ),
    (
        "between statements",
        "def f(x):\n    y = 1\n    |\n    return y\n",
        "if x:\n        y = 2\n    return y\n\ndef g():",
        "if x:\n        y = 2",
    ),
    (
        "dedent with the next statement",
        "def f(x):\n    for y in x:\n        a = y\n        |\n    return a\n",
        "b = y\n    c = 1\n    return a",
        "b = y\n    c = 1",
    ),
    ("nothing typed in a block", "def f(x):\n    y = 1\n|\n    return y\n", "    z = 2\n    return y", "    z = 2"),
    ("less typed than the block", "def f(x):\n    y = 1\n  |\n    return y\n", "  z = 2", "  z = 2"),
    ("more typed than the block", "def f(x):\n    y = 1\n        |\n    return y\n", "z = 2", None),
    ("body that stands too deep", "def f(x):\n    |\n", "    return x", None),
    ("body below an empty line", "def f(x):\n    |\n", "\n    return x", None),
    ("tabs", "def f(x):\n\tif x:\n\t\t|\n\treturn x\n", "y = 1\n\t\treturn y\n\treturn x", "y = 1\n\t\treturn y"),
    ("carriage returns", "def f(x):\r\n    y = 1\r\n    |\r\n    return y\r\n", "z = 2\n    return y", "z = 2"),
    ("decorator", "@|\ndef f():\n    pass\n", "cache\ndef f():\n    pass", "cache"),
    ("import list", "from a import |\nx = 1\n", "b, c\nx = 1", "b, c"),
    ("import list in parentheses", "from a import (\n    b,\n    |\n)\n", "c,\n)\nimport d", "c,"),
    ("behind a backslash", "x = 1 + \\|\n", "\n    2\n", "\n    2"),
    (
        "behind a statement",
        "def f(x):\n    for y in x:\n        a = y|\n    return a\n",
        "\n        b = a\n    c = 1\n    return a",
        "\n        b = a\n    c = 1",
    ),
    (
        "below a header, its body goes on",
        "def f(n):\n    if n == 0:\n|\n        return 1\n    return n\n",
        "        return 0\n    if n == 1:",
        "        return 0\n    if n == 1:",
    ),
    (
        "match case",
        "match x:\n    case |:\n        pass\n",
        "1:\n        pass\n    case 2",
        "1:\n        pass\n    case 2",
    ),
    ("lambda", "sorted(xs, key=lambda x: |)\n", "x.a, reverse=True)", "x.a, reverse=True"),
    ("end of the document", "def f():\n    return 1|", " + 2\n\ndef g():", " + 2"),
    ("empty document", "|", "import os\n\nprint(os.name)\n", "import os\n\nprint(os.name)"),
    ("white space before a statement", "def f(x):\n  |  return x\n", "return x", None),
    ("start of a statement", "x = 1\n|y = 2\n", "z = ", "z = "),
    ("walrus", "if (n := |):\n    pass\n", "f(x)):\n    pass", "f(x)"),
    ("type of a parameter", "def f(x: |):\n    return x\n", "int) -> int", "int"),
    ("document broken elsewhere", "x = = 1\n\n\ndef f(x):\n    |\n", "return x\n\n\ndef g(", "return x"),
]


def _shown(marked: str, said: str, trigger: Trigger = Trigger.INVOKED) -> str | None:
    snapshot = Snapshot("file:///a.py", "python", 1, marked.replace("|", "", 1), marked.index("|"))
    request = build_request(snapshot, Settings(), Hello(), request_id=1, trigger=trigger)
    candidate = Candidate((said,), mean_logprob=-0.1, token_confidence=(), steps=1, rounds=0, parses=False)
    admitted = admit_all(snapshot, request, InfillResult(1, 1, Outcome.FILLED, (candidate,)), Settings())
    return admitted[0].text if admitted else None


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_shown(row: tuple[str, str, str, str | None]) -> None:
    """Fails if an answer doubles or swallows what stands behind it, leaves its place, or loses what belongs into it."""
    name, marked, said, expected = row
    assert expected == _shown(marked, said)
    if expected is not None and "broken" not in name:
        ast.parse(marked.replace("|", expected.replace("\n", line_ending(marked)), 1))


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_who_types_is_shown_no_more(row: tuple[str, str, str, str | None]) -> None:
    """Fails if somebody who merely types is shown what is held back from who asks."""
    _, marked, said, expected = row
    assert (expected or "").startswith(_shown(marked, said, Trigger.AUTOMATIC) or "")
