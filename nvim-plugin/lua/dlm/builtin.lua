--- Neovim's own inline completion (0.12): it asks and draws; what it gets to see, and what it inserts, goes through here.
---
--- `vim.lsp.inline_completion` leaves old text on the screen when the answer is null, draws whatever range it is given, inserts
--- the whole text where it began even if a part of it was typed meanwhile, and nothing if another key comes at once. So answers
--- are read as for our own ghost text, and taking them over is left to `dlm.offer`.
local compat = require('dlm.compat')
local fate = require('dlm.fate')
local item_of = require('dlm.item')
local offer = require('dlm.offer')
local place_of = require('dlm.place')
local synced = require('dlm.synced')

local M = {}

local METHOD = 'textDocument/inlineCompletion'

local drawn ---@type { client: table, place: dlm.Place, items: dlm.Item[], forget: fun() }?

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
    if not synced.is(place.buf) then
      return true
    end
    return request(self, method, params, function(err, result, ctx)
      if err then
        return handler(err, result, ctx)
      end
      if offer.current() or not place_of.is_untouched(place) then
        return
      end
      local position = place_of.position(place, client.offset_encoding)
      local items = item_of.read(result, position)
      local function forget()
        handler(nil, item_of.write({}, position), ctx)
      end
      drawn = #items > 0 and { client = client, place = place, items = items, forget = forget } or nil
      handler(nil, item_of.write(items, position), ctx)
      if drawn and vim.api.nvim_get_mode().mode:sub(1, 1) == 'i' then
        fate.shown(client, items[1])
      end
    end, buf)
  end
end

--- The text that Neovim draws, or nil.
local function text_on_screen(buf)
  local space = vim.api.nvim_get_namespaces()['nvim.lsp.inline_completion']
  local mark = space and vim.api.nvim_buf_get_extmarks(buf, space, 0, -1, { details = true })[1]
  if not mark then
    return nil
  end
  local lines = { mark[4].virt_text[1][1] } -- behind it there may be the number of the answer
  for _, line in ipairs(mark[4].virt_lines or {}) do
    lines[#lines + 1] = line[1][1]
  end
  return table.concat(lines, '\n')
end

--- Which of our items that is; nil also where the text does not go on with what was typed.
local function index_on_screen()
  local typed = drawn and place_of.typed(drawn.place)
  local text = typed and text_on_screen(drawn.place.buf)
  for index, item in ipairs(text and drawn.items or {}) do
    -- Of what was typed last Neovim may know nothing yet, and it leaves out what the line behind the cursor begins with.
    if vim.startswith(item.text, typed) and #item.text > #typed and vim.endswith(item.text, text) then
      return index
    end
  end
end

--- Make what Neovim draws an offer of our own.
---@return boolean whether there was anything of ours
function M.take()
  local index = compat.builtin and index_on_screen()
  if not index then
    return false
  end
  local was = drawn
  M.hide()
  offer.show(was.client, was.place, was.items, index)
  return true
end

--- Take an answer off the screen that does not go on with what was typed. Neovim would draw it over the next letters until
--- another came.
function M.drop_stale()
  if drawn and not index_on_screen() then
    local was = drawn
    drawn = nil
    was.forget()
  end
end

--- Let Neovim draw nothing.
function M.hide()
  local was = drawn
  drawn = nil
  if was and vim.api.nvim_buf_is_valid(was.place.buf) then
    local space = vim.api.nvim_get_namespaces()['nvim.lsp.inline_completion']
    vim.api.nvim_buf_clear_namespace(was.place.buf, space, 0, -1)
    vim.lsp.inline_completion.get({ on_accept = function() end }) -- gives its item up, but only when the keys have come
  end
end

return M
