"""Everything that makes the bundled model: corpus, tokenizer, masking, training, evaluation, export.

Imports dlm_lsp, is never imported by it. Read in this order: corpus, tokenizer, stream, corrupt, train, evaluate, export.
"""
