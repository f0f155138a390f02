--- The language server: how it is found, what it is told when it starts, and which buffers it is attached to.
local compat = require('dlm.compat')

local M = {}

--- The client's name; `vim.lsp.config(NAME, …)` changes what is here.
M.NAME = 'dlm_lsp'
--- The section of the server's settings.
M.SECTION = 'dlm-lsp'

--- What the folder of a project holds.
M.ROOT_MARKERS = { 'pyproject.toml', 'setup.py', 'setup.cfg', 'requirements.txt', '.git' }

---@return table a `vim.lsp.Config`
function M.config()
  return {
    name = M.NAME,
    cmd = { 'dlm-lsp' },
    filetypes = { 'python' },
    capabilities = {
      textDocument = { inlineCompletion = { dynamicRegistration = false } },
      experimental = { dlmLsp = { didChangeStatus = true } },
    },
    handlers = {
      ['dlm-lsp/didChangeStatus'] = function(_, status, ctx)
        require('dlm.status').changed(status, ctx.client_id)
      end,
      ['$/progress'] = function(err, params, ctx, config)
        if not require('dlm.watch').step(params) then
          return vim.lsp.handlers['$/progress'](err, params, ctx, config)
        end
      end,
    },
    settings = { [M.SECTION] = vim.empty_dict() },
    before_init = function(params, config)
      params.initializationOptions = config.settings[M.SECTION] -- the model is not loaded twice
    end,
    root_markers = M.ROOT_MARKERS,
    reuse_client = function(client, config)
      return client.name == config.name and not compat.is_stopped(client) and M.add_folder(client, config.root_dir)
    end,
  }
end

--- How the server is started, as it is configured.
---@return string[]|function
function M.cmd()
  if compat.enable then
    return vim.lsp.config[M.NAME].cmd
  end
  return require('dlm.start').config.cmd
end

--- The command line of the server's program, for one of its other commands; nil where a function starts it.
---@return string[]?
function M.command_line(...)
  local cmd = M.cmd()
  if type(cmd) ~= 'table' then
    return nil
  end
  local program = { cmd[1] }
  if cmd[2] == '-m' then -- python -m dlm_lsp
    program = { cmd[1], cmd[2], cmd[3] }
  end
  return vim.list_extend(program, { ... })
end

local told = {}

--- Whether the server's program can be run; if not, the user is told so once.
---@return boolean
function M.is_here()
  local cmd = M.cmd()
  if type(cmd) ~= 'table' or vim.fn.executable(cmd[1]) == 1 then
    return true
  end
  if not told[cmd[1]] then
    told[cmd[1]] = true
    M.tell(('there is no %s: install dlm-lsp as its README says, or give its path as `cmd`'):format(cmd[1]))
  end
  return false
end

--- Let one server serve all projects: the model is in memory once.
---@return boolean always true
function M.add_folder(client, folder)
  local folders = client.workspace_folders or {}
  for _, known in ipairs(folders) do
    if known.name == folder then
      return true
    end
  end
  if folder and client.initialized then
    local new = { uri = vim.uri_from_fname(folder), name = folder }
    client.workspace_folders = vim.list_extend({ new }, folders)
    compat.notify(client, 'workspace/didChangeWorkspaceFolders', { event = { added = { new }, removed = {} } })
  end
  return true
end

---@return table? the client, whatever it serves
function M.any()
  for _, client in ipairs(compat.clients()) do
    if client.name == M.NAME and not compat.is_stopped(client) then
      return client
    end
  end
end

---@param buf integer? the current one if nil
---@return table? the client that serves a buffer
function M.client(buf)
  buf = buf or vim.api.nvim_get_current_buf()
  local client = M.any()
  return client and client.attached_buffers[buf] and client or nil
end

--- The client of the current buffer, for commands: the user is told if there is none.
function M.client_or_tell()
  local client = M.client()
  if not client then
    M.tell('no server is attached to this buffer; :checkhealth dlm says why')
  end
  return client
end

--- Say something to the user, in one line.
function M.tell(message, level)
  vim.notify('dlm: ' .. message, level or vim.log.levels.WARN)
end

return M
