"""The last look at an answer before a person sees it, in the document that it is for.

In: the request, the worker's answer to it, the settings. Out: the texts that may be shown, in the document's own line endings; none
if nothing is worth showing. It never writes anything, it only cuts off the end; it calls no model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dlm_lsp.settings import Settings
from dlm_lsp.syntax.languages import find_language
from dlm_lsp.syntax.scan import flatten
from dlm_lsp.syntax.verdict import Baseline, judge, survey
from dlm_lsp.text.offsets import line_ending
from dlm_lsp.text.trim import trim
from dlm_lsp.text.window import as_seen
from dlm_lsp.values import Candidate, InfillRequest, InfillResult, Snapshot, Trigger


@dataclass(frozen=True, slots=True)
class Admitted:
    """What may be shown of a candidate."""

    texts: tuple[str, ...]
    """One per hole; each is a beginning of the candidate's, or what is kept; not all are kept."""
    candidate: Candidate

    @property
    def text(self) -> str:
        """The text of the only, or first, hole."""
        return self.texts[0]


def admit_all(
    asked: Snapshot, request: InfillRequest, result: InfillResult, settings: Settings, kept: Sequence[str] = ()
) -> list[Admitted]:
    """Give what may be shown of an answer to `request`, which was made from `asked`; best first, nothing twice.

    `kept` is, per hole, what is put there if nothing of the answer fits.
    """
    candidates = [each for each in result.candidates if is_sure(each, request.trigger, settings)]
    if not candidates:
        return []
    line_end = line_ending(asked.text)
    behind = (*request.window.between, request.slice_suffix)
    stays = [as_seen(text) for text in kept] or [""] * len(request.holes)
    baseline = None if settings.show_broken else _survey_of(request)
    admitted: dict[tuple[str, ...], Admitted] = {}
    for candidate in candidates:
        texts = [trim(as_seen(t), b, hole) for t, b, hole in zip(candidate.texts, behind, request.holes, strict=True)]
        texts = [text or other for text, other in zip(texts, stays, strict=True)]
        is_judged = candidate.parses and texts == list(candidate.texts)  # by the worker, which was given the same slice
        if baseline is not None and not is_judged:
            texts = _fitting_part(baseline, texts, stays, behind, request)
        if texts != stays:
            shown = tuple(text.replace("\n", line_end) for text in texts)
            admitted.setdefault(shown, Admitted(shown, candidate))
    return list(admitted.values())


def is_sure(candidate: Candidate, trigger: Trigger, settings: Settings) -> bool:
    """Whether the model is sure enough for the occasion: who asks wants the best there is, who types must not be disturbed."""
    if trigger is not Trigger.AUTOMATIC:
        return True
    return candidate.mean_logprob >= settings.min_logprob and candidate.agreeing >= settings.agreement


def _survey_of(request: InfillRequest) -> Baseline:
    return survey(request.slice_prefix, request.window.between, request.slice_suffix, request.language)


def _fitting_part(
    baseline: Baseline, texts: list[str], stays: list[str], behind: tuple[str, ...], request: InfillRequest
) -> list[str]:
    """Cut the text that is at fault back before the faulty statement, until all fit; what stays if nothing of them does."""
    while texts != stays:
        faults = judge(baseline, texts).faults
        if not faults:
            break
        at = faults[0].hole
        if texts[at] == stays[at]:  # what stays does not fit: the others cannot mend it
            return stays
        before = "".join(piece + text for piece, text in zip(baseline.pieces, texts[:at], strict=False))
        end = _end_of_statement(before + baseline.pieces[at], texts[at], faults[0].start, request.language)
        texts[at] = trim(texts[at][:end], behind[at], request.holes[at]) or stays[at]
    return texts


def _end_of_statement(before: str, text: str, fault: int, language: str) -> int:
    """Give where the last whole statement of `text` before a fault ends: at a line end or semicolon; 0 where there is none."""
    flat = flatten(before + text[:fault], find_language(language)).text[len(before) :]
    return max(flat.rfind("\n"), flat.rfind(";"), 0)
