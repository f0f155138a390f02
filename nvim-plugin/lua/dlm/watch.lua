--- A small window that shows the hole while the model fills it, step by step.
local M = {}

local TOKEN = 'dlm.watch'
local UNDECIDED = '░'
local WIDTH = 30 -- at first; it grows, and does not shrink from step to step

local buf, win ---@type integer?, integer?

--- Draw lines, making the window as high as they are.
local function draw(lines)
  vim.api.nvim_buf_set_lines(buf, 0, -1, false, lines)
  local width = WIDTH
  for _, line in ipairs(lines) do
    width = math.max(width, vim.fn.strdisplaywidth(line))
  end
  if not (win and vim.api.nvim_win_is_valid(win)) then
    win = vim.api.nvim_open_win(buf, false, {
      relative = 'editor',
      anchor = 'NE',
      row = 1,
      col = vim.o.columns - 1,
      width = 1,
      height = #lines,
      style = 'minimal',
      border = 'rounded',
      focusable = false,
    })
  end
  width = math.max(width, vim.api.nvim_win_get_width(win))
  vim.api.nvim_win_set_width(win, math.max(1, math.min(width, vim.o.columns - 4)))
  vim.api.nvim_win_set_height(win, math.max(1, math.min(#lines, vim.o.lines - 6)))
  vim.cmd('redraw')
end

---@return boolean
function M.is_open()
  return win ~= nil and vim.api.nvim_win_is_valid(win)
end

function M.open()
  buf = buf and vim.api.nvim_buf_is_valid(buf) and buf or vim.api.nvim_create_buf(false, true)
  draw({ 'waiting for the model' })
end

function M.close()
  if M.is_open() then
    vim.api.nvim_win_close(win, true)
  end
  win = nil
end

--- The token that a request to be watched carries, or nil.
---@return string?
function M.token()
  return M.is_open() and TOKEN or nil
end

--- Show a step, if it is one.
---@param params any of `$/progress`
---@return boolean whether it was one of ours
function M.step(params)
  if type(params) ~= 'table' or params.token ~= TOKEN then
    return false
  end
  local step = params.value
  if M.is_open() and type(step) == 'table' and type(step.pieces) == 'table' then
    local text = {}
    for _, hole in ipairs(step.pieces) do
      for _, piece in ipairs(hole) do
        text[#text + 1] = type(piece) == 'string' and piece or UNDECIDED
      end
    end
    local lines = vim.split(table.concat(text):gsub('\r\n?', '\n'), '\n', { plain = true })
    local back = step.revoked ~= 0 and (', %d taken back'):format(step.revoked) or ''
    table.insert(lines, 1, ('step %d, %s%s'):format(step.step, step.stage, back))
    draw(lines)
  end
  return true
end

return M
