--- What happens in a buffer that the server serves: when to ask, when to draw anew, when to give up.
local ask = require('dlm.ask')
local builtin = require('dlm.builtin')
local compat = require('dlm.compat')
local fate = require('dlm.fate')
local offer = require('dlm.offer')
local server = require('dlm.server')

local M = {}

local watched = {} ---@type table<integer, boolean> by the client's id

---@param client table
---@param buf integer
local function moved(client, buf)
  builtin.drop_stale()
  if offer.refit() or compat.builtin or not vim.g.dlm_auto then
    return
  end
  if compat.is_stopped(client) then
    return
  end
  ask.soon(client, buf)
end

--- Serve a buffer; called once for each, and again when the server was started anew.
---@param client table
---@param buf integer
function M.attach(client, buf)
  if client.name ~= server.NAME then
    return
  end
  require('dlm.synced').watch(buf)
  local group = vim.api.nvim_create_augroup('dlm.buffer.' .. buf, {})
  local function on(events, callback)
    vim.api.nvim_create_autocmd(events, { group = group, buffer = buf, callback = callback })
  end
  on({ 'InsertEnter', 'CursorMovedI', 'TextChangedI', 'TextChangedP' }, function()
    moved(client, buf)
  end)
  on({ 'InsertLeave', 'BufLeave' }, function()
    ask.cancel()
    offer.drop()
    fate.left()
  end)
  if compat.builtin then
    if not watched[client.id] then
      watched[client.id] = true
      builtin.watch(client)
    end
    if vim.g.dlm_auto then
      vim.lsp.inline_completion.enable(true, { bufnr = buf })
    end
  end
  require('dlm.status').ask(client)
end

return M
