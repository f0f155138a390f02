--- Draws a text at the cursor that is not in the buffer. Knows nothing of where it comes from.
local compat = require('dlm.compat')

local M = {}

M.namespace = vim.api.nvim_create_namespace('dlm.ghost')

local drawn ---@type integer? the buffer

local function set_highlights()
  local group = vim.fn.hlexists('ComplHint') == 1 and 'ComplHint' or 'Comment'
  vim.api.nvim_set_hl(0, 'DlmGhost', { default = true, link = group })
  vim.api.nvim_set_hl(0, 'DlmHint', { default = true, link = 'MoreMsg' })
end

set_highlights()
vim.api.nvim_create_autocmd('ColorScheme', {
  group = vim.api.nvim_create_augroup('dlm.ghost', {}),
  callback = set_highlights,
})

function M.hide()
  if drawn and vim.api.nvim_buf_is_valid(drawn) then
    vim.api.nvim_buf_clear_namespace(drawn, M.namespace, 0, -1)
  end
  drawn = nil
end

--- Draw `text` at the cursor of the current window, in place of what was drawn before.
---@param text string
---@param hint string? drawn behind it
function M.draw(text, hint)
  M.hide()
  local buf = vim.api.nvim_get_current_buf()
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  local tab = (' '):rep(vim.bo[buf].tabstop)
  local lines = vim.tbl_map(function(line)
    return { { (line:gsub('\t', tab)), 'DlmGhost' } }
  end, vim.split(text, '\n', { plain = true }))
  if hint then
    table.insert(lines[#lines], { hint, 'DlmHint' })
  end
  local first = table.remove(lines, 1)
  if not compat.inline_text then
    -- The text is laid over the line: what stands behind the cursor is drawn again behind it.
    local rest = vim.api.nvim_get_current_line():sub(col + 1)
    if rest ~= '' then
      table.insert(first, { (rest:gsub('\t', tab)), 'Normal' })
    end
  end
  vim.api.nvim_buf_set_extmark(buf, M.namespace, row - 1, col, {
    virt_text = first,
    virt_text_pos = compat.inline_text and 'inline' or 'overlay',
    virt_lines = #lines > 0 and lines or nil,
    hl_mode = 'combine',
  })
  drawn = buf
end

return M
