--- What a server offers, read with care: whatever is not plainly an insertion at the place that was asked about is left out.
local M = {}

---@class dlm.Item
---@field text string lines end with \n
---@field answer integer? with `item`, what the server calls it
---@field item integer?

local function is_at(position, place)
  return type(position) == 'table' and position.line == place.line and position.character == place.character
end

---@param value any one item of an answer
---@param position table where the answer belongs, as the protocol writes it
---@return dlm.Item?
local function read(value, position)
  if type(value) ~= 'table' or type(value.insertText) ~= 'string' then
    return nil
  end
  local range = value.range
  if range ~= nil and range ~= vim.NIL then
    if type(range) ~= 'table' or not is_at(range.start, position) or not is_at(range['end'], position) then
      return nil
    end
  end
  local text = value.insertText:gsub('\r\n?', '\n')
  if text == '' or text:find('%z') then
    return nil
  end
  local arguments = type(value.command) == 'table' and value.command.arguments
  local named = type(arguments) == 'table' and type(arguments[1]) == 'number' and type(arguments[2]) == 'number'
  return { text = text, answer = named and arguments[1] or nil, item = named and arguments[2] or nil }
end

--- The items of an answer, of whatever kind it is.
---@param result any
---@param position table
---@return dlm.Item[]
function M.read(result, position)
  local values = type(result) == 'table' and (result.items or result) or {}
  local items = {}
  for _, value in ipairs(type(values) == 'table' and values or {}) do
    items[#items + 1] = read(value, position)
  end
  return items
end

--- The same as a server's answer, for whoever expects one.
---@param items dlm.Item[]
---@param position table
function M.write(items, position)
  return {
    items = vim.tbl_map(function(item)
      return { insertText = item.text, range = { start = position, ['end'] = position } }
    end, items),
  }
end

---@alias dlm.Part 'all'|'word'|'line'

--- The part of a text that is accepted at once. A word takes the blanks before it along, a line the line end before it.
---@param text string
---@param part dlm.Part
function M.part(text, part)
  if part == 'word' then
    return text:match('^%s*[%w_\128-\255]+') or text:match('^%s*[^%w%s_\128-\255]+') or text
  elseif part == 'line' then
    return text:match('^\n*[^\n]*')
  end
  return text
end

return M
