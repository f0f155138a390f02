--- Where an answer belongs: a place in a buffer with what stood around it, so that what has changed since can be told.
local compat = require('dlm.compat')

local M = {}

---@class dlm.Place
---@field buf integer
---@field row integer from 0
---@field col integer bytes before it in its line
---@field before string the line up to it
---@field after string the line behind it
---@field lines integer how many the buffer had
---@field tick integer the buffer's changedtick

---@return integer row, integer col both from 0
local function cursor()
  local at = vim.api.nvim_win_get_cursor(0)
  return at[1] - 1, at[2]
end

---@return dlm.Place of the cursor
function M.here()
  local buf, row, col = vim.api.nvim_get_current_buf(), cursor()
  local line = vim.api.nvim_buf_get_lines(buf, row, row + 1, true)[1]
  return {
    buf = buf,
    row = row,
    col = col,
    before = line:sub(1, col),
    after = line:sub(col + 1),
    lines = vim.api.nvim_buf_line_count(buf),
    tick = vim.api.nvim_buf_get_changedtick(buf),
  }
end

--- What was typed at a place since, up to the cursor; nil where anything else has changed around it, or the cursor is elsewhere.
---@param place dlm.Place
---@return string?
function M.typed(place)
  if vim.api.nvim_get_current_buf() ~= place.buf then
    return nil
  end
  local row, col = cursor()
  if row < place.row or (row == place.row and col < place.col) then
    return nil
  end
  local lines = vim.api.nvim_buf_get_lines(place.buf, place.row, row + 1, false)
  local whole = #lines == row - place.row + 1 and lines[#lines]:sub(col + 1) == place.after
  local grown = vim.api.nvim_buf_line_count(place.buf) - place.lines == row - place.row
  if not whole or not grown or lines[1]:sub(1, place.col) ~= place.before then
    return nil
  end
  lines[#lines] = lines[#lines]:sub(1, col)
  lines[1] = lines[1]:sub(place.col + 1)
  return table.concat(lines, '\n')
end

--- Whether nothing has changed since, and the cursor is still there.
function M.is_untouched(place)
  return vim.api.nvim_buf_is_valid(place.buf)
    and vim.api.nvim_buf_get_changedtick(place.buf) == place.tick
    and M.typed(place) == ''
end

--- As the protocol writes it.
function M.position(place, encoding)
  return { line = place.row, character = compat.column(place.before .. place.after, place.col, encoding) }
end

return M
