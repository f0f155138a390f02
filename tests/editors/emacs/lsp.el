;;; lsp.el --- how lsp-mode is driven in batch -*- lexical-binding: t -*-

(load "lsp-mode-autoloads")

(setq lsp-auto-guess-root t
      lsp-auto-execute-action nil ; the menu also for one action
      lsp-response-timeout 90
      lsp-enable-file-watchers nil
      lsp-enable-suggest-server-download nil
      lsp-keep-workspace-alive t
      lsp-session-file (expand-file-name "lsp-session" (getenv "HOME")))

(defun driver-start ()
  "Have the server serve the current buffer."
  (lsp)
  (driver-wait (lambda ()
                 (seq-some (lambda (workspace) (eq (lsp--workspace-status workspace) 'initialized))
                           (lsp-workspaces)))))

(defun driver-act ()
  "Choose among the code actions at point, or of the region."
  (call-interactively #'lsp-execute-code-action))

(defun driver-stop ()
  "End the server."
  (mapc #'lsp-workspace-shutdown (lsp-workspaces)))
