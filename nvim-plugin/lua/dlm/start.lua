--- Starts the server in Neovim 0.10 and older, which have no `vim.lsp.enable`.
local compat = require('dlm.compat')
local server = require('dlm.server')

local M = {}

M.config = server.config()

local id ---@type integer?
local died = false
local attached_anew = {} ---@type table<integer, integer> the client's id by buffer

--- Neovim stops watching a buffer that changes while no server serves it, and attaching another one does not mend that; attaching
--- the buffer for the first time does.
local function attach_anew(buf)
  if attached_anew[buf] ~= id and vim.api.nvim_buf_is_valid(buf) then
    attached_anew[buf] = id
    vim.lsp.buf_detach_client(buf, id)
    vim.lsp.buf_attach_client(buf, id)
  end
end

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
        if died then
          vim.schedule(function()
            attach_anew(its_buf)
          end)
        end
      end,
      on_exit = function()
        id, died = nil, true
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
