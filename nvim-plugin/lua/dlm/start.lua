--- Starts the server in Neovim 0.10 and older, which have no `vim.lsp.enable`.
local compat = require('dlm.compat')
local server = require('dlm.server')

local M = {}

M.config = server.config()

local id ---@type integer?

local function attach(buf)
  if vim.bo[buf].buftype ~= '' or not server.is_here() then
    return
  end
  local folder = compat.root(buf, server.ROOT_MARKERS)
  local client = id and vim.lsp.get_client_by_id(id)
  if not client then
    local capabilities = vim.lsp.protocol.make_client_capabilities()
    local config = vim.tbl_extend('force', M.config, {
      capabilities = vim.tbl_deep_extend('force', capabilities, M.config.capabilities),
      on_attach = function(started, its_buf)
        require('dlm.attach').attach(started, its_buf)
      end,
      on_exit = function()
        id = nil
      end,
    })
    config.root_dir = folder
    id = vim.lsp.start_client(config)
  else
    server.add_folder(client, folder)
  end
  if id then
    vim.lsp.buf_attach_client(buf, id)
  end
end

--- Attach to buffers of the configured file types from now on, and to those that are open.
---@param given table laid over what `server.config` gives
function M.enable(given)
  M.config = vim.tbl_deep_extend('force', M.config, given)
  vim.api.nvim_create_autocmd('FileType', {
    group = vim.api.nvim_create_augroup('dlm.start', {}),
    pattern = M.config.filetypes,
    callback = function(event)
      attach(event.buf)
    end,
  })
  for _, buf in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buf) and vim.tbl_contains(M.config.filetypes, vim.bo[buf].filetype) then
      attach(buf)
    end
  end
end

return M
