"""Which functions a text has, which of them are stubs, and where their bodies are written."""

import re

import pytest

from dlm_lsp.syntax.functions import MAX_LOOK_CHARS, body_place, find_functions, function_at, may_have_stub

STUBS = [
    "def f(): pass",
    "def f(): ...",
    "def f():\n    pass",
    "def f():\n    ...  # later",
    "def f():\n    # how?\n    raise NotImplementedError",
    "def f():\n    raise NotImplementedError('not yet')",
    'def f():\n    """Say it."""\n    pass',
    'def f(): """Say it."""; pass',
    "async def f():\n    pass",
    "@cache\ndef f():\n    pass",
    "class A:\n    def f(self):\n        pass",
    "class A(Base, Generic[T]):\n    @property\n    def f(self):\n        raise NotImplementedError",
    "def g():\n    def f():\n        ...\n    return f",
    "def f():\r\n    pass\r\n",
    "def f():\r    pass\r",
    "def (:\n\ndef f():\n    pass\n",
    "    def f(self):\n        pass\n",
]
NO_STUBS = [
    "",
    "x = 1\nfor y in z:\n    pass\n",
    "try:\n    x = 1\nexcept ValueError:\n    pass\n",
    "class A:\n    pass\n",
    "class A:\n    ...\n",
    "def f():\n    return ...\n",
    "def f():\n    pass\n    return 1\n",
    "def f():\n    raise NotImplementedErrorOfMine\n",
    "def f():\n    raise ValueError\n",
    'def f():\n    """Nothing to do."""\n',
    "f = lambda: ...\n",
    "@overload\ndef f(a: int) -> int: ...\n",
    "@typing.overload\ndef f(a: int) -> int: ...\n",
    "class A(ABC):\n    @abstractmethod\n    def f(self):\n        raise NotImplementedError\n",
    "class A(ABC):\n    @property\n    @abc.abstractmethod\n    def f(self): ...\n",
    "class P(Protocol):\n    def f(self): ...\n",
    "class P(typing.Protocol[T]):\n    async def f(self): ...\n",
    "class P(Protocol):\n    if sys.version_info > (3, 12):\n        def f(self): ...\n",
    "'''\ndef f():\n    pass\n'''\n",
]


@pytest.mark.parametrize("text", STUBS)
def test_stubs(text: str) -> None:
    """Fails if a placeholder of a body is not seen, or what stands around it hides it."""
    assert [True] == [each.is_stub for each in find_functions(text, "python") if text[each.colon - 4 :][:4] != "g():"]
    assert may_have_stub(text, "python")


@pytest.mark.parametrize("text", NO_STUBS)
def test_what_is_no_stub(text: str) -> None:
    """Fails if what is meant to be empty, or is no function, would be filled."""
    assert not any(each.is_stub for each in find_functions(text, "python"))
    assert not may_have_stub(text, "python")


def test_other_languages_have_none() -> None:
    """Fails if a language without a grammar breaks it."""
    assert [] == find_functions("def f(): pass", "fortran")
    assert not may_have_stub("def f(): pass", "fortran")


