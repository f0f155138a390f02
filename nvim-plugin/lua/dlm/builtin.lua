--- Neovim's own inline completion (0.12): it asks and draws; what it gets to see, and what it inserts, goes through here.
---
--- `vim.lsp.inline_completion` leaves old text on the screen when the answer is null, draws whatever range it is given, and
--- inserts the whole text where it began even if a part of it was typed meanwhile. So answers are read as for our own ghost text,
--- and taking them over is left to `dlm.offer`.
local compat = require('dlm.compat')
local fate = require('dlm.fate')
local item_of = require('dlm.item')
local offer = require('dlm.offer')
local place_of = require('dlm.place')

local M = {}

local METHOD = 'textDocument/inlineCompletion'

local drawn ---@type { client: table, place: dlm.Place, items: dlm.Item[] }?

--- Let all answers for Neovim's inline completion pass through here.
function M.watch(client)
  local request = client.request
  client.request = function(self, method, params, handler, buf)
    if method ~= METHOD or not handler then
      return request(self, method, params, handler, buf)
    end
    if offer.current() then
      return true -- nothing is asked beside our own offer
    end
    local place = place_of.here()
    return request(self, method, params, function(err, result, ctx)
      if err then
        return handler(err, result, ctx)
      end
      if offer.current() or not place_of.is_untouched(place) then
        return
      end
      local position = place_of.position(place, client.offset_encoding)
      local items = item_of.read(result, position)
      drawn = #items > 0 and { client = client, place = place, items = items } or nil
      handler(nil, item_of.write(items, position), ctx)
      if drawn and vim.api.nvim_get_mode().mode:sub(1, 1) == 'i' then
        fate.shown(client, items[1])
      end
    end, buf)
  end
end

--- Whether what Neovim draws goes on with what was typed since: it draws it a while longer all the same.
local function fits()
  local typed = drawn and place_of.typed(drawn.place)
  for _, item in ipairs(typed and drawn.items or {}) do
    if vim.startswith(item.text, typed) and #item.text > #typed then
      return true
    end
  end
  return false
end

--- Take what Neovim draws into an offer of our own, and go on with that.
---@param go_on fun()
---@return boolean whether anything is drawn
function M.take(go_on)
  if not compat.builtin or not fits() then
    return false
  end
  return vim.lsp.inline_completion.get({
    on_accept = function(item)
      local was = drawn
      drawn = nil
      for index, ours in ipairs(was and was.items or {}) do
        if ours.text == item.insert_text then
          offer.show(was.client, was.place, was.items, index)
          go_on()
          return
        end
      end
      return item -- another server's
    end,
  })
end

--- Let Neovim draw nothing.
function M.hide()
  drawn = nil
  if compat.builtin then
    vim.lsp.inline_completion.get({ on_accept = function() end })
  end
end

return M
