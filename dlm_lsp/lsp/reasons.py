"""Why there is nothing on the screen: a sentence about an answer, a word about each of its candidates.

In: an `Answer`. Out: text for people, without code. Decides nothing.
"""

from dlm_lsp.lsp.tally import Answer
from dlm_lsp.values import Candidate, Outcome, Trigger

UNASKED = "Here answers come only when asked for: inComments, inStrings."
ASKED_BEFORE = "This place was asked about before, and there was nothing to show."


def why_nothing(answer: Answer) -> str:
    """Say why an answer has no text to show; nothing where it has one."""
    if answer.texts:
        return ""
    result = answer.result
    match result.outcome:
        case Outcome.FAILED:
            return result.message
        case Outcome.LATE:
            return "There was no answer within the time: raise deadlineMs."
        case Outcome.CANCELLED:
            return "The model was stopped."
        case Outcome.FILLED:
            words = {why_withheld(answer, candidate) for candidate in result.candidates}
            if words == {"unsure"}:
                return "The model is not sure of what it wrote: minLogprob, agreement."
            if words == {"repeated or empty"}:
                return "What the model wrote stands here already, or is empty."
            return "What the model wrote does not fit here: showBroken shows it."
        case _:
            return result.message or "The model leaves this hole empty."


def why_withheld(answer: Answer, candidate: Candidate) -> str:
    """Say why a candidate was not shown, nothing where it was."""
    settings = answer.settings
    if candidate in answer.candidates:
        return ""
    unsure = candidate.mean_logprob < settings.min_logprob or candidate.agreeing < settings.agreement
    if answer.trigger is Trigger.AUTOMATIC and unsure:
        return "unsure"
    return "repeated or empty" if candidate.parses else "does not fit"
