--- Tells the server what became of its items: shown, accepted, rejected. It counts them, in memory.
local compat = require('dlm.compat')

local M = {}

---@class dlm.Shown
---@field client table
---@field item dlm.Item

local last ---@type dlm.Shown?

local function tell(method, shown)
  if shown.item.answer and not compat.is_stopped(shown.client) then
    local params = { answer = shown.item.answer, item = shown.item.item }
    compat.notify(shown.client, 'dlm-lsp/' .. method, params)
  end
end

--- An item is on the screen. What was there before was rejected, unless this is what is left of it.
function M.shown(client, item)
  local continued = last and vim.endswith(last.item.text, item.text)
  if last and not continued then
    tell('rejected', last)
  end
  last = { client = client, item = item }
  if not continued then
    tell('shown', last)
  end
end

--- The item on the screen, or a part of it, was taken over.
function M.accepted()
  if last then
    tell('accepted', last)
  end
  last = nil
end

--- The item on the screen is gone, and was not taken over.
function M.left()
  if last then
    tell('rejected', last)
  end
  last = nil
end

return M
