"""The quality table as it is published: the bundled model with and without guidance and gate, beside the floors, on the same holes.

    python benchmarks/quality.py single-line.jsonl multi-line.jsonl random-span.jsonl …

In: files of holes in the form of HumanEval Infilling. Out: benchmarks/results/quality.json and .md, and the finished cases, from
which an interrupted run goes on. All work is done by `dlm-lsp bench quality`; this file only fixes its settings.
"""

import sys
from pathlib import Path

from dlm_lsp.cli import main

RESULTS = Path(__file__).parent / "results" / "quality.json"

if __name__ == "__main__":
    # One thread, one number format, and a deadline that hardly ever cuts: the quality of another machine should be the same.
    fixed = [
        "--dtype",
        "float32",
        "--threads",
        "1",
        "--deadline-ms",
        "60000",
        "--floors",
        "--variants",
        "unguided,guided,gated,resampled,resampled-gated",
        "--jobs",
        "2",
        "--out",
        str(RESULTS),
    ]
    sys.exit(main(["bench", "quality", *fixed, "--holes", *sys.argv[1:]]))