def test_a_long_file_is_not_read_whole() -> None:
    """Fails if the question whether there is a stub takes a parse of the whole, or a stub behind much else is missed."""
    many = "try:\n    x = 1\nexcept ValueError:\n    pass\n" * (MAX_LOOK_CHARS // 40)
    assert not may_have_stub(many[: MAX_LOOK_CHARS // 2], "python")
    assert may_have_stub(many + "def f():\n    pass\n", "python")
    assert may_have_stub("x = [1]\n" * MAX_LOOK_CHARS + "def f():\n    pass\n", "python")
    assert not may_have_stub("x = [1]\n" * MAX_LOOK_CHARS, "python")


FILLED = [
    ("def f(): pass", "def f():\n    BODY"),
    ("def f(): pass  # soon\nx = 1\n", "def f():\n    BODY  # soon\nx = 1\n"),
    ("def f(): pass; return 1\n", "def f():\n    BODY\n"),
    ("def f():\n    x = 1\n\n    return x\n\ny = 1\n", "def f():\n    BODY\n\ny = 1\n"),
    ("def f():\n    # why\n    pass\n", "def f():\n    # why\n    BODY\n"),
    ('def f():\n    """Say."""\n    pass\n', 'def f():\n    """Say."""\n    BODY\n'),
    ('def f():\n    """Say."""\n', 'def f():\n    """Say."""\n    BODY\n'),
    ('def f():\n    """Say."""  # aloud\n', 'def f():\n    """Say."""  # aloud\n    BODY\n'),
    ('def f(): """Say."""\n', 'def f():\n    """Say."""\n    BODY\n'),
    ('def f(): """Say."""; pass\n', 'def f():\n    """Say."""\n    BODY\n'),
    ('def f():\n    r"""Say."""; pass\n', 'def f():\n    r"""Say."""\n    BODY\n'),
    ("def f():\n\nx = 1\n", "def f():\n    BODY\n\nx = 1\n"),
    ("def f():  # how\n", "def f():  # how\n    BODY\n"),
    (
        "class A:\n\tdef f(self): pass\n\tdef g(self):\n\t\treturn 1\n",
        "class A:\n\tdef f(self):\n\t\tBODY\n\tdef g(self):\n\t\treturn 1\n",
    ),
    ("def g():\n  return 1\ndef f(): pass\n", "def g():\n  return 1\ndef f():\n  BODY\n"),
    ("def f(): pass\r\nx = 1\r\n", "def f():\r\n    BODY\r\nx = 1\r\n"),
    ("def f(\n    a,\n) -> dict[str, int]:\n    return {}\n", "def f(\n    a,\n) -> dict[str, int]:\n    BODY\n"),
    ("async def f(a={1: 2}):\n    await a\n", "async def f(a={1: 2}):\n    BODY\n"),
    ("s = '😀'\ndef f():\n    return '😀'\n", "s = '😀'\ndef f():\n    BODY\n"),
]


@pytest.mark.parametrize(("text", "filled"), FILLED)
def test_where_a_body_is_written(text: str, filled: str) -> None:
    """Fails if a docstring, a comment or the indentation is lost, or more than the body is replaced."""
    (function,) = [
        each for each in find_functions(text, "python") if text[each.span.start :].lstrip("async ")[4] == "f"
    ]
    place = body_place(function, text)
    assert filled == text[: place.span.start] + place.lead + "BODY" + text[place.span.end :]


AT = [
    ("@@def f():\n    return 1\n", "f"),
    ("def f():\n    return@@ 1\n", "f"),
    ("def f():\n    return 1@@\n", "f"),
    ("@cache@@\ndef f():\n    return 1\n", "f"),
    ("def f():\n    x = 1\n@@\n    return x\n", "f"),
    ("def f():\n    x = 1\n    @@\n\ny = 1\n", "f"),
    ("def f():\n    x = 1\n@@\n\ny = 1\n", ""),
    ("def f():\n    def g():\n        return@@ 1\n    return g\n", "g"),
    ("def f():\n    def g():\n        return 1\n    @@\n", "f"),
    ("def f():\n    def g():\n        return 1\n    return@@ g\n", "f"),
    ("class A:\n    @@x = 1\n    def f(self): ...\n", ""),
    ("x = lambda@@: 1\n", ""),
    ("def f(): pass@@\n", "f"),
]


@pytest.mark.parametrize(("marked", "name"), AT)
def test_the_function_at_a_place(marked: str, name: str) -> None:
    """Fails if another function than the innermost around the cursor is taken, or one that the cursor has left."""
    at, text = marked.index("@@"), marked.replace("@@", "", 1)
    found = function_at(find_functions(text, "python"), text, at)
    assert name == (re.search(r"def (\w+)", text[found.span.start :])[1] if found else "")
