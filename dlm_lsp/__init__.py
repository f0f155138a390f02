"""dlm-lsp: a language server that fills holes in code with a masked-diffusion language model."""

__version__ = "0.1.0"
