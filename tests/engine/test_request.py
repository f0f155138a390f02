"""What the worker is told about a snapshot."""

from dataclasses import replace

import pytest

from dlm_lsp.engine.context import outline
from dlm_lsp.engine.request import build_request, is_wanted
from dlm_lsp.settings import Settings
from dlm_lsp.text.snippets import Chunk
from dlm_lsp.values import Context, HoleKind, Snapshot, Trigger
from dlm_lsp.wire import Fill, Hello, decode, encode

HELLO = Hello(max_tokens=512, chars_per_token=3.0)


def _request(marked, uri="file:///home/me/my%20project/pkg/mod.py", hello=HELLO, offered=(), **settings):
    text, cursor = marked.replace("|", "", 1), marked.index("|")
    snapshot = Snapshot(uri, "python", 3, text, cursor)
    chosen = replace(Settings(), **settings)
    return build_request(snapshot, chosen, hello, request_id=7, trigger=Trigger.INVOKED, offered=offered)


def test_a_small_document_is_sent_whole_and_settings_travel():
    """A field that is not filled in stays at its default without anybody noticing."""
    request = _request(
        "import os\n\ndef f():\n    |\n", candidates=3, seed=5, repair_rounds=1, deadline_ms=99, threshold=0.5
    )
    assert ("import os\n\ndef f():\n    ", "\n") == (request.window.prefix, request.window.suffix)
    assert ("import os\n\ndef f():\n    ", "\n") == (request.slice_prefix, request.slice_suffix)
    assert (7, 3, "python", HoleKind.BODY) == (request.id, request.version, request.language, request.holes[0].kind)
    assert (3, 5, 1, 99, 0.5) == (
        request.candidates,
        request.seed,
        request.repair_rounds,
        request.deadline_ms,
        request.threshold,
    )
    assert ("pkg/mod.py", "") == (request.context.path, request.context.imports)


def test_window_and_hole_and_context_fit_the_checkpoint():
    """A canvas longer than the model's positions fails in the worker."""
    text = "import os\n" + "x = 1\n" * 2000 + "|\n" + "y = 2\n" * 2000
    for max_tokens in (128, 512, 4096):
        request = _request(text, hello=Hello(max_tokens=max_tokens), max_window_tokens=2048)
        sent = request.window.prefix + request.window.suffix + request.context.imports + request.context.path
        assert len(sent) / 3.0 + request.max_hole_tokens <= min(max_tokens, 2048)
        assert len(sent) / 3.0 + request.max_hole_tokens > 0.9 * min(max_tokens, 2048)


def test_imports_that_the_window_does_not_show_are_context_and_are_not_told_twice():
    """The model would guess names that the file has, or see the same line twice."""
    head = "import os\nfrom a import (\n    b,\n)\n\nif x:\n    import c\n"
    far = _request(head + "x = 1\n" * 1000 + "import late\n|\n")
    assert far.context.imports == "import os\nfrom a import (\n    b,\n)\n"
    assert far.window.prefix.endswith("import late\n")
    assert _request(head + "|\n").context.imports == ""


def test_the_model_sees_plain_line_ends_and_no_lone_surrogates():
    """Carriage returns were not in its training; lone surrogates cannot be encoded."""
    request = _request("s = '\ud800'\r\ndef f():\r\n    |\r\n")
    assert request.window.prefix == "s = '\ufffd'\ndef f():\n    "
    assert request.slice_prefix == "s = '\ufffd'\ndef f():\n    "
    assert request.holes[0].indent == "    "
    assert request == decode(encode(Fill(request))).request


def test_an_unsaved_document_has_a_path_of_its_own():
    """Editors name new files in many ways."""
    assert _request("|", uri="untitled:Untitled-1").context.path == "Untitled-1"
    assert _request("|", uri="").context.path == ""
    assert _request("|", uri="file:///C%3A/a/b/c.py").context.path == "b/c.py"


ALL = replace(HELLO, reads=("path", "imports", "names", "snippets"))
NEIGHBOUR = outline(
    "file:///pkg/other.py", "def price_of(order, customer):\n    return order.amount * customer.rate\n", "python"
)
LARGE = "import os\n\nRATE = 3\n\n" + "# filler\n" * 1000 + "def bill(order, customer):\n    |\n" + "# more\n" * 1000
LARGE += "def late(): pass\n"


