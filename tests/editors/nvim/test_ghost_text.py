"""Ghost text in a real Neovim: seen in the extmarks, taken over by keys, checked in the saved file."""

import time

from tests.editors.nvim.conftest import Edit

ADD = "def add(a, b):\n\n\nprint(add(1, 2))\n"
ADDED = "def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n"
SCALE = "def scale(a, b):\n\n\nprint(scale(1, 2))\n"


def test_typing_shows_an_answer_and_tab_takes_it(edit: Edit) -> None:
    """Fails if nothing is drawn while somebody types, or what is inserted is not what was drawn."""
    editor = edit(ADD)
    editor.keys("ggA<CR>    r")
    editor.wait_for_ghost("eturn a + b")
    editor.keys("<Tab>")
    editor.wait_for_ghost(None)
    assert ADDED.encode() == editor.saved()


def test_tab_is_a_tab_where_nothing_is_offered(edit: Edit) -> None:
    """Fails if the key of the example does not indent any more."""
    editor = edit("x = 1\n")
    editor.keys("ggO<F6><Tab>")
    assert editor.saved() == b"\t\nx = 1\n"


def test_an_answer_is_taken_by_word_and_by_line(edit: Edit) -> None:
    """Fails if a part is cut wrongly, or what is left of the answer is not drawn at once."""
    editor = edit(SCALE)
    editor.keys("ggA<CR>    ")
    editor.wait_for_ghost("c = a * b\n    return c")
    editor.keys("<F2>")
    editor.wait_for_ghost(" = a * b\n    return c")
    editor.keys("<F2><F2>")
    editor.wait_for_ghost(" * b\n    return c")
    editor.keys("<F3>")
    editor.wait_for_ghost("\n    return c")
    assert editor.text().startswith("def scale(a, b):\n    c = a * b\n\n")
    editor.keys("<F3>")
    editor.wait_for_ghost(None)
    assert editor.saved() == b"def scale(a, b):\n    c = a * b\n    return c\n\n\nprint(scale(1, 2))\n"


def test_what_was_taken_is_one_undo_step(edit: Edit) -> None:
    """Fails if undo takes back what was typed before the answer as well."""
    editor = edit(SCALE)
    editor.keys("ggA<CR>    ")
    editor.wait_for_ghost("c = a * b\n    return c")
    editor.keys("<Tab>")
    editor.wait_for(lambda: "return c" in editor.text(), "accepted text")
    editor.keys("<Esc>u")
    assert editor.text() == "def scale(a, b):\n    \n\n\nprint(scale(1, 2))"


def test_the_cursor_stands_behind_what_was_taken(edit: Edit) -> None:
    """Fails if one types on in another place than behind the answer."""
    editor = edit(SCALE)
    editor.keys("ggA<CR>    ")
    editor.wait_for_ghost("c = a * b\n    return c")
    editor.keys("<Tab>")
    editor.wait_for(lambda: "return c" in editor.text(), "accepted text")
    editor.keys("!")
    assert editor.text().startswith("def scale(a, b):\n    c = a * b\n    return c!\n")


def test_typing_through_shortens_the_ghost_text(edit: Edit) -> None:
    """Fails if the text is drawn twice, or not at once, while one types what is offered."""
    editor = edit(ADD)
    editor.keys("ggA<CR>    r")
    editor.wait_for_ghost("eturn a + b")
    for typed, left in (("e", "turn a + b"), ("turn", " a + b"), (" a", " + b")):
        editor.keys(typed)
        editor.wait_for_ghost(left)
    editor.keys("<Tab>")
    editor.wait_for_ghost(None)
    assert ADDED.encode() == editor.saved()


def test_a_letter_and_tab_typed_at_once_are_not_doubled(edit: Edit) -> None:
    """Fails if an accepted text begins again where it was asked for, with a letter of it typed already."""
    editor = edit(ADD)
    editor.keys("ggA<CR>    r")
    editor.wait_for_ghost("eturn a + b")
    editor.keys("e<Tab>")
    editor.wait_for(lambda: "return a + b" in editor.text(), "accepted text")
    assert ADDED.encode() == editor.saved()


def test_another_letter_ends_the_offer(edit: Edit) -> None:
    """Fails if a text that does not go on with what was typed can still be taken."""
    editor = edit(ADD)
    editor.keys("ggA<CR>    r")
    editor.wait_for_ghost("eturn a + b")
    editor.keys("x<Tab>")
    time.sleep(0.3)
    assert editor.saved() == b"def add(a, b):\n    rx\t\n\n\nprint(add(1, 2))\n"


def test_another_letter_takes_the_offer_off_the_screen_at_once(edit: Edit) -> None:
    """Fails if it is drawn over what is typed until the next answer comes, which Neovim asks for 200 ms later."""
    editor = edit(ADD)
    editor.keys("ggA<CR>    r")
    editor.wait_for_ghost("eturn a + b")
    editor.keys("x")
    editor.wait_for(lambda: "rx" in editor.text(), "the letter")
    assert editor.ghost() is None


