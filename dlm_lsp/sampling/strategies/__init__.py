"""Ways to order the model calls, one file a paper; `make_decoder` turns what somebody wrote into a strategy and its rule."""

from collections.abc import Callable

from dlm_lsp.decoders import DECODERS, read_decoder
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.samplers import make_sampler
from dlm_lsp.sampling.strategy import Sampler, Strategy

STRATEGIES: dict[str, Callable[..., Strategy]] = {}
"""By the names of `dlm_lsp.decoders`; a strategy that needs a rule for its steps gets the default one."""


def make_strategy(written: str) -> Strategy:
    """Make the strategy of `name:parameter=value,…`: the ordinary loop where the name is a rule's."""
    name, given = read_decoder(written)
    return STRATEGIES[name](**given) if DECODERS[name].is_strategy else denoise


def make_rule(written: str, **settings: float) -> Sampler:
    """Make the rule of `name:parameter=value,…` with those of the settings that it has and that were not written."""
    name, given = read_decoder(written)
    if DECODERS[name].is_strategy:
        name, given = next(iter(DECODERS)), {}
    known = DECODERS[name].parameters
    return make_sampler(name, **({key: value for key, value in settings.items() if key in known} | given))
