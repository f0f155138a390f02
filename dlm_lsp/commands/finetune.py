"""`dlm-lsp finetune FOLDER`: continue a model on one's own repository, in a process of its own.

In: a folder, where the model goes, settings. Out: that process's text and exit status. It trains nothing itself and imports no
trainer: that is no part of this package. The wheel carries it under a name of its own; in a checkout it is the folder beside.
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import dlm_lsp
from dlm_lsp.errors import DlmError
from dlm_lsp.settings import Settings

INSTALLED, IN_CHECKOUT = "dlm_lsp_training", "training"


def finetune(folder: Path, out: Path, settings: Settings, *, minutes: float) -> int:
    """Run the trainer with our own streams; -P keeps the folder that we stand in from shadowing modules."""
    where = ("--model", settings.model, "--device", settings.device, "--threads", str(settings.threads))
    excluded = [f"--exclude={glob}" for glob in settings.exclude]
    what = (f"--out={out}", "--minutes", str(minutes), *excluded, "--", str(folder))
    package, environment = find_trainer()
    command = [sys.executable, "-P", "-m", f"{package}.finetune", *where, *what]
    with subprocess.Popen(command, env=os.environ | environment) as process:
        while True:
            try:
                status = process.wait()
                break
            except KeyboardInterrupt:
                continue  # a terminal's Ctrl-C has reached it too: it saves what there is, and ends
    if status < 0:
        raise DlmError(f"the training was killed by signal {-status}; the same command goes on where it last saved")
    return status


def find_trainer() -> tuple[str, dict[str, str]]:
    """Give the name of the trainer's package, and what the environment must say for it to be found."""
    checkout = Path(dlm_lsp.__file__).parents[1]
    if (
        checkout / IN_CHECKOUT / "finetune.py"
    ).is_file():  # before the copies of the day on which it was installed editably
        path = [str(checkout), *filter(None, [os.environ.get("PYTHONPATH")])]
        return IN_CHECKOUT, {"PYTHONPATH": os.pathsep.join(path)}
    if find_spec(INSTALLED):
        return INSTALLED, {}
    raise DlmError("this installation lacks the trainer; install dlm-lsp from its wheel or from a checkout")
