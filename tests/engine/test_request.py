"""What the worker is told about a snapshot."""

from dataclasses import replace

from dlm_lsp.engine.request import build_request
from dlm_lsp.settings import Settings
from dlm_lsp.values import HoleKind, Snapshot, Trigger
from dlm_lsp.wire import Fill, Hello, decode, encode

HELLO = Hello(max_tokens=512, chars_per_token=3.0)


def _request(marked, uri="file:///home/me/my%20project/pkg/mod.py", hello=HELLO, **settings):
    text, cursor = marked.replace("|", "", 1), marked.index("|")
    snapshot = Snapshot(uri, "python", 3, text, cursor)
    return build_request(snapshot, replace(Settings(), **settings), hello, request_id=7, trigger=Trigger.INVOKED)


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


def test_who_asks_in_the_middle_of_a_line_may_get_several():
    """Fails if an answer that spans lines is cut for a person who asked, or shown to one who merely typed."""
    snapshot = Snapshot("file:///m.py", "python", 1, "x = f(1, )\n", 9)
    lines = {
        trigger: build_request(snapshot, Settings(), HELLO, request_id=1, trigger=trigger).holes[0].max_lines
        for trigger in Trigger
    }
    assert 1 == lines[Trigger.AUTOMATIC]
    assert 1 < lines[Trigger.INVOKED] == lines[Trigger.ACTION]
