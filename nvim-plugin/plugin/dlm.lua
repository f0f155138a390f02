--- The command, the mappings, and (Neovim 0.11 and newer) what is done when the server attaches. Loads nothing until it is needed.
if vim.g.loaded_dlm then
  return
end
vim.g.loaded_dlm = true
if vim.g.dlm_auto == nil then
  vim.g.dlm_auto = true
end

vim.api.nvim_create_user_command('Dlm', function(command)
  require('dlm.commands').run(command)
end, {
  nargs = '+',
  range = true,
  desc = 'Fill holes with dlm-lsp',
  complete = function(lead, line)
    return require('dlm.commands').complete(lead, line)
  end,
})

local function map(modes, name, right)
  vim.keymap.set(modes, ('<Plug>(dlm-%s)'):format(name), right)
end

map('i', 'accept', "<Cmd>lua require('dlm').accept()<CR>")
map('i', 'accept-word', "<Cmd>lua require('dlm').accept('word')<CR>")
map('i', 'accept-line', "<Cmd>lua require('dlm').accept('line')<CR>")
map('i', 'dismiss', "<Cmd>lua require('dlm').dismiss()<CR>")
for _, name in ipairs({ 'fill', 'next', 'prev', 'function', 'stubs', 'repair', 'watch', 'toggle' }) do
  map({ 'n', 'i' }, name, ('<Cmd>Dlm %s<CR>'):format(name))
end
map('n', 'regenerate', '<Cmd>Dlm regenerate<CR>')
map('x', 'regenerate', ':Dlm regenerate<CR>')

if vim.lsp.enable then
  vim.api.nvim_create_autocmd('LspAttach', {
    group = vim.api.nvim_create_augroup('dlm.attach', {}),
    callback = function(event)
      local client = vim.lsp.get_client_by_id(event.data.client_id)
      if client then
        require('dlm.attach').attach(client, event.buf)
      end
    end,
  })
end
