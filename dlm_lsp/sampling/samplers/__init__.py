"""The rules of decoding, one file a paper; `SAMPLERS` names them."""

import difflib
import inspect
from collections.abc import Callable, Collection

from dlm_lsp.errors import SettingsError
from dlm_lsp.sampling.samplers.threshold import Threshold
from dlm_lsp.sampling.strategy import Sampler

SAMPLERS: dict[str, Callable[..., Sampler]] = {
    "threshold": Threshold,
}


def make_sampler(name: str, **parameters: float) -> Sampler:
    """Make a sampler by its name; raise SettingsError where the name, a parameter or its value is wrong."""
    _check("sampler", name, SAMPLERS)
    for parameter in parameters:
        _check(f"parameter of {name!r}", parameter, inspect.signature(SAMPLERS[name]).parameters)
    return SAMPLERS[name](**parameters)


def fit_sampler(name: str, **settings: float) -> Sampler:
    """Make a sampler by its name with those of the settings that it has: not every rule knows a threshold."""
    _check("sampler", name, SAMPLERS)
    known = inspect.signature(SAMPLERS[name]).parameters
    return make_sampler(name, **{setting: value for setting, value in settings.items() if setting in known})


def _check(what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
        raise SettingsError(f"there is no {what} {name!r}; the nearest name is {nearest!r}")
