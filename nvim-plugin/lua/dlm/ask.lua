--- Asks the server for answers at the cursor: unasked while somebody types (where Neovim does not do that itself), or now.
local compat = require('dlm.compat')
local item_of = require('dlm.item')
local offer = require('dlm.offer')
local place_of = require('dlm.place')
local server = require('dlm.server')
local synced = require('dlm.synced')

local M = {}

local AUTOMATIC = 2 -- the protocol's trigger kind
local PAUSE_MS = 75 -- as other editors wait after a key

local running ---@type { client: table, id: integer }?
local timer ---@type uv_timer_t?

local function stop_timer()
  if timer then
    timer:stop()
    timer:close()
    timer = nil
  end
end

--- Ask for nothing any more.
function M.cancel()
  stop_timer()
  if running and not compat.is_stopped(running.client) then
    compat.cancel(running.client, running.id)
  end
  running = nil
end

--- Ask about the cursor; the answer is passed on if nothing has changed until then.
---@param on_items fun(items: dlm.Item[], place: dlm.Place, result: any)
local function ask(client, method, more, on_items)
  M.cancel()
  local place = place_of.here()
  if not synced.is(place.buf) then
    return
  end
  local position = place_of.position(place, client.offset_encoding)
  local params = vim.tbl_extend('error', more, {
    textDocument = { uri = vim.uri_from_bufnr(place.buf) },
    position = position,
  })
  local mine = {}
  local sent, id = compat.request(client, method, params, function(err, result)
    if running ~= mine then
      return
    end
    running = nil
    if err then
      require('vim.lsp.log').error('dlm', err)
    elseif vim.api.nvim_get_mode().mode:sub(1, 1) == 'i' and place_of.is_untouched(place) then
      on_items(item_of.read(result, position), place, result)
    end
  end, place.buf)
  if sent and id then
    mine.client, mine.id = client, id
    running = mine
  end
end

local function automatic(client, buf)
  if vim.api.nvim_get_current_buf() ~= buf or vim.api.nvim_get_mode().mode ~= 'i' or vim.fn.reg_executing() ~= '' then
    return
  end
  ask(client, 'textDocument/inlineCompletion', { context = { triggerKind = AUTOMATIC } }, function(items, place)
    if #items > 0 then
      offer.show(client, place, items)
    end
  end)
end

--- Ask after a pause in the typing.
function M.soon(client, buf)
  M.cancel()
  timer = compat.uv.new_timer()
  timer:start(
    PAUSE_MS,
    0,
    vim.schedule_wrap(function()
      stop_timer()
      automatic(client, buf)
    end)
  )
end

--- Ask now, as a key was pressed for it, and offer the answer.
---@param more { settings: dlm.Settings?, watchToken: any, index: integer? }?
function M.now(more)
  local client = server.client_or_tell()
  if not client then
    return
  end
  more = more or {}
  local params = { settings = more.settings, watchToken = more.watchToken }
  ask(client, 'dlm-lsp/fill', params, function(items, place, result)
    if #items == 0 then
      server.tell(type(result) == 'table' and type(result.message) == 'string' and result.message or 'no answer')
      return
    end
    require('dlm.builtin').hide()
    offer.show(client, place, items, math.min(more.index or 1, #items))
  end)
end

return M
