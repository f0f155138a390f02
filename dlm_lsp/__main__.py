"""`python -m dlm_lsp` is `dlm-lsp`."""

import sys

from dlm_lsp.cli import main

if __name__ == "__main__":
    sys.exit(main())
