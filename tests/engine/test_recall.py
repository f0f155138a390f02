"""What is known needs no model; what is not the same place is not known."""

import time
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlm_lsp.engine.recall import OVERLAP_CHARS, Offer, Recall, typed_behind
from dlm_lsp.engine.request import build_request
from dlm_lsp.settings import Settings
from dlm_lsp.values import Candidate, InfillRequest, Snapshot, Trigger, Window
from dlm_lsp.wire import Hello

URI = "file:///a.py"
BODY = "import os\n\n\ndef f(x):\n    |\n\n\ndef g():\n    return 1\n"
ANSWER = "if x:\n        return os.name\n    return None"
HELLO = Hello(max_tokens=512)


def request(marked: str, trigger: Trigger = Trigger.AUTOMATIC, **changes: object) -> InfillRequest:
    """Make the request for the place of `|`."""
    text, cursor = marked.replace("|", "", 1), marked.index("|")
    made = build_request(Snapshot(URI, "python", 1, text, cursor), Settings(), HELLO, request_id=1, trigger=trigger)
    return replace(made, **changes)


def offers(*texts: str) -> tuple[Offer, ...]:
    """Offer texts."""
    return tuple(Offer(text, Candidate((text,), -0.1, (), steps=1, rounds=0, parses=True)) for text in texts)


def recall_of(marked: str, *texts: str, trigger: Trigger = Trigger.AUTOMATIC) -> Recall:
    """Make a memory of one answer."""
    recall = Recall()
    recall.remember(URI, request(marked, trigger), offers(*texts))
    return recall


def found(recall: Recall, marked: str, trigger: Trigger = Trigger.AUTOMATIC, uri: str = URI) -> list[str] | None:
    """Give the texts that are known at the place of `|`."""
    known = recall.find(uri, request(marked, trigger))
    return None if known is None else [offer.text for offer in known]


def test_every_place_inside_an_answer_is_known_and_none_outside() -> None:
    """Fails if typing into a suggestion asks the model again, in whatever order the places come, or a place too many is known."""
    recall = recall_of(BODY, ANSWER)
    for typed in [*range(len(ANSWER)), *reversed(range(len(ANSWER)))]:
        assert [ANSWER[typed:]] == found(recall, BODY.replace("|", ANSWER[:typed] + "|"))
    assert found(recall, BODY.replace("|", ANSWER + "|")) is None
    assert found(recall, BODY.replace("    |", "   |")) is None
    assert found(recall, BODY.replace("|", "of x|")) is None


def test_the_rest_of_several_lines_survives_typing() -> None:
    """Fails if a two-line suggestion shrinks to one line as soon as a key is pressed: there the hole is the rest of a line."""
    recall = recall_of(BODY, "y = x\n    return y")
    now = BODY.replace("|", "y|")
    assert 1 == request(now).holes[0].max_lines
    assert [" = x\n    return y"] == found(recall, now)


@pytest.mark.parametrize(
    "changed",
    [
        BODY.replace("import os", "import io"),
        BODY.replace("return 1", "return 2"),
        BODY.replace("def f(x)", "def f(xs)"),
        BODY.replace("|", "|  "),
        BODY.replace("|\n", "|"),
        "# new\n" + BODY,
        BODY + "# new\n",
    ],
)
@pytest.mark.parametrize("typed", ["", "if"])
def test_an_edit_anywhere_in_the_slice_makes_it_unknown(changed: str, typed: str) -> None:
    """Fails if an answer is offered in a document that it was not judged in."""
    recall = recall_of(BODY, ANSWER)
    assert found(recall, changed.replace("|", typed + "|")) is None
    assert [ANSWER.removeprefix(typed)] == found(recall, BODY.replace("|", typed + "|"))  # undone, it is known again


def test_documents_languages_and_context_are_kept_apart() -> None:
    """Fails if an answer crosses to another document, or is repeated although the model would be told other things."""
    recall = recall_of(BODY, ANSWER)
    assert found(recall, BODY, uri="file:///b.py") is None
    assert recall.find(URI, request(BODY, language="plaintext")) is None
    assert recall.find(URI, request(BODY, known_names=("other",))) is None
    assert recall.find(URI, request(BODY, window=Window("elsewhere", ""))) is None
    assert recall.find(URI, request(BODY, id=9, version=9, deadline_ms=9)) is not None


