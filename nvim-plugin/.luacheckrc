std = 'luajit'
globals = { 'vim' }
max_line_length = 120
max_comment_line_length = 132
codes = true
files['lua/dlm/settings.lua'] = { max_comment_line_length = false }
