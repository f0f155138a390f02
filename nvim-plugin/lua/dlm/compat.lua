--- What differs between the versions of Neovim, from 0.7 on: the only file that asks which one it is.
local M = {}

local methods = vim.fn.has('nvim-0.11') == 1

--- Whether Neovim asks for and draws inline completions itself (0.12).
M.builtin = vim.lsp.inline_completion ~= nil
--- Whether `vim.lsp.enable` and folders named lsp/ exist (0.11).
M.enable = vim.lsp.config ~= nil and vim.lsp.enable ~= nil
--- Whether virtual text can push the rest of the line to the right (0.10).
M.inline_text = vim.fn.has('nvim-0.10') == 1
M.uv = vim.uv or vim.loop

---@return boolean sent, integer? id
function M.request(client, method, params, handler, buf)
  if methods then
    return client:request(method, params, handler, buf)
  end
  return client.request(method, params, handler, buf)
end

function M.notify(client, method, params)
  if methods then
    client:notify(method, params)
  else
    client.notify(method, params)
  end
end

function M.cancel(client, id)
  if methods then
    client:cancel_request(id)
  else
    client.cancel_request(id)
  end
end

function M.is_stopped(client)
  if methods then
    return client:is_stopped()
  end
  return client.is_stopped()
end

---@return table[] every running client
function M.clients()
  return (vim.lsp.get_clients or vim.lsp.get_active_clients)()
end

---@return string where the server's stderr goes
function M.log_path()
  return vim.lsp.log and vim.lsp.log.get_filename and vim.lsp.log.get_filename() or vim.lsp.get_log_path()
end

--- The column that the protocol counts, of a byte of a line.
---@param line string
---@param byte integer from 0
---@param encoding string
---@return integer
function M.column(line, byte, encoding)
  if encoding == 'utf-8' then
    return byte
  end
  if methods then
    return vim.str_utfindex(line, encoding, byte, false)
  end
  local utf32, utf16 = vim.str_utfindex(line, byte)
  return encoding == 'utf-32' and utf32 or utf16
end

--- The folder of a file that holds one of the names, or of a folder above it.
---@param buf integer
---@param names string[]
---@return string?
function M.root(buf, names)
  local folder = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buf), ':p:h')
  while folder ~= '' do
    for _, name in ipairs(names) do
      if M.uv.fs_stat(folder .. '/' .. name) then
        return folder
      end
    end
    local parent = vim.fn.fnamemodify(folder, ':h')
    if parent == folder then
      return nil
    end
    folder = parent
  end
end

return M
