"""The commands of `dlm-lsp`, one file each; `cli` reads the command line and calls them."""
