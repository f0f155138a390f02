--- The answers that are offered at the cursor, our own ghost text, and taking them over: whole, by the word, by the line.
--- There is one cursor, so there is one offer at most.
local fate = require('dlm.fate')
local ghost = require('dlm.ghost')
local item_of = require('dlm.item')
local place_of = require('dlm.place')

local M = {}

---@class dlm.Offer
---@field client table
---@field place dlm.Place where the texts belong
---@field items dlm.Item[] at least one
---@field index integer of the one that is drawn
---@field taken boolean whether a part of it was taken over

local current ---@type dlm.Offer?

--- What is left of the drawn text, or nil if it does not fit (any more).
local function rest()
  local typed = current and place_of.typed(current.place)
  if not typed then
    return nil
  end
  local text = current.items[current.index].text
  return vim.startswith(text, typed) and #text > #typed and text:sub(#typed + 1) or nil
end

local function draw(hint)
  if vim.fn.pumvisible() == 1 then
    ghost.hide() -- two lists of suggestions at once help nobody
    return
  end
  ghost.draw(assert(rest(), 'an offer that is drawn fits'), hint)
end

---@return dlm.Offer?
function M.current()
  return current
end

--- Offer items at a place that nothing was typed at since.
---@param client table
---@param place dlm.Place
---@param items dlm.Item[]
---@param index integer?
function M.show(client, place, items, index)
  current = { client = client, place = place, items = items, index = index or 1, taken = false }
  if not rest() then
    M.drop()
    return
  end
  draw(#items > 1 and (' (%d/%d)'):format(current.index, #items) or nil)
  fate.shown(client, items[current.index])
end

--- Draw the offer anew after the cursor or the text has moved; give it up if it does not fit any more.
---@return boolean whether there is an offer
function M.refit()
  if not current then
    return false
  end
  if rest() then
    draw()
    return true
  end
  M.drop()
  return false
end

--- Give the offer up.
function M.drop()
  if current then
    if not current.taken then
      fate.left()
    end
    current = nil
    ghost.hide()
  end
end

--- Go to another item: `step` forward, or backward if negative.
function M.select(step)
  if current then
    local index = (current.index - 1 + step) % #current.items + 1
    M.show(current.client, current.place, current.items, index)
  end
end

--- Insert `text` at the cursor, as an undo step of its own, and put the cursor behind it.
local function insert(text)
  vim.cmd('let &g:undolevels = &g:undolevels') -- ends the undo step, as :help undo-break says
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  local lines = vim.split(text, '\n', { plain = true })
  vim.api.nvim_buf_set_text(0, row - 1, col, row - 1, col, lines)
  vim.api.nvim_win_set_cursor(0, { row + #lines - 1, (#lines == 1 and col or 0) + #lines[#lines] })
end

--- Take over a part of the drawn text.
---@param part dlm.Part
---@return boolean whether there was anything to take
function M.accept(part)
  local text = rest()
  if not text then
    M.drop()
    return false
  end
  if not current.taken then
    current.taken = true
    fate.accepted()
  end
  insert(item_of.part(text, part))
  M.refit()
  return true
end

return M
