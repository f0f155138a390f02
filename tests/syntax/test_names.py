"""Names that resolve nowhere are found, and only these."""

import sysconfig
from pathlib import Path

import pytest

from dlm_lsp.syntax.names import find_unresolved
from dlm_lsp.values import Span

TABLE = [
    # (what, text with the hole between «», names found in it)
    ("nothing binds it", "def f(x):\n    return «x + y»\n", ["y"]),
    ("a builtin", "x = «len(print)»\n", []),
    ("an import behind the hole", "def f():\n    return «os.x»\nimport os\n", []),
    ("an import under another name", "import os.path as p\nx = «p.y + os.z»\n", ["os"]),
    ("a module of a package", "import os.path\nx = «os»\n", []),
    ("arguments of all kinds", "def f(a, /, b, *c, d, **e):\n    «a, b, c, d, e, g»\n", ["g"]),
    ("a default is looked up outside", "def f(a, b=«a»):\n    pass\n", ["a"]),
    ("a lambda", "f = «lambda a, b=c: a + b + d»\n", ["c", "d"]),
    ("a local of another function", "def f():\n    y = 1\ndef g():\n    return «y»\n", ["y"]),
    ("a local of the function around", "def f():\n    y = 1\n    def g():\n        return «y»\n", []),
    ("a class body is not seen by its methods", "class A:\n    y = 1\n    def g(self):\n        return «y»\n", ["y"]),
    ("a class body sees itself", "class A:\n    y = 1\n    z = «y»\n", []),
    ("a comprehension in a class", "class A:\n    y = 1\n    z = [«y» for _ in y]\n", []),
    ("a comprehension keeps its names", "«[a for a in [] if a], a»\n", ["a"]),
    ("each kind of comprehension", "«{a: b for a, b in x}, {a for a in x}, (a for a in x)»\nx = 1\n", []),
    ("a walrus leaves the comprehension", "def f(x):\n    «[(y := a) for a in x]\n    return y»\n", []),
    ("global", "def f():\n    global g\n    g = 1\ndef h():\n    return «g»\n", []),
    ("nonlocal", "def f():\n    x = 1\n    def g():\n        nonlocal x\n        «x = x + 1»\n", []),
    ("a handler's name", "try:\n    pass\nexcept E as e:\n    «e»\nE = 1\n", []),
    ("captures", "match 1:\n    case [a, *b] | {'k': c, **d} as e:\n        «a, b, c, d, e, f»\n", ["f"]),
    ("with and for", "with open('x') as a:\n    for b, c in a:\n        «a, b, c»\n", []),
    ("bound in the hole itself", "«x = 1\ny = x + z»\n", ["z"]),
    ("an attribute and a keyword are no names", "x = «len(y=1).z»\n", []),
    ("inside a formatted string", "x = «f'{y}'»\n", ["y"]),
    ("what the code around does not bind either", "print(magic)\nx = «magic»\n", []),
    ("non-ASCII before it", "x = 'äöü€\U0001f600', «ä»\n", ["ä"]),
    ("import of everything", "from os import *\nx = «y»\n", []),
    ("globals()", "globals()['y'] = 1\nx = «y»\n", []),
    ("exec", "exec('y = 1')\nx = «y»\n", []),
    ("del", "y = 1\ndel y\nx = «z»\n", []),
    ("del of an item", "y = {}\ndel y[0]\nx = «z»\n", ["z"]),
    ("an annotation", "def f(x: «List») -> None:\n    pass\n", ["List"]),
    ("an annotation that is not evaluated", "from __future__ import annotations\ndef f(x: «List»): pass\n", []),
    ("a function further up", "import a\n\n\ndef g():\n    pass\n\n\ndef f():\n    return «g, a, b»\n", ["b"]),
    ("a class further down", "def f():\n    return «A, b»\n\n\nclass A:\n    b = 1\n", ["b"]),
    ("global of another function", "def f():\n    return «g»\n\n\ndef h():\n    global g\n    g = 1\n", []),
    ("what another function does not bind either", "def f():\n    magic\n\n\ndef g():\n    «magic»\n", []),
    ("everything is imported further up", "from os import *\n\n\ndef f():\n    return «y»\n", []),
    ("not evaluated", "from __future__ import annotations\n\n\ndef f(x: «List»): pass\n", []),
    ("evaluated", "def f(x: «List»): pass\n\n\ndef g(x: y): pass\n", ["List"]),
    ("a definition in a string", "def f():\n    return «y»\n\n\nx = '''\n\ndef y():\n'''\n", ["y"]),
    ("a text that does not parse", "x = «y»\n)\n", []),
]


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_names(row):
    """A name that is missed is shown to the user; one that does resolve would be masked although it is right."""
    _, marked, expected = row
    start, end = marked.index("«"), marked.index("»") - 1
    text = marked.replace("«", "").replace("»", "")
    found = find_unresolved(text, [Span(start, end)])
    assert expected == [text[each.start : each.end] for each in found]


def test_names_known_from_elsewhere_resolve():
    """The slice does not show the whole document."""
    assert [] == find_unresolved("x = y\n", [Span(0, 6)], ["y"])
    assert 1 == len(find_unresolved("x = y\n", [Span(0, 6)], ["z"]))


def test_where_any_name_may_be_known_nothing_is_said():
    """Fails if a right answer is withheld because a star import stands beyond the slice."""
    assert [] == find_unresolved("x = helper()\n", [Span(4, 10)], ("os", "*"))


def test_only_what_stands_in_the_spans_counts():
    """The user's own unfinished code would be masked, which cannot be."""
    text = "a\nb\nc\nd\n"
    assert ["b", "d"] == [text[each.start] for each in find_unresolved(text, [Span(2, 3), Span(6, 8)])]


def test_real_modules_have_no_unresolved_names():
    """A rule of scopes that is read too strictly shows on working code."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    for name in ("argparse", "ast", "dataclasses", "enum", "inspect", "pathlib", "textwrap", "typing", "zipfile"):
        text = (folder / f"{name}.py").read_text(encoding="utf-8")
        found = find_unresolved(text, [Span(0, len(text))])
        assert [] == [text[each.start : each.end] for each in found], name


def test_deep_and_odd_texts_are_answered():
    """An exception here costs the answer."""
    assert [] == find_unresolved("x = " + "-" * 5000 + "y", [Span(0, 9)])
    assert [] == find_unresolved("[" * 200_000, [Span(0, 9)])
    assert [] == find_unresolved("x = '\0'", [Span(0, 9)])
