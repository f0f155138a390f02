;;; eglot.el --- how eglot is driven in batch -*- lexical-binding: t -*-

(setq jsonrpc-default-request-timeout 90
      eglot-sync-connect 90)

(defun driver-start ()
  "Have the server serve the current buffer."
  (unless (eglot-current-server) ; one that runs takes the project's other files along
    (apply #'eglot (eglot--guess-contact)))
  (driver-wait #'eglot-current-server))

(defun driver-act ()
  "Choose among the code actions at point, or of the region."
  (eglot--signal-textDocument/didChange)
  (call-interactively #'eglot-code-actions))

(defun driver-stop ()
  "End the server."
  (eglot-shutdown-all))
