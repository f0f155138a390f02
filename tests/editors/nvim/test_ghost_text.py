"""Ghost text in a real Neovim: seen in the extmarks, taken over by keys, checked in the saved file."""

from tests.editors.nvim.conftest import Open

ADD = "def add(a, b):\n\n\nprint(add(1, 2))\n"


def test_typing_shows_an_answer_and_tab_takes_it(open_file: Open) -> None:
    """Fails if nothing is drawn while somebody types, or what is inserted is not what was drawn."""
    editor = open_file(ADD)
    editor.keys("ggA<CR>    r")
    editor.wait_for_ghost("eturn a + b")
    editor.keys("<Tab>")
    editor.wait_for(lambda: editor.ghost() is None, "clean screen")
    assert editor.saved() == b"def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n"
