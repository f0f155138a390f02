"""The rules of decoding, one file a paper; `SAMPLERS` names them."""

import difflib
from collections.abc import Callable

from dlm_lsp.errors import SettingsError
from dlm_lsp.sampling.samplers.threshold import Threshold
from dlm_lsp.sampling.strategy import Sampler

SAMPLERS: dict[str, Callable[..., Sampler]] = {
    "threshold": Threshold,
}


def make_sampler(name: str, **parameters: float) -> Sampler:
    """Make a sampler by its name; raise SettingsError for an unknown name or a parameter that it does not take."""
    if name not in SAMPLERS:
        nearest = difflib.get_close_matches(name, SAMPLERS, n=1, cutoff=0.0)[0]
        raise SettingsError(f"there is no sampler {name!r}; the nearest name is {nearest!r}")
    return SAMPLERS[name](**parameters)