def test_dismissed_is_gone(edit: Edit) -> None:
    """Fails if the key that takes an offer off the screen leaves it to be accepted."""
    editor = edit(ADD)
    editor.keys("ggA<CR>    r")
    editor.wait_for_ghost("eturn a + b")
    editor.keys("<F6>")
    editor.wait_for_ghost(None)
    editor.keys("<Tab>")
    assert editor.saved() == b"def add(a, b):\n    r\t\n\n\nprint(add(1, 2))\n"


def test_leaving_insert_mode_clears_the_screen(edit: Edit) -> None:
    """Fails if ghost text stays in normal mode."""
    editor = edit(ADD)
    editor.keys("ggA<CR>    r")
    editor.wait_for_ghost("eturn a + b")
    editor.keys("<Esc>")
    editor.wait_for_ghost(None)


def test_other_answers_are_asked_for_and_taken(edit: Edit) -> None:
    """Fails if next and previous do not go round the answers, or another than the drawn one is inserted."""
    editor = edit(ADD)
    editor.keys("ggA<CR>    ")
    editor.wait_for_ghost("return a + b")
    editor.keys("<F4>")
    editor.wait_for_ghost("return b + a")
    editor.keys("<F4>")
    editor.wait_for_ghost("return sum((a, b))")
    editor.keys("<F4>")
    editor.wait_for_ghost("return a + b")
    editor.keys("<F5><F5>")
    editor.wait_for_ghost("return b + a")
    editor.keys("<Tab>")
    editor.wait_for_ghost(None)
    assert ADDED.replace("a + b", "b + a").encode() == editor.saved()


def test_the_line_behind_the_cursor_stays(edit: Edit) -> None:
    """Fails if what stands behind the cursor is replaced, or drawn as part of the answer."""
    editor = edit("items = []\nvalue = list.(items)\n")
    editor.keys("jf(i<F7>")
    editor.wait_for_ghost("append")
    editor.keys("<Tab>")
    editor.wait_for_ghost(None)
    assert editor.saved() == b"items = []\nvalue = list.append(items)\n"


def test_windows_line_ends_stay(edit: Edit) -> None:
    r"""Fails if an answer of two lines leaves a \n, or a ^M in the buffer."""
    editor = edit(SCALE.replace("\n", "\r\n"))
    editor.keys("ggA<CR>    ")
    editor.wait_for_ghost("c = a * b\n    return c")
    editor.keys("<Tab>")
    editor.wait_for_ghost(None)
    assert "\r" not in editor.text()
    assert editor.saved() == b"def scale(a, b):\r\n    c = a * b\r\n    return c\r\n\r\n\r\nprint(scale(1, 2))\r\n"


def test_an_emoji_before_the_cursor(edit: Edit) -> None:
    """Fails if columns are counted in another unit than the server's."""
    editor = edit("smile = \n")
    editor.keys("ggA'😀', ")
    editor.wait_for_ghost("'🎉'")
    editor.keys("<Tab>")
    editor.wait_for_ghost(None)
    assert editor.saved() == "smile = '😀', '🎉'\n".encode()


def test_tabs(edit: Edit) -> None:
    """Fails if tabs become blanks in the text, or stay tabs (drawn as ^I) in the ghost text of the plugin."""
    editor = edit("def tabs(a):\n\n\nprint(tabs)\n")
    editor.keys("ggA<CR><C-v><Tab>")
    drawn = editor.wait_for(editor.ghost, "ghost text")
    assert drawn.replace("\t", " " * 8) == "for x in a:\n" + " " * 16 + "print(x)"
    editor.keys("<Tab>")
    editor.wait_for_ghost(None)
    assert editor.saved() == b"def tabs(a):\n\tfor x in a:\n\t\tprint(x)\n\n\nprint(tabs)\n"


def test_a_file_of_20000_lines(edit: Edit) -> None:
    """Fails if a large file gets no answer, or a key takes long there."""
    many = "".join(f"x{n} = {n}\n" for n in range(10_000))
    times_s = []
    for text, line in ((ADD, 1), (many + ADD + many, 10_001)):  # the small one says how busy the machine is
        editor = edit(text)
        editor.keys(f"{line}GA<CR>    r")
        editor.wait_for_ghost("eturn a + b")
        since = time.monotonic()
        editor.keys("eturn")
        editor.wait_for_ghost(" a + b")
        times_s.append(time.monotonic() - since)
    small_s, large_s = times_s
    assert large_s < 5 + 5 * small_s, "typing through"
    editor.keys("<Tab>")
    editor.wait_for_ghost(None)
    assert (many + ADDED + many).encode() == editor.saved()


def test_a_list_of_words_hides_our_ghost_text(edit: Edit, version: str) -> None:
    """Fails if the plugin draws beside the list of completions; what Neovim 0.12 draws itself is its own affair."""
    editor = edit(ADD)
    editor.keys("ggA<CR>    <F7>")
    editor.wait_for_ghost("return a + b")
    editor.keys("<C-n>")
    editor.wait_for(lambda: editor.lua("return vim.fn.pumvisible()") == 1, "list")
    if version == "0.7":
        editor.wait_for_ghost(None)
