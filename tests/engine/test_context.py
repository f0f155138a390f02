"""What is told beside the window: of the document itself, and of the documents that are open beside it."""

from dlm_lsp.engine.context import MAX_NAMES, MAX_NEIGHBOURS, Outline, neighbours, outline, short_path
from dlm_lsp.text.private import is_private

ROOT = "file:///code/shop"
HEAD = "import os\nfrom a import (\n    b,\n    c as d,\n)\n\nLIMIT = 3\n\n\ndef near():\n    inner = 1\n\n\n"
TAIL = "\n\nclass Behind:\n    field = 1\n\n\ndef last():\n    pass\n"
WINDOW = "def here(x):\n    return x\n"
TEXT = HEAD + WINDOW + TAIL
START, END = len(HEAD), len(HEAD + WINDOW)


def of(text: str) -> Outline:
    return outline("file:///a/b.py", text, "python")


def open_documents(*uris: str, language: str = "python") -> dict[str, Outline]:
    text = "def record(order, customer):\n    return ledger.write(order, customer)\n"
    return {uri: outline(uri, text, language) for uri in uris}


def paths(uri: str, outlines: dict[str, Outline], folders: tuple[str, ...] = (ROOT,)) -> list[str]:
    return [chunk.path for chunk in neighbours(uri, outlines, folders, is_private)]


def test_imports_before_the_window_as_many_as_fit() -> None:
    """Fails if a half import is told, or one that the window shows."""
    both = "import os\nfrom a import (\n    b,\n    c as d,\n)\n"
    assert both == of(TEXT).imports_before(START, 1000)
    assert "import os\n" == of(TEXT).imports_before(START, len(both) - 1)
    assert "import os\n" == of(TEXT).imports_before(10, 1000)
    assert "" == of(TEXT).imports_before(0, 1000)


def test_names_told_are_those_outside_the_window() -> None:
    """Fails if locals, imports, or names that the window shows take the room."""
    assert ("LIMIT", "near", "Behind", "last") == of(TEXT).names_told(START, END, len(TEXT), 1000)
    assert ("near", "Behind") == of(TEXT).names_told(START, END, len(TEXT), len("near Behind "))
    assert () == of(TEXT).names_told(0, len(TEXT), len(TEXT), 1000)


def test_names_known_are_all_outside_the_slice() -> None:
    """Fails if a right answer that uses an import or a class of the file's other end is called unresolved."""
    assert ("os", "b", "d", "LIMIT", "near", "Behind", "last") == of(TEXT).names_known(START, END, len(TEXT))
    assert ("*",) == of("from a import *\n" + WINDOW).names_known(16, 16 + len(WINDOW), 16 + len(WINDOW))


def test_an_outline_serves_while_the_window_is_edited() -> None:
    """Fails if what was typed since moves names behind the window into it: the whole would be read at every keystroke."""
    known = of(TEXT)
    for typed in ("y = 1\n" * 40, ""):
        window = typed + "def other(): pass\n"
        now = HEAD + window + TAIL
        told = known.names_told(START, START + len(window), len(now), 1000)
        assert ("LIMIT", "near", "Behind", "last") == told


def test_a_document_of_any_size_has_a_bounded_outline() -> None:
    """Fails if a generated file of constants makes each request sort all of them."""
    text = "".join(f"name_{k} = {k}\nimport m{k}\n" for k in range(5000))
    made = of(text)
    assert (MAX_NAMES, MAX_NAMES + 1) == (len(made.bindings), len(made.known))
    assert "*" in made.names_known(0, 200, len(text))
    assert len(made.chunks) <= 300
    assert len(made.imports) <= 200


def test_other_languages_have_chunks_only() -> None:
    """Fails if lines of a shell script are told as Python names."""
    made = outline("file:///a/run.sh", "value=3\nimport os\necho something\n", "shellscript")
    assert ((), (), ()) == (made.imports, made.bindings, made.known)
    assert made.chunks


def test_neighbours_are_other_documents_of_the_folder_the_last_used_first() -> None:
    """Fails if a document is told its own lines, or those of another project that is open in the same editor."""
    outlines = open_documents(
        f"{ROOT}/a.py", f"{ROOT}/in/b.py", f"{ROOT}/c.py", "file:///code/shopping/d.py", "file:///lib/e.py"
    )
    assert ["in/b.py", "shop/a.py"] == paths(f"{ROOT}/c.py", outlines)
    assert ["shop/c.py", "shop/a.py"] == paths(f"{ROOT}/in/b.py", outlines)
    assert [] == paths("file:///lib/e.py", outlines)
    assert [] == paths(f"{ROOT}/in/b.py", outlines, (ROOT, f"{ROOT}/in/"))


def test_without_workspace_folders_a_folder_belongs_together() -> None:
    """Fails if single files opened from anywhere are mixed."""
    outlines = open_documents("file:///x/a.py", "file:///x/b.py", "file:///y/c.py")
    assert ["x/b.py"] == paths("file:///x/a.py", outlines, ())


def test_private_documents_tell_nothing() -> None:
    """Fails if a file of passwords that is open in a tab is shown to the model."""
    outlines = open_documents(f"{ROOT}/a.py", f"{ROOT}/secrets.py", f"{ROOT}/.ssh/b.py")
    assert [] == paths(f"{ROOT}/a.py", outlines)


def test_other_languages_tell_nothing() -> None:
    """Fails if prose or shell is told to who writes Python."""
    outlines = open_documents(f"{ROOT}/a.py") | open_documents(f"{ROOT}/b.sh", language="shellscript")
    assert [] == paths(f"{ROOT}/a.py", outlines)
    assert [] == paths(f"{ROOT}/unknown.py", outlines)


def test_neighbours_are_few() -> None:
    """Fails if a hundred open tabs cost every keystroke ten times what ten cost."""
    outlines = open_documents(*(f"{ROOT}/m{k}.py" for k in range(50)))
    assert [f"shop/m{k}.py" for k in range(48, 48 - MAX_NEIGHBOURS, -1)] == paths(f"{ROOT}/m49.py", outlines)


def test_the_path_that_is_told_is_short() -> None:
    """Fails if the model learns of home directories, or an editor's way of naming new files breaks it."""
    assert "pkg/mod.py" == short_path("file:///home/me/my%20project/pkg/mod.py")
    assert "b/c.py" == short_path("file:///C%3A/a/b/c.py")
    assert ("Untitled-1", "") == (short_path("untitled:Untitled-1"), short_path(""))
