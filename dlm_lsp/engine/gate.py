"""The last look at an answer before a person sees it, in the document that it is for.

In: the document, the cursor, a finished filling. Out: the text to insert, in the document's own line endings, or None if
nothing of it is worth showing. It never writes anything, it only cuts off the end; it calls no model.
"""

from dlm_lsp.settings import Settings
from dlm_lsp.syntax.slice import cut_slice
from dlm_lsp.syntax.verdict import judge, survey
from dlm_lsp.text.offsets import line_ending
from dlm_lsp.text.trim import trim
from dlm_lsp.text.window import as_seen
from dlm_lsp.values import Hole, Trigger


def admit(
    text: str,
    cursor: int,
    filling: str,
    *,
    hole: Hole,
    language: str,
    settings: Settings,
    trigger: Trigger,
    mean_logprob: float,
) -> str | None:
    """Give what may be shown of `filling` at `cursor`, or None."""
    if trigger is Trigger.AUTOMATIC and mean_logprob < settings.min_logprob:
        return None
    cut = cut_slice(text, cursor, language)
    prefix, suffix = as_seen(cut.prefix), as_seen(cut.suffix)
    filling = trim(as_seen(filling), suffix, hole)
    if not settings.show_broken:
        filling = _fitting_part(prefix, suffix, filling, hole, language)
    return filling.replace("\n", line_ending(text)) or None


def _fitting_part(prefix: str, suffix: str, filling: str, hole: Hole, language: str) -> str:
    """Cut a filling back before the line that is at fault until the rest fits; "" if nothing of it does."""
    baseline = survey(prefix, (), suffix, language)
    while filling:
        faults = judge(baseline, (filling,)).faults
        if not faults:
            break
        line_end = filling.rfind("\n", 0, faults[0].start)
        filling = trim(filling[: max(line_end, 0)], suffix, hole)
    return filling
