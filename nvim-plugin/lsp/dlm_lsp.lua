--- Read by `vim.lsp.enable('dlm_lsp')` (Neovim 0.11 and newer).
---@type vim.lsp.Config
return require('dlm.server').config()
