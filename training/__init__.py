"""Everything that makes the bundled model: corpus, tokenizer, masking, training, evaluation, export.

Imports dlm_lsp, is never imported by it. Read in this order: corpus, tokenizer, bpe, stream, corrupt, train, evaluate, export.
"""

from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE / "data"
"""What corpus, tokenizer and stream write unless they are told another place."""
