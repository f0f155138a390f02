--- `:checkhealth dlm`: what works, what does not, and what to do.
local compat = require('dlm.compat')
local server = require('dlm.server')

local M = {}

local health = vim.health or require('health')
local start = health.start or health.report_start
local ok = health.ok or health.report_ok
local info = health.info or health.report_info
local warn = health.warn or health.report_warn
local bad = health.error or health.report_error

local function check_editor()
  start('dlm: Neovim')
  local version = vim.version()
  local number = ('%d.%d.%d'):format(version.major, version.minor, version.patch)
  ok(number .. (compat.builtin and ': its own inline completion is used' or ': the plugin draws the ghost text'))
  if vim.fn.hasmapto('<Plug>(dlm-accept', 'i') == 1 then
    ok('a key accepts what is offered')
  else
    info('no key is mapped to <Plug>(dlm-accept); one that calls accept_or() is not seen from here (:help dlm-keys)')
  end
end

local VERSION_MS = 20000

--- Run a program; what it says, and whether it ended well.
---@param command string[]
---@return string[] lines, boolean
local function run(command)
  local lines = {}
  local function append(_, said)
    vim.list_extend(
      lines,
      vim.tbl_filter(function(line)
        return line ~= ''
      end, said)
    )
  end
  local job = vim.fn.jobstart(command, {
    on_stdout = append,
    on_stderr = append,
    stdout_buffered = true,
    stderr_buffered = true,
  })
  local status = vim.fn.jobwait({ job }, VERSION_MS)[1]
  if status == -1 then
    vim.fn.jobstop(job)
    lines = { 'no answer within 20 seconds' }
  end
  return lines, status == 0
end

---@return boolean whether it is worth asking what the server does
local function check_program()
  start('dlm: server')
  if vim.lsp.is_enabled and not vim.lsp.is_enabled(server.NAME) then
    warn('the server is not enabled', { "call require('dlm').setup() in init.lua" })
  end
  local cmd = server.cmd()
  if type(cmd) ~= 'table' then
    info('the server is started by a function')
    return true
  end
  if vim.fn.executable(cmd[1]) ~= 1 then
    local advice = "or give its path: require('dlm').setup({ cmd = { … } })"
    bad('there is no ' .. cmd[1], { 'install dlm-lsp as its README says', advice })
    return false
  end
  local command = server.command_line('--version')
  local lines, ended_well = run(command)
  local version = ended_well and (lines[1] or ''):match('^dlm%-lsp (%S+)$')
  if version then
    ok(('%s (%s), version %s'):format(table.concat(cmd, ' '), vim.fn.exepath(cmd[1]), version))
  else
    local advice = { 'install dlm-lsp as its README says, with the Python that is run here', ':Dlm doctor' }
    bad(('`%s` says: %s'):format(table.concat(command, ' '), lines[#lines] or 'nothing'), advice)
  end
  return version ~= nil or server.any() ~= nil
end

local function check_running()
  local client = server.any()
  if not client then
    info('no server runs: open a Python file; if one was open, :Dlm log says why it has ended')
    return
  end
  local answer
  compat.request(client, 'dlm-lsp/status', vim.empty_dict(), function(_, status)
    answer = status or {}
  end, 0)
  vim.wait(2000, function()
    return answer ~= nil
  end)
  if not answer then
    bad('the server has not answered for two seconds', { ':Dlm log says what it is doing' })
  elseif answer.state == 'failed' then
    bad(answer.message, { ':Dlm doctor' })
  elseif answer.state == 'off' then
    warn(answer.message, { ':Dlm toggle' })
  elseif answer.message then
    ok(answer.message)
    local counts = answer.counts or {}
    info(
      ('%d asked, %d answered, %d shown, %d accepted, %d rejected'):format(
        counts.asked or 0,
        counts.answered or 0,
        counts.shown or 0,
        counts.accepted or 0,
        counts.rejected or 0
      )
    )
  else
    bad('the server does not say what it is doing', { ':Dlm log' })
  end
  info('log: ' .. compat.log_path())
end

function M.check()
  check_editor()
  if check_program() then
    check_running()
  end
end

return M
