--- Starts the server in Neovim 0.10 and older, which have no `vim.lsp.enable`.
local server = require('dlm.server')

local M = {}

local id ---@type integer?

local function attach(buf, config)
  if vim.bo[buf].buftype ~= '' or not server.is_here(config.cmd) then
    return
  end
  local folder = server.root(buf)
  local client = id and vim.lsp.get_client_by_id(id)
  if not client then
    config = vim.tbl_extend('force', config, {
      capabilities = vim.tbl_deep_extend('force', vim.lsp.protocol.make_client_capabilities(), config.capabilities),
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
---@param config table as `server.config` gives it
function M.enable(config)
  vim.api.nvim_create_autocmd('FileType', {
    group = vim.api.nvim_create_augroup('dlm.start', {}),
    pattern = config.filetypes,
    callback = function(event)
      attach(event.buf, config)
    end,
  })
  for _, buf in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buf) and vim.tbl_contains(config.filetypes, vim.bo[buf].filetype) then
      attach(buf, config)
    end
  end
end

return M
