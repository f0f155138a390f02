"""Python's own parser as a judge, asked from several threads."""

import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

from dlm_lsp.syntax.strict import check_python


def test_threads_leave_the_filters_of_warnings_as_they_were() -> None:
    """Fails if one thread puts back what another one has changed: from then on the process would say nothing of any warning."""
    before, interval = list(warnings.filters), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            complaints = list(threads.map(check_python, [f"x = '\\d{number}'\n" * 5 for number in range(2000)]))
    finally:
        sys.setswitchinterval(interval)
    assert [None] * 2000 == complaints
    assert before == list(warnings.filters)