def test_what_is_asked_by_key_is_more_than_what_a_keystroke_asks() -> None:
    """Fails if the key for "fill now" gives nothing because a keystroke got nothing, or a keystroke gets what only the key may bring.

    Who types through what the key brought keeps it.
    """
    recall = recall_of(BODY)
    assert [] == found(recall, BODY)
    assert found(recall, BODY, Trigger.INVOKED) is None
    recall.remember(URI, request(BODY, Trigger.INVOKED), offers(ANSWER))
    assert [] == found(recall, BODY)
    assert [ANSWER] == found(recall, BODY, Trigger.INVOKED)
    assert [ANSWER.removeprefix("if")] == found(recall, BODY.replace("|", "if|"))


def test_nothing_is_known_too_but_not_further_on() -> None:
    """Fails if a place where nothing was to be shown costs a model call each time, or hides what is known by another answer."""
    recall = recall_of(BODY, ANSWER)
    recall.remember(URI, request(BODY.replace("|", "if|")), ())
    assert [ANSWER.removeprefix("if")] == found(recall, BODY.replace("|", "if|"))
    recall = recall_of(BODY)
    assert [] == found(recall, BODY)
    assert found(recall, BODY.replace("|", "r|")) is None


def test_all_candidates_go_on_that_begin_with_what_was_typed() -> None:
    """Fails if the second candidate is lost, its candidate is another one's, or one that does not go on so is offered."""
    recall = recall_of(BODY, "return x", "raise KeyError", "return os")
    known = recall.find(URI, request(BODY.replace("|", "ret|")))
    assert ["urn x", "urn os"] == [offer.text for offer in known]
    assert [("return x",), ("return os",)] == [offer.candidate.texts for offer in known]
    assert ["ise KeyError"] == found(recall, BODY.replace("|", "ra|"))
    assert found(recall, BODY.replace("|", "yield|")) is None


def test_white_space_is_no_rest() -> None:
    """Fails if a blank is offered where the answer was typed to its last word, or the model is asked what else could stand there.

    Who asks by key wants something else; and who has typed all of it is further on.
    """
    recall = recall_of("f(|x)\n", "a, ")
    assert [] == found(recall, "f(a,|x)\n")
    assert found(recall, "f(a,|x)\n", Trigger.INVOKED) is None
    assert found(recall, "f(a, |x)\n") is None
    recall.remember(URI, request("f(|x)\n"), offers("a, ", "a, b, "))
    assert [" b, "] == found(recall, "f(a,|x)\n")


def test_line_ends_of_the_document_do_not_matter() -> None:
    """Fails if an answer in the document's own line ends is not found behind what the model saw of it."""
    dos = BODY.replace("\n", "\r\n")
    recall = Recall()
    recall.remember(URI, request(dos), offers(ANSWER.replace("\n", "\r\n")))
    assert ["return os.name\n    return None"] == found(recall, dos.replace("|", "if x:\r\n        |"))


def test_an_answer_in_an_empty_document_is_not_known_in_a_full_one() -> None:
    """Fails if "the far end was cut" is taken for granted where nothing was cut."""
    recall = recall_of("|", "import os\nimport sys\n")
    assert ["rt os\nimport sys\n"] == found(recall, "impo|")
    assert found(recall, BODY.replace("|", "pass").replace("return 1\n", "return 1\nimpo|")) is None


def test_slices_that_are_cut_elsewhere_are_the_same_as_far_as_both_reach() -> None:
    """Fails if a line that is typed moves the far end of the slice of a long document and with it all that was known."""
    lines, anywhere = [f"x{number} = {number}\n" for number in range(600)], request("|")
    before, behind = "".join(lines), "".join(lines).replace("x", "z")

    def cut(prefix: str, suffix: str) -> InfillRequest:
        return replace(anywhere, slice_prefix=prefix, slice_suffix=suffix)

    recall = Recall()
    recall.remember(URI, cut(before[40:], behind[:-50]), offers("y = 1\ny = 2"))
    for known in (
        cut(before[90:] + "y = 1\n", behind[:-90]),
        cut(before + "y = 1\n", behind),
        cut(before[40:] + "y = 1\n", behind),
        cut(before[-OVERLAP_CHARS:] + "y = 1\n", behind[:OVERLAP_CHARS]),
    ):
        assert ["y = 2"] == [offer.text for offer in recall.find(URI, known)]
    for unknown in (
        cut(before[-OVERLAP_CHARS + 1 :] + "y = 1\n", behind),
        cut(before + "y = 1\n", behind[: OVERLAP_CHARS - 1]),
        cut(before[90:].replace("x50 ", "X50 ") + "y = 1\n", behind),
        cut(before[90:].replace("x599", "X599") + "y = 1\n", behind),
        cut(before[90:] + "y = 1\n", behind.replace("z50 ", "Z50 ")),
    ):
        assert recall.find(URI, unknown) is None


