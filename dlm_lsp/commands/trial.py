"""What a benchmark finds out about one completion: does it parse in place, does its test pass, is it what stood there.

In: a case and a completion. Out: `Judged`. A case without a test passes nothing.
"""

from dataclasses import dataclass

from dlm_lsp.commands.cases import Case
from dlm_lsp.commands.sandbox import Trial, run_untrusted
from dlm_lsp.syntax.strict import check_python

Trials = dict[tuple[str, str], Trial]
"""By hole and completion: what was run already."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is true of a completion."""

    parses: bool = False
    passed: bool = False
    exact: bool = False
    reason: str = ""
    """How the test ended, or why none was run."""


def judge(case: Case, completion: str, trials: Trials) -> Judged:
    """Parse in place; what parses runs with its test, once for all ways to come to the same completion."""
    exact = completion == case.canonical
    if check_python(case.prefix + completion + case.suffix) is not None:
        return Judged(exact=exact, reason="does not parse")
    if not case.test:
        return Judged(parses=True, exact=exact, reason="there is no test")
    key = (case.task_id, completion)
    if key not in trials:
        trials[key] = run_untrusted(case.program(completion))
    return Judged(parses=True, passed=trials[key].passed, exact=exact, reason=trials[key].reason)
