"""Which settings hold at a document."""

from dataclasses import fields, replace

import pytest

from dlm_lsp.engine.local import worker_command
from dlm_lsp.lsp.layers import OF_THE_WORKER, Layers, lay
from dlm_lsp.settings import CHOICES, Settings

OUTER, INNER = "file:///code/my%20project", "file:///code/my%20project/vendor/"


@pytest.mark.parametrize(
    ("uri", "seed"),
    [
        ("file:///elsewhere/a.py", 0),
        ("untitled:Untitled-1", 0),
        ("file:///code/my%20project/a.py", 1),
        ("file:///code/my project/a.py", 1),
        ("vscode-notebook-cell:/code/my%20project/n.ipynb#W0", 1),
        ("file:///code/my%20project2/a.py", 0),
        ("file:///code/my%20project/vendor/deep/a.py", 2),
    ],
)
def test_the_innermost_folder_decides(uri: str, seed: int) -> None:
    """Fails if a document gets the settings of another folder, of one whose name merely begins so, or none."""
    layers, complaints = lay(Settings(), {}, {OUTER: {"seed": 1}, INNER: {"seed": 2}})
    assert ([], seed) == (complaints, layers.at(uri).seed)


def test_a_folder_goes_on_from_the_window() -> None:
    """Fails if what is said for all does not hold in a folder, or a folder changes what there is only one of."""
    layers, _ = lay(Settings(threads=3), {"candidates": 2}, {OUTER: {"threshold": 0.5, "model": "other", "threads": 1}})
    assert replace(Settings(), threads=3, candidates=2) == layers.window
    assert replace(layers.window, threshold=0.5) == layers.at(OUTER + "/a.py")


def test_off_means_off_everywhere() -> None:
    """Fails if one folder that is off switches all off, or one that is on is not served."""
    assert lay(Settings(), {}, {OUTER: {"enabled": False}})[0].enabled
    assert lay(Settings(), {"enabled": False}, {OUTER: {"enabled": True}})[0].enabled
    assert not lay(Settings(), {"enabled": False}, {OUTER: {}})[0].enabled
    assert not Layers(Settings(enabled=False)).enabled


def test_a_complaint_is_made_once() -> None:
    """Fails if the user reads the same sentence for the window and for every folder."""
    wrong = {"seed": "x"}
    assert 1 == len(lay(Settings(), wrong, {OUTER: wrong, INNER: wrong})[1])


def test_the_worker_is_started_by_these_settings_alone() -> None:
    """Fails if a setting of the worker can differ from folder to folder, and the one worker obeys neither."""
    base = Settings()
    for field in fields(Settings):
        value = getattr(base, field.name)
        other = {"bool": True, "int": 7, "float": 0.5, "str": "cpu", "tuple": ("x",)}[type(value).__name__]
        if field.name in CHOICES:
            other = CHOICES[field.name][-1]
        if other != value:
            changed = worker_command(replace(base, **{field.name: other})) != worker_command(base)
            assert changed == (field.name in OF_THE_WORKER), field.name
