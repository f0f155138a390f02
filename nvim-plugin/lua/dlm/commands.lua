--- `:Dlm`: one command, whose first word says what is done.
local compat = require('dlm.compat')
local server = require('dlm.server')

local M = {}

--- Insert mode at the cursor, behind the line's last character if that is where the cursor is; then `go_on`.
local function in_insert_mode(go_on)
  if vim.api.nvim_get_mode().mode:sub(1, 1) == 'i' then
    go_on()
    return
  end
  vim.cmd(vim.fn.col('.') >= vim.fn.col('$') - 1 and 'startinsert!' or 'startinsert')
  vim.schedule(go_on)
end

local function fill(more)
  in_insert_mode(function()
    local watch = require('dlm.watch')
    require('dlm.ask').now(vim.tbl_extend('force', { watchToken = watch.token() }, more or {}))
  end)
end

--- How many answers are asked for when somebody wants another one.
local SEVERAL = 3

local function select(step)
  local offer = require('dlm.offer')
  local offered = offer.current() or require('dlm.builtin').take()
  local current = offer.current()
  if current and #current.items > 1 then
    offer.select(step)
  else
    fill({ settings = { candidates = SEVERAL }, index = offered and (step > 0 and 2 or SEVERAL) or 1 })
  end
end

---@type table<string, fun(argument: string, lines: table?)>
local RUN = {}

function RUN.fill()
  fill()
end

RUN['function'] = function()
  require('dlm.actions').run('fillFunction')
end

function RUN.stubs()
  require('dlm.actions').run('fillStubs')
end

function RUN.regenerate(_, lines)
  local row = vim.api.nvim_win_get_cursor(0)[1]
  require('dlm.actions').run('regenerate', lines or { first = row, last = row })
end

function RUN.repair(_, lines)
  require('dlm.actions').run('repair', lines)
end

function RUN.next()
  select(1)
end

function RUN.prev()
  select(-1)
end

--- Off is off: the server does not call the model, and frees its memory.
function RUN.toggle()
  local client = server.client_or_tell()
  if not client then
    return
  end
  local settings = client.config.settings[server.SECTION]
  local on = settings.enabled == false
  settings = vim.tbl_extend('force', settings, { enabled = on })
  client.config.settings[server.SECTION] = settings
  if client.settings then
    client.settings[server.SECTION] = settings
  end
  require('dlm.ask').cancel()
  require('dlm.offer').drop()
  require('dlm.builtin').hide()
  compat.notify(client, 'workspace/didChangeConfiguration', { settings = { [server.SECTION] = settings } })
  server.tell(on and 'on' or 'off', vim.log.levels.INFO)
end

function RUN.watch()
  local watch = require('dlm.watch')
  if watch.is_open() then
    watch.close()
  elseif server.client_or_tell() then
    watch.open()
    fill()
  end
end

function RUN.doctor()
  local command = server.command_line('doctor')
  if not command or vim.fn.executable(command[1]) ~= 1 then
    server.tell('there is no program to ask; :checkhealth dlm says why')
    return
  end
  local client = server.any()
  local settings = client and client.config.settings[server.SECTION] or {}
  for _, name in ipairs({ 'model', 'device', 'dtype' }) do -- what the server was told, and not the defaults
    if settings[name] then
      vim.list_extend(command, { '--' .. name, tostring(settings[name]) })
    end
  end
  vim.cmd('new')
  local buf = vim.api.nvim_get_current_buf()
  vim.bo[buf].buftype, vim.bo[buf].bufhidden, vim.bo[buf].swapfile = 'nofile', 'wipe', false
  vim.api.nvim_buf_set_lines(buf, 0, -1, false, { table.concat(command, ' ') .. ' …' })
  local function append(_, lines)
    if vim.api.nvim_buf_is_valid(buf) then
      vim.api.nvim_buf_set_lines(buf, -1, -1, false, lines)
    end
  end
  vim.fn.jobstart(command, { on_stdout = append, on_stderr = append, stdout_buffered = true, stderr_buffered = true })
end

function RUN.log()
  local path = compat.log_path()
  vim.cmd('split ' .. vim.fn.fnameescape(path))
  vim.cmd('normal! G')
end

function RUN.model(name)
  local client = server.client_or_tell()
  if not client then
    return
  end
  if name == '' then
    require('dlm.status').ask(client, function(status)
      server.tell(status.message, vim.log.levels.INFO)
    end)
    return
  end
  compat.request(client, 'dlm-lsp/switchModel', { model = name }, function(err, result)
    if err or not result or not result.loaded then
      server.tell(err and err.message or result and result.message or 'no answer', vim.log.levels.ERROR)
    else
      server.tell('the model is ' .. name, vim.log.levels.INFO)
    end
  end, vim.api.nvim_get_current_buf())
end

local NAMES = vim.tbl_keys(RUN)
table.sort(NAMES)

---@return string[] the models on this machine
local function models()
  local command = server.is_here() and server.command_line('models', 'list')
  local rows = command and vim.fn.systemlist(command) or {}
  return vim.tbl_map(function(row)
    return row:match('^%S+')
  end, vim.list_slice(rows, 2))
end

--- Complete the words of `:Dlm`.
function M.complete(lead, line)
  local words = vim.split(line:gsub('^.*Dlm%s+', ''), '%s+')
  local choices = #words < 2 and NAMES or words[1] == 'model' and models() or {}
  return vim.tbl_filter(function(choice)
    return vim.startswith(choice, lead)
  end, choices)
end

--- Run what `:Dlm` is followed by.
---@param command table as `nvim_create_user_command` gives it
function M.run(command)
  local name, argument = command.args:match('^(%S*)%s*(.-)%s*$')
  local run = RUN[name]
  if not run then
    server.tell(('there is no :Dlm %s; there are %s'):format(name, table.concat(NAMES, ', ')))
    return
  end
  run(argument, command.range > 0 and { first = command.line1, last = command.line2 } or nil)
end

return M
