"""Why there is nothing to show: a sentence about an answer, a word about each of its candidates.

In: what the worker said, the settings, what made somebody ask. Out: text for people, without code. Decides nothing: `gate` does.
"""

from collections.abc import Callable

from dlm_lsp.engine.gate import is_sure
from dlm_lsp.settings import Settings, camel_case
from dlm_lsp.values import Candidate, InfillResult, Outcome, Trigger

UNASKED = "Here answers come only when asked for: inComments, inStrings."
ASKED_BEFORE = "This place was asked about before, and there was nothing to show."
UNSURE, BROKEN, REPEATED = "unsure", "does not fit", "repeated or empty"


def why_nothing(
    result: InfillResult, settings: Settings, trigger: Trigger, spell: Callable[[str], str] = camel_case
) -> str:
    """Say why nothing of a result is shown, and which setting changes that; `spell` writes its name as the reader does."""
    match result.outcome:
        case Outcome.FAILED:
            return result.message
        case Outcome.LATE:
            return f"There was no answer within the time: raise {spell('deadline_ms')}."
        case Outcome.CANCELLED:
            return "The model was stopped."
        case Outcome.FILLED:
            words = {why_withheld(candidate, settings, trigger) for candidate in result.candidates}
            if BROKEN in words:
                return f"What the model wrote does not fit here: {spell('show_broken')} shows it."
            if UNSURE in words:
                return f"The model is not sure of what it wrote: {spell('min_logprob')}, {spell('agreement')}."
            return "What the model wrote stands here already, or is empty."
        case _:
            return result.message or "The model leaves this hole empty."


def why_withheld(candidate: Candidate, settings: Settings, trigger: Trigger) -> str:
    """Say why a candidate is not shown."""
    if not is_sure(candidate, trigger, settings):
        return UNSURE
    return REPEATED if candidate.parses or settings.show_broken else BROKEN
