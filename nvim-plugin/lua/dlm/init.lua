--- The plugin's functions for init.lua: what `:help dlm` names.
local compat = require('dlm.compat')
local offer = require('dlm.offer')
local server = require('dlm.server')

local M = {}

---@class dlm.Options
---@field cmd? string[] how the server is started; `{ 'dlm-lsp' }` on the PATH by default
---@field filetypes? string[] `{ 'python' }` by default
---@field auto? boolean whether answers come unasked while somebody types; true by default
---@field settings? dlm.Settings the server's

--- Start the server for Python files. Where there is `vim.lsp.enable`, this is `vim.lsp.config` and `vim.lsp.enable` in one.
---@param options? dlm.Options
function M.setup(options)
  options = options or {}
  if options.auto ~= nil then
    vim.g.dlm_auto = options.auto
  end
  local given = { cmd = options.cmd, filetypes = options.filetypes }
  if options.settings and next(options.settings) then
    given.settings = { [server.SECTION] = options.settings }
  end
  if compat.enable then
    vim.lsp.config(server.NAME, given)
    vim.lsp.enable(server.NAME)
    vim.api.nvim_create_autocmd('FileType', {
      group = vim.api.nvim_create_augroup('dlm.setup', {}),
      pattern = vim.lsp.config[server.NAME].filetypes,
      callback = function()
        server.is_here() -- Neovim itself says it in its log alone
      end,
    })
  else
    require('dlm.start').enable(given)
  end
end

--- Take over what is offered at the cursor.
---@param part? dlm.Part 'all' by default
---@return boolean whether anything was offered
function M.accept(part)
  local offered = offer.current() or require('dlm.builtin').take()
  return offered and offer.accept(part or 'all') or false
end

--- The same, or else the key does what it does without the plugin.
---@param key string such as '<Tab>'
---@param part? dlm.Part
function M.accept_or(key, part)
  if not M.accept(part) then
    vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(key, true, false, true), 'ni', false)
  end
end

--- Take what is offered off the screen.
function M.dismiss()
  require('dlm.ask').cancel()
  offer.drop()
  require('dlm.builtin').hide()
end

--- A few words for a status line.
---@return string
function M.statusline()
  return require('dlm.status').line()
end

return M
