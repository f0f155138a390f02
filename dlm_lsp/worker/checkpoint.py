"""What `dlm-lsp models` does with weights, in a process of its own: the terminal's process never loads torch.

    python -m dlm_lsp.worker.checkpoint check nano

In: argv. Out: text for people on stdout, and an exit status: 0 it is well, 1 it is not, 2 it cannot be done.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dlm_lsp.errors import DlmError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one action and give its exit status."""
    try:
        return _run(_parser().parse_args(argv))
    except DlmError as error:
        print(f"dlm-lsp: {error.sentence}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dlm_lsp.worker.checkpoint", description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    actions = parser.add_subparsers(dest="action", required=True)
    check = actions.add_parser("check")
    check.add_argument("model")
    check.add_argument("--json", action="store_true")
    export = actions.add_parser("export")
    export.add_argument("model")
    export.add_argument("out", type=Path)
    calibrate = actions.add_parser("calibrate")
    calibrate.add_argument("model")
    calibrate.add_argument("sources", type=Path, nargs="*")
    calibrate.add_argument("--spans", type=int, required=True)
    return parser


def _run(options: argparse.Namespace) -> int:
    where = {"device": options.device, "dtype": options.dtype, "threads": options.threads}
    if options.action == "check":
        from dlm_lsp.findings import report
        from dlm_lsp.models.check import check

        return report(check(options.model, **where), as_json=options.json)
    if options.action == "export":
        from dlm_lsp.models.widen import widen

        dtype = "bfloat16" if options.dtype == "auto" else options.dtype
        size_bytes = widen(options.model, options.out, dtype)
        print(f"{options.out}: {size_bytes / 1e6:.1f} MB of weights in {dtype}")
        return 0
    from dlm_lsp.models.loading import load
    from dlm_lsp.worker.calibrate import calibrate

    return calibrate(options.model, load(options.model, **where), options.sources, spans=options.spans)


if __name__ == "__main__":
    sys.exit(main())