def test_what_stood_there_before_an_edit_nearby() -> None:
    """Fails if a start is offered that belongs to another place, or none after a line above or below was changed."""
    recall = recall_of(BODY, ANSWER, "return x")
    above, below = BODY.replace("def f(x)", "def f(xs)"), BODY.replace("return 1", "return 2")
    for near in (above, below, "# new\n" + BODY):
        assert ANSWER == recall.nearby(URI, request(near))
    for far in (above.replace("return 1", "return 2"), above.replace("|", "y = |"), above.replace("|", "|  # x")):
        assert "" == recall.nearby(URI, request(far))
    assert "" == recall.nearby("file:///b.py", request(above))
    recall = recall_of(BODY)
    assert "" == recall.nearby(URI, request(above))


def test_what_was_used_longest_ago_goes_first() -> None:
    """Fails if the memory grows without bound, in answers or in bytes, or the answer that is on the screen is dropped."""
    places = [f"x{number} = |\n" for number in range(4)]
    recall = Recall(max_answers=3)
    for place in places[:3]:
        recall.remember(URI, request(place), offers("1"))
    assert ["1"] == found(recall, places[0])
    recall.remember(URI, request(places[3]), offers("1"))
    assert [True, False, True, True] == [found(recall, place) is not None for place in places]

    for held in ({"slice_suffix": "x" * 7000}, {"known_names": ("x",) * 1000}):
        recall = Recall(max_bytes=100_000)
        for number in range(50):
            recall.remember(URI, request(f"x{number} = |\n", **held), offers("1"))
        assert 1 <= len(recall) < 20
    assert recall.size_bytes <= 100_000
    recall.forget()
    assert (0, 0) == (len(recall), recall.size_bytes)
    assert recall.find(URI, request("x49 = |\n", **held)) is None


def test_a_miss_in_a_full_memory_takes_no_time() -> None:
    """Fails if a keystroke costs milliseconds because there is much to look through: 20 ms stands for any slow search."""
    text = "".join(f"x{number} = {number}\n" for number in range(390))
    place = replace(request("|"), slice_suffix=text)
    recall = Recall(max_bytes=1 << 30)
    for number in range(256):
        recall.remember(URI, replace(place, slice_prefix=f"{text}y{number} = "), offers("abc " * 100))
    missing = replace(place, slice_prefix=f"{text}z = ")
    times = []
    for _ in range(20):
        began = time.perf_counter()
        assert recall.find(URI, missing) is None
        times.append(time.perf_counter() - began)
    assert min(times) < 0.02


def test_typed_behind() -> None:
    """Fails if what was typed is miscounted, or deleting counts as typing."""
    long = "x" * OVERLAP_CHARS
    assert ["c", "", None, None] == [typed_behind("ab", now) for now in ("abc", "ab", "a", "bbc")]
    assert ["new", None] == [typed_behind("cut" + long, now) for now in (long + "new", long[1:] + "new")]


# Against a model of it that keeps whole documents and compares all of them.

texts = st.text("ab\n", max_size=4)


@dataclass
class Naive:
    """All answers ever given, newest first."""

    answers: list[tuple[str, str, list[str]]]

    def find(self, prefix: str, suffix: str) -> list[str] | None:
        empty = False
        for index, (before, behind, known) in enumerate(self.answers):
            rests = None
            if (before, behind) == (prefix, suffix):
                rests = known
            elif behind == suffix and prefix.startswith(before):
                typed = prefix[len(before) :]
                going_on = [text[len(typed) :] for text in known if text.startswith(typed) and text != typed]
                rests = [text for text in going_on if text.strip()] if going_on else None
            if rests:
                self.answers.insert(0, self.answers.pop(index))
                return rests
            empty = empty or rests == []
        return [] if empty else None


@given(
    st.lists(
        st.tuples(texts, texts, st.none() | st.lists(st.text("ab\n", min_size=1, max_size=5), max_size=2, unique=True))
    )
)
def test_like_a_memory_of_whole_documents(steps: list[tuple[str, str, list[str] | None]]) -> None:
    """Fails if, in any order of answers and questions, something is found that should not be, or not found that should."""
    recall, naive, anywhere = Recall(), Naive([]), request("|")
    for prefix, suffix, answer in steps:
        asked = replace(anywhere, window=Window(prefix, suffix), slice_prefix=prefix, slice_suffix=suffix)
        if answer is not None:
            recall.remember(URI, asked, offers(*answer))
            naive.answers.insert(0, (prefix, suffix, answer))
        known = recall.find(URI, asked)
        assert naive.find(prefix, suffix) == (None if known is None else [offer.text for offer in known])
