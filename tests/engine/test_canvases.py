"""From gaps to requests, and from answers to edits that were judged in the whole document."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlm_lsp.engine.actions import Action
from dlm_lsp.engine.canvases import Canvas, edits, fits, make_request, read_answer, share_out
from dlm_lsp.engine.edits import Edit, apply
from dlm_lsp.engine.gaps import Gap, plan, regenerated
from dlm_lsp.settings import Settings
from dlm_lsp.values import Candidate, HoleKind, InfillResult, Outcome, Snapshot, Span, Trigger
from dlm_lsp.wire import Hello

HELLO = Hello(max_tokens=384, chars_per_token=3.0)
SETTINGS = Settings()


def snapshot_of(text: str) -> Snapshot:
    """Make a snapshot of a text."""
    return Snapshot("file:///some/module.py", "python", 3, text, 0)


def canvas_of(text: str, action: Action = Action.STUBS) -> Canvas:
    """Put all gaps of an action into one canvas."""
    snapshot = snapshot_of(text)
    return Canvas(snapshot, tuple(plan(action, snapshot, Span(0, len(text)))))


def answered(canvas: Canvas, *candidates: tuple[str, ...], **chosen: object) -> list[str]:
    """Give the documents that come out of fillings."""
    asked = replace(SETTINGS, **chosen)
    request = make_request(canvas, asked, HELLO, request_id=1)
    filled = [Candidate(texts, -1.0, (0.9,), steps=1, rounds=0, parses=False) for texts in candidates]
    result = InfillResult(1, 3, Outcome.FILLED, tuple(filled))
    ways = read_answer(canvas, request, result, asked)
    return [apply(canvas.snapshot.text, edits(canvas, way)) for way in ways]


STUBS = "import os\n\ndef f(a):\n    pass\n\ndef g(b): ...\n\nx = 1\n"


def test_every_way_knows_its_candidate() -> None:
    """Fails if a candidate that was withheld is said to be the one that was offered."""
    canvas = canvas_of("def f(a):\n    pass\n")
    request = make_request(canvas, SETTINGS, HELLO, request_id=1)
    broken, right, other = (
        Candidate((text,), -1.0, (0.9,), steps=1, rounds=0, parses=True)
        for text in ("return (", "return a", "return 2 * a")
    )
    ways = read_answer(canvas, request, InfillResult(1, 3, Outcome.FILLED, (broken, right, other)), SETTINGS)
    assert [("return a", right), ("return 2 * a", other)] == [(way[0].strip(), each) for way, each in ways.items()]


def test_a_request_with_several_holes() -> None:
    """Fails if holes, window and slice do not fit together, or what is replaced can still be seen."""
    request = make_request(canvas_of(STUBS), SETTINGS, HELLO, request_id=7)
    assert ("import os\n\ndef f(a):\n    ", "\n\nx = 1\n") == (request.window.prefix, request.window.suffix)
    assert ("\n\ndef g(b):\n    ",) == request.window.between
    assert (request.window.prefix, request.window.suffix) == (request.slice_prefix, request.slice_suffix)
    assert [(HoleKind.BODY, "    ")] * 2 == [(hole.kind, hole.indent) for hole in request.holes]
    assert (7, 3, Trigger.ACTION) == (request.id, request.version, request.trigger)
    assert SETTINGS.deadline_ms * 4 == request.deadline_ms


def test_what_stood_there_is_the_first_guess() -> None:
    """Fails if a selection's length is not what its request begins with and may double, or part of a line may become many."""
    text = "x = alpha_beta(1, 2, 3)\n"
    canvas = Canvas(snapshot_of(text), tuple(regenerated(text, Span(4, 14))))
    request = make_request(canvas, SETTINGS, HELLO, request_id=1, seed=2)
    assert (4, 1) == (request.holes[0].hint_tokens, request.holes[0].max_lines)
    assert (32, 5, SETTINGS.seed + 2) == (request.max_hole_tokens, request.candidates, request.seed)
    text = "x = [\n" + "    1,\n" * 40 + "]\n"
    canvas = Canvas(snapshot_of(text), tuple(regenerated(text, Span(0, len(text)))))
    request = make_request(canvas, SETTINGS, HELLO, request_id=1)
    assert (96, 84, 192) == (request.holes[0].hint_tokens, request.holes[0].max_lines, request.max_hole_tokens)


@pytest.mark.parametrize(
    ("device", "size", "count"), [("cuda:0", 100, 4), ("cpu", 12, 4), ("cpu", 20, 3), ("cpu", 0, 2), ("cpu", 90, 2)]
)
def test_fewer_answers_where_each_costs_time(device: str, size: int, count: int) -> None:
    """Fails if somebody without a GPU waits for four long answers, or somebody with one gets fewer than there could be."""
    canvas = Canvas(snapshot_of(STUBS), (Gap(Span(0, 9), size_chars=3 * size),))
    assert count == make_request(canvas, SETTINGS, replace(HELLO, device=device), request_id=1).candidates
    assert 5 == make_request(canvas, Settings(candidates=5), replace(HELLO, device=device), request_id=1).candidates


