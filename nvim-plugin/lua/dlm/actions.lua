--- What rewrites text that is there: the server's commands, which answer with an edit.
local compat = require('dlm.compat')
local server = require('dlm.server')

local M = {}

--- The range of whole lines, from 1; or of the last selection, if it has just these lines and was made by characters.
local function range(first, last, encoding)
  local lines = vim.api.nvim_buf_get_lines(0, first - 1, last, true)
  local start, stop = 0, #lines[#lines]
  local from, to = vim.fn.getpos("'<"), vim.fn.getpos("'>")
  if vim.fn.visualmode() == 'v' and from[2] == first and to[2] == last then
    start = from[3] - 1
    local last_char = vim.fn.strpart(lines[#lines], to[3] - 1, 1, 1)
    stop = math.min(to[3] - 1 + #last_char, stop)
  end
  return {
    start = { line = first - 1, character = compat.column(lines[1], start, encoding) },
    ['end'] = { line = last - 1, character = compat.column(lines[#lines], stop, encoding) },
  }
end

--- Run one of the server's commands.
---@param name 'fillFunction'|'fillStubs'|'regenerate'|'repair'
---@param lines { first: integer, last: integer }? the cursor if nil
function M.run(name, lines)
  local client = server.client_or_tell()
  if not client then
    return
  end
  local place = require('dlm.place').here()
  if not require('dlm.synced').is(place.buf) then
    return
  end
  local at = require('dlm.place').position(place, client.offset_encoding)
  local params = {
    command = server.SECTION .. '.' .. name,
    arguments = {
      {
        uri = vim.uri_from_bufnr(place.buf),
        range = lines and range(lines.first, lines.last, client.offset_encoding) or { start = at, ['end'] = at },
      },
    },
  }
  require('dlm.ask').cancel()
  require('dlm.offer').drop()
  compat.request(client, 'workspace/executeCommand', params, function(err)
    if err then
      server.tell(tostring(err.message or err), vim.log.levels.ERROR)
    end
  end, place.buf)
end

return M
