--- What the server is doing, for a status line.
local compat = require('dlm.compat')
local server = require('dlm.server')

local M = {}

---@class dlm.Status see docs/protocol.md, dlm-lsp/status
---@field state 'loading'|'ready'|'busy'|'restarting'|'stopped'|'failed'|'off'
---@field message string
---@field model string
---@field device string?
---@field loadedPercent number? while the model is being loaded
---@field lastMs number?
---@field lastMessage string? why the last answer had nothing to show
---@field counts table<string, integer>

local last ---@type dlm.Status?
local told_by ---@type integer? the client's id

--- A server has told what it is doing.
---@param status dlm.Status
---@param client_id integer
function M.changed(status, client_id)
  if type(status) == 'table' and type(status.state) == 'string' then
    last, told_by = status, client_id
    vim.cmd('redrawstatus!')
  end
end

--- Ask the server what it is doing.
---@param client table
---@param on_status fun(status: dlm.Status)?
function M.ask(client, on_status)
  compat.request(client, 'dlm-lsp/status', vim.empty_dict(), function(_, status)
    M.changed(status, client.id)
    if on_status and last then
      on_status(last)
    end
  end, vim.api.nvim_get_current_buf())
end

--- A few words, such as "dlm nano 80 ms", "dlm loading 40 %", "dlm off"; nothing where no server serves the current buffer.
---@return string
function M.line()
  local client = server.client()
  if not client then
    return ''
  end
  if not last or told_by ~= client.id then
    return 'dlm …'
  end
  if last.state == 'ready' then
    local ms = type(last.lastMs) == 'number' and (' %d ms'):format(last.lastMs) or ''
    return 'dlm ' .. vim.fn.fnamemodify(tostring(last.model), ':t') .. ms
  end
  if last.state == 'loading' and type(last.loadedPercent) == 'number' and last.loadedPercent > 0 then
    return ('dlm loading %d %%'):format(last.loadedPercent)
  end
  return 'dlm ' .. last.state
end

return M
