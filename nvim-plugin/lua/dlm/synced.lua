--- Whether Neovim still sends a buffer's changes to the server. It may stop for good when the buffer changes after a server has
--- died (0.12 not always); the next server knows the old text alone, and what it answers does not belong to what is on the screen.
local server = require('dlm.server')

local M = {}

--- The changedtick of the last change, by buffer; false where there was none since a server was told the whole text.
local changed = {} ---@type table<integer, integer|false>
local told = {} ---@type table<integer, boolean>

--- Note the changes of a buffer from now on.
function M.watch(buf)
  local was_watched = changed[buf] ~= nil
  changed[buf] = false
  if was_watched then
    return
  end
  vim.api.nvim_buf_attach(buf, false, {
    on_lines = function(_, _, tick)
      changed[buf] = tick
    end,
    on_reload = function()
      changed[buf] = false
    end,
    on_detach = function()
      changed[buf], told[buf] = nil, nil
    end,
  })
end

--- Whether the server knows the last change; if not, the user is told so once.
---@return boolean
function M.is(buf)
  if not changed[buf] or vim.lsp.util.buf_versions[buf] == changed[buf] then
    return true
  end
  if not told[buf] then
    told[buf] = true
    server.tell('Neovim does not tell the server of changes here any more; :bwipeout this buffer, and open it again')
  end
  return false
end

return M
