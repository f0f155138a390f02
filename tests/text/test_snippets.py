"""How other files are cut into chunks, and which chunks are told at a hole."""

import time

from hypothesis import given
from hypothesis import strategies as st

from dlm_lsp.text.snippets import CHUNK_LINES, MAX_CHUNKS, Chunk, choose, chunks, words_of
from dlm_lsp.values import Snippet

STORE = '''"""Where orders are kept."""

import sqlite3


def open_store(path):
    connection = sqlite3.connect(path)
    connection.execute("pragma foreign_keys = on")
    return connection


def add_order(connection, customer, amount):
    connection.execute("insert into orders values (?, ?)", (customer, amount))
    connection.commit()


def orders_of(connection, customer):
    return connection.execute("select * from orders where customer = ?", (customer,)).fetchall()
'''
PREFIX = "def record(connection, customer, amounts):\n    for amount in amounts:\n        "
SUFFIX = "\n    connection.commit()\n"


def chunk(path: str, text: str) -> Chunk:
    return Chunk(path, text, words_of(text))


def test_chunks_start_at_statements_of_the_outermost_level() -> None:
    """Fails if a chunk starts in the middle of a function though another border was near."""
    found = chunks("shop/store.py", STORE)
    starts = ['"""Where orders', "def open_store(", "def add_order(c", "def orders_of(c"]
    assert starts == [each.text[:15] for each in found]
    assert {"shop/store.py"} == {each.path for each in found}


def test_chunks_hold_the_whole_file_and_are_short() -> None:
    """Fails if lines get lost between two chunks or a long function makes one long chunk."""
    body = "".join(f"    value_{k} = compute_{k}(first, second)\n" for k in range(100))
    found = chunks("a.py", f"def long():\n{body}")
    assert all(each.text.count("\n") < CHUNK_LINES for each in found)
    assert f"def long():\n{body}".rstrip() == "\n".join(each.text for each in found)


def test_chunks_leave_out_data_and_the_end_of_a_huge_file() -> None:
    """Fails if a minified line fills the window, or the cost of a choice grows with another file's length."""
    text = "alpha = beta + gamma\n" + "x" * 100_000 + "\ndelta = epsilon + zeta\n"
    assert ["alpha = beta + gamma", "delta = epsilon + zeta"] == [each.text for each in chunks("a.py", text)]
    assert MAX_CHUNKS == len(chunks("a.py", "some_name = other_name + third_name\n" * 10_000))


def test_chunks_are_as_the_model_sees_text() -> None:
    """Fails if carriage returns or lone surrogates of another file reach the model."""
    (found,) = chunks("a.py", "first_name = 1\r\nsecond_name = '\ud800'\r\nthird_name = 3\r\n")
    assert "first_name = 1\nsecond_name = '\ufffd'\nthird_name = 3" == found.text


def test_the_most_alike_stands_last() -> None:
    """Fails if the order changes: what is nearest to the window must be the best."""
    chosen = choose(chunks("shop/store.py", STORE), PREFIX, SUFFIX, most=2, max_chars=1000)
    assert ["def orders_of(c", "def add_order(c"] == [snippet.text[:15] for snippet in chosen]


def test_nothing_is_said_where_nothing_is_alike() -> None:
    """Fails if a chance word is reason enough to take room from the window."""
    offered = [chunk("a.py", "alpha beta gamma delta epsilon zeta eta theta iota kappa lamda customer")]
    assert () == choose(offered, PREFIX, SUFFIX, most=3, max_chars=1000)
    assert () == choose(chunks("shop/store.py", STORE), "", "", most=3, max_chars=1000)


def test_nothing_is_told_twice() -> None:
    """Fails if a copy of the open file, or of another chunk, is told beside it."""
    seen = chunk("copy.py", "connection customer amount amounts")
    assert () == choose([seen], PREFIX + seen.text + "\n", SUFFIX, most=3, max_chars=1000)
    assert () == choose([seen], PREFIX, SUFFIX + seen.text, most=3, max_chars=1000)
    twice = [seen, Chunk("again.py", seen.text, seen.words)]
    assert (Snippet("copy.py", seen.text),) == choose(twice, PREFIX, SUFFIX, most=3, max_chars=1000)


def test_what_does_not_fit_makes_room_for_what_does() -> None:
    """Fails if the snippets take more than they may, or a long chunk keeps all others out."""
    long = chunk("l.py", "connection.commit(customer, amount, amounts)  # " + "." * 90)
    short = chunk("s.py", "connection.commit(customer)")
    assert ("s.py",) == tuple(snippet.path for snippet in choose([long, short], PREFIX, SUFFIX, most=3, max_chars=60))
    both = choose([long, short], PREFIX, SUFFIX, most=3, max_chars=400)
    assert ("s.py", "l.py") == tuple(snippet.path for snippet in both)
    assert () == choose([long, short], PREFIX, SUFFIX, most=0, max_chars=400)


def test_a_long_chunk_is_cut_at_a_line_end() -> None:
    """Fails if a small model with little room is never told anything, or is told half a line."""
    lines = ["def record_all(connection, customer):", "    for amount in amounts:", "        commit()", "        log()"]
    offered = [chunk("s.py", "\n".join(lines))]
    for max_chars in range(100):
        for snippet in choose(offered, PREFIX, SUFFIX, most=3, max_chars=max_chars):
            assert snippet.text.split("\n") in (lines[:3], lines)
            assert len(snippet.path) + len(snippet.text) <= max_chars
    assert choose(offered, PREFIX, SUFFIX, most=3, max_chars=90)[0].text.count("\n") == 2


@given(st.text(alphabet="ab_ \n\r\t#(\x0c", max_size=400))
def test_chunks_hold_nothing_but_lines_of_the_file(text: str) -> None:
    """Fails if a chunk is not a run of the file's own lines."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    assert all(each.text in lines and each.words for each in chunks("a.py", text))


def test_a_choice_among_ten_files_takes_little() -> None:
    """Fails if the choice becomes quadratic: 10 files of 1,000 lines take a fraction of a millisecond, not 50."""
    text = "".join(
        f"def function_{k}(value_{k}, other_{k}):\n    return value_{k} + other_{k % 7}\n\n" for k in range(330)
    )
    offered = [each for k in range(10) for each in chunks(f"p/m{k}.py", text)]
    begin = time.perf_counter()
    choose(offered, text[:5000], text[5000:9000], most=3, max_chars=1500)
    assert time.perf_counter() - begin < 0.05
