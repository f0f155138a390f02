"""The rules of decoding, one file a paper; `SAMPLERS` names them, `dlm_lsp.decoders` describes them and their parameters."""

from collections.abc import Callable

from dlm_lsp.decoders import Value, check_decoder
from dlm_lsp.errors import SettingsError
from dlm_lsp.sampling.samplers.threshold import Threshold
from dlm_lsp.sampling.strategy import Sampler

SAMPLERS: dict[str, Callable[..., Sampler]] = {
    "threshold": Threshold,
}


def make_sampler(name: str, **parameters: Value) -> Sampler:
    """Make a sampler by its name; raise SettingsError where the name, a parameter or its value is wrong."""
    check_decoder(name, parameters)
    if name not in SAMPLERS:
        raise SettingsError(f"{name!r} is no rule within the loop but a strategy: it orders the model calls itself")
    return SAMPLERS[name](**parameters)
