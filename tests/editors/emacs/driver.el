;;; driver.el --- runs code actions in batch -*- lexical-binding: t -*-

;; Loaded after a client, what the page docs/editors/emacs.md says of it, and the four functions that differ between
;; clients (eglot.el, lsp.el). Reads the environment: TASKS is a JSON list of {"file", "at", "to", "do"}; "do" is the
;; title of a code action or "fill". Prints the offered titles of each, and saves the files.

(require 'json)
(require 'seq)

(setq last-nonmenu-event ?a ; no menus for a mouse
      make-backup-files nil
      create-lockfiles nil)

(defvar driver-titles nil "What was offered.")
(defvar driver-wanted nil "The title to choose.")

(defun driver-choose (_prompt choices &rest _)
  "Choose `driver-wanted' among CHOICES."
  (setq driver-titles (all-completions "" choices))
  (or (seq-find (lambda (title) (string-match-p (regexp-quote driver-wanted) title)) driver-titles)
      (error "No %s among %S" driver-wanted driver-titles)))

(advice-add 'completing-read :override #'driver-choose)

(defun driver-wait (is-so)
  "Wait until the function IS-SO gives something."
  (let ((until (+ (float-time) 90)))
    (while (not (funcall is-so))
      (when (> (float-time) until)
        (error "Waited in vain"))
      (accept-process-output nil 0.1))))

(defun driver-run (task)
  "Carry out TASK."
  (find-file (gethash "file" task))
  (driver-start)
  (goto-char (point-min))
  (search-forward (gethash "at" task))
  (setq driver-wanted (gethash "do" task) driver-titles nil)
  (if (equal driver-wanted "fill")
      (dlm-fill)
    (let ((before (buffer-string)))
      (when (gethash "to" task)
        (setq transient-mark-mode t)
        (goto-char (match-beginning 0))
        (push-mark (point) t t)
        (search-forward (gethash "to" task)))
      (driver-act)
      (driver-wait (lambda () (not (equal before (buffer-string)))))))
  (save-buffer)
  (princ (concat "OFFERED " (json-encode driver-titles) "\n")))

(mapc #'driver-run (let ((json-object-type 'hash-table) (json-key-type 'string))
                     (json-read-from-string (getenv "TASKS"))))
(driver-stop)