@pytest.mark.parametrize(("size", "count"), [(8000, 1), (384, 4), (512, 5), (2000, 20)])
def test_neighbours_share_a_canvas(size: int, count: int) -> None:
    """Fails if a canvas has more holes than it has room, or there are more canvases than needed."""
    text = "".join(f"def f{n}(a):\n    pass\n\n" for n in range(20)) + ("x = 1\n" * 2000) + "def last():\n    pass\n"
    snapshot = snapshot_of(text)
    gaps = plan(Action.STUBS, snapshot, Span(0, 0))
    chosen = Settings(max_window_tokens=size)
    canvases = share_out(snapshot, gaps, chosen, replace(HELLO, max_tokens=8192))
    assert gaps == [gap for canvas in canvases for gap in canvas.gaps]
    assert (21 if size == 8000 else count) == len(canvases[0].gaps) or size == 8000
    assert [1] == [len(canvases[-1].gaps)] or size == 8000
    for canvas in canvases:
        request = make_request(canvas, chosen, replace(HELLO, max_tokens=8192), request_id=1)
        rows = len(canvas.gaps) * request.max_hole_tokens
        seen = request.window.prefix + "".join(request.window.between) + request.window.suffix
        assert rows + len(seen) / HELLO.chars_per_token <= size
        assert request.max_hole_tokens >= 48


def test_what_is_too_long_is_not_asked_for() -> None:
    """Fails if a selection is replaced by a text that cannot be as long."""
    text = "x = 1\n" * 400
    assert [] == share_out(snapshot_of(text), regenerated(text, Span(0, len(text))), SETTINGS, HELLO)


def test_answers_become_documents() -> None:
    """Fails if a lead is lost, a body lands in the wrong function, or what does not fit spoils the other holes."""
    canvas = canvas_of(STUBS)
    whole = "import os\n\ndef f(a):\n    return a\n\ndef g(b):\n    return b\n\nx = 1\n"
    assert [whole] == answered(canvas, ("return a", "return b"))
    half = "import os\n\ndef f(a):\n    pass\n\ndef g(b):\n    return b\n\nx = 1\n"
    assert [half] == answered(canvas, ("return (a", "return b"))
    assert whole == answered(canvas, ("return a", "b = "), ("return (", "return b"))[0]
    assert [] == answered(canvas, ("return (a", ")"), ("", ""), ("pass", "..."), ("raise NotImplementedError", "pass"))


def test_the_best_comes_first_and_nothing_twice() -> None:
    """Fails if candidates lose their order, or what stands there already is offered."""
    canvas = canvas_of("def f(a):\n    pass\n")
    texts = ("return a", "pass", "return a", "return (a", "return a + 1")
    expected = ["def f(a):\n    return a\n", "def f(a):\n    return a + 1\n"]
    assert expected == answered(canvas, *[(text,) for text in texts])
    assert "def f(a):\n    return (a\n" in answered(canvas, ("return (a",), show_broken=True)


def test_line_ends_are_the_documents() -> None:
    """Fails if a filling brings line ends of another kind into a document."""
    canvas = canvas_of("def f(a): pass\r\nx = 1\r\n")
    assert ["def f(a):\r\n    b = a\r\n    return b\r\nx = 1\r\n"] == answered(canvas, ("b = a\n    return b",))


def test_the_whole_document_has_the_last_word() -> None:
    """Fails if an edit is offered that breaks what parsed, or one is refused for a fault that was there before."""
    good = snapshot_of("def f():\n    pass\n\n\ndef g():\n    return 1\n")
    body = Span(13, 17)
    assert fits(good, [Edit(body, "return 2")])
    assert not fits(good, [Edit(body, "return (2")])
    assert not fits(good, [Edit(body, "'''")])
    broken = snapshot_of(good.text + "def h(:\n    pass\n")
    assert fits(broken, [Edit(body, "return 2")])
    assert not fits(broken, [Edit(body, "return (2")])
    assert fits(broken, [Edit(Span(len(good.text), len(good.text) + 7), "def h():")])


TEXTS = st.sampled_from(["return 1", "pass", "x = 1\n    return x", ")", "", "return (", "'''", "# 😀", "return '😀'"])
PARTS = st.sampled_from(
    ["x = 1\n", "# 😀\r\n", "\n", "class A:\n    y = 2\n", "s = '''\n\x0c'''\n", "def h():\n\treturn 2\n"]
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(PARTS, st.sampled_from(["    pass", "    '''Doc.'''\n    ...", " pass"]), TEXTS), max_size=4),
    PARTS,
)
def test_nothing_outside_of_the_gaps_changes(stubs: list[tuple[str, str, str]], tail: str) -> None:
    """Fails if an action changes a character that is not in a body that it fills."""
    heads = [f"{part}def f{n}():{'' if stub == ' pass' else chr(10)}" for n, (part, stub, _) in enumerate(stubs)]
    text = "".join(head + stub + "\n" for head, (_, stub, _) in zip(heads, stubs, strict=True)) + tail
    canvas = canvas_of(text)
    assert len(stubs) == len(canvas.gaps)
    if not stubs:
        return
    for after in answered(canvas, tuple(text for _, _, text in stubs)):
        at = 0
        for gap in (*canvas.gaps, Gap(Span(len(text), len(text)))):
            kept = text[at : gap.span.start]
            assert kept in after
            assert after.index(kept) >= 0
            at = gap.span.end
        assert after.startswith(text[: canvas.gaps[0].span.start])
        assert after.endswith(text[canvas.gaps[-1].span.end :])
