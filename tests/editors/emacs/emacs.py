"""The two Emacs of the tests and pictures: how each is started, with the packages that stand beside it.

Debian's own has lsp-mode 8 and, as packages, eglot; what tests/editors/get.sh unpacks has lsp-mode 10, which draws ghost text.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/editors/emacs.md"
UNPACKED = ROOT / "build/editors/emacs/usr"


@dataclass(frozen=True)
class Emacs:
    """One Emacs."""

    command: list[str]
    environment: dict[str, str]
    """Without those of the user."""


def system() -> Emacs:
    """Give Debian's own (apt-get install emacs-nox elpa-eglot elpa-lsp-mode)."""
    return Emacs(["emacs", "-Q", *_packages(Path("/usr/share/emacs/site-lisp/elpa"))], {})


def unpacked() -> Emacs:
    """Give the newer one, which has to be told where it was unpacked."""
    [dump] = UNPACKED.glob("libexec/emacs/*/*/*.pdmp")  # unless tests/editors/get.sh emacs was not run
    [data] = UNPACKED.glob("share/emacs/*/etc")
    packages = _packages(UNPACKED / "share/emacs/site-lisp/elpa-src")
    quiet = "(setq native-comp-jit-compilation nil native-comp-enable-subr-trampolines nil)"  # else it compiles all of them first
    command = [str(UNPACKED / "bin/emacs-nox"), "--dump-file", str(dump), "-Q", "--eval", quiet, *packages]
    folders = {"EMACSLOADPATH": data.with_name("lisp"), "EMACSDATA": data, "EMACSPATH": dump.parent}
    return Emacs(command, {name: str(folder) for name, folder in folders.items()})


def _packages(folder: Path) -> list[str]:
    return [argument for package in sorted(folder.iterdir()) for argument in ("-L", str(package))]


def page(client: str, *more: str) -> str:
    """Give what the page tells users of a client to put into their configuration."""
    found = re.findall(
        rf"```elisp {re.escape(client)}(?: fill)?\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    )
    assert len(found) == 2, f"{PAGE} should have two blocks of {client}"
    for block in more:
        [lines] = re.findall(rf"```elisp {re.escape(block)}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
        found.append(lines)
    return "\n".join(found)