def test_a_checkpoint_is_told_what_it_was_trained_to_read() -> None:
    """Fails if a model gets names or snippets that it takes for code of this file."""
    told = _request(LARGE, hello=ALL, offered=NEIGHBOUR.chunks).context
    assert ("import os\n", ("RATE", "late")) == (told.imports, told.names)
    assert ["pkg/other.py"] == [snippet.path for snippet in told.snippets]
    plain = _request(LARGE, hello=replace(ALL, reads=("path", "imports")), offered=NEIGHBOUR.chunks).context
    assert Context("pkg/mod.py", "import os\n") == plain
    assert Context() == _request(LARGE, hello=replace(ALL, reads=()), offered=NEIGHBOUR.chunks).context


def test_snippets_can_be_switched_off() -> None:
    """Fails if the setting is not looked at."""
    assert () == _request(LARGE, hello=ALL, context_snippets=0, offered=NEIGHBOUR.chunks).context.snippets


def test_what_is_told_leaves_the_window_its_room() -> None:
    """Fails if all that is told together leaves less than half of the room, or the sum is more than the model takes."""
    words = "order customer amount rate price bill"
    offered = [Chunk(f"pkg/m{k}.py", f"{words} m{k}\n" * 8, frozenset(words.split())) for k in range(9)]
    head = "".join(f"import module_{k}\nname_{k} = 1\n" for k in range(300))
    request = _request(head + LARGE, hello=ALL, offered=offered)
    context = request.context
    snippets = sum(len(snippet.path) + len(snippet.text) for snippet in context.snippets)
    window = len(request.window.prefix) + len(request.window.suffix)
    room = (512 - 64) * 3
    assert 0.15 * room < snippets <= room / 4
    assert 0.1 * room < len(context.imports) <= room / 8
    assert 0.1 * room < len(" ".join(context.names)) <= room / 8
    told = snippets + len(context.path + context.imports + " ".join(context.names))
    assert 0.95 * room < told + window <= room


def test_names_outside_of_the_slice_are_known() -> None:
    """Fails if the worker calls a name unresolved that the document binds beyond what is judged."""
    assert ("os", "RATE", "late") == _request(LARGE).known_names
    assert () == _request("import os\n\ndef f():\n    |\n").known_names


@pytest.mark.parametrize(("marked", "typing"), [("x = f(1, |)\n", 1), ("# Add the |\n", 1), ("def f():\n    |\n", 64)])
def test_who_types_is_shown_one_line_where_who_asks_gets_several(marked: str, typing: int) -> None:
    """Fails if an answer that spans lines is cut for a person who asked, or shown to one who merely typed."""
    snapshot = Snapshot("file:///m.py", "python", 1, marked.replace("|", ""), marked.index("|"))
    lines = {
        trigger: build_request(snapshot, Settings(), HELLO, request_id=1, trigger=trigger).holes[0].max_lines
        for trigger in Trigger
    }
    assert typing == lines[Trigger.AUTOMATIC]
    assert 1 < lines[Trigger.INVOKED] == lines[Trigger.ACTION]


@pytest.mark.parametrize(
    ("marked", "in_comments", "in_strings"),
    [
        ("# Add |\n", True, False),
        ('def f():\n    """|"""\n', True, False),
        ('x = "|"\n', False, True),
        ('x = f"{|}"\n', False, False),
        ("x = |\n", False, False),
    ],
)
def test_prose_is_left_alone_where_the_settings_say_so(marked: str, in_comments: bool, in_strings: bool) -> None:
    """Fails if a person who writes a comment cannot switch the answers off, or who asks for one gets none."""
    snapshot = Snapshot("file:///m.py", "python", 1, marked.replace("|", ""), marked.index("|"))
    quiet = Settings(in_comments=False, in_strings=False)
    for trigger in Trigger:
        request = build_request(snapshot, Settings(), HELLO, request_id=1, trigger=trigger)
        needs = trigger is Trigger.AUTOMATIC
        assert is_wanted(request, quiet) is not (needs and (in_comments or in_strings))
        assert is_wanted(request, replace(quiet, in_comments=True)) is not (needs and in_strings)
        assert is_wanted(request, replace(quiet, in_strings=True)) is not (needs and in_comments)
