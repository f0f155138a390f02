"""Ways to order the model calls, one file a paper; `make_strategy` and `make_rule` turn what somebody wrote into one and its rule."""

from collections.abc import Callable

from dlm_lsp.decoders import DECODERS, read_decoder
from dlm_lsp.models.denoiser import Denoiser
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.samplers import make_sampler
from dlm_lsp.sampling.strategies.draft_then_denoise import DraftThenDenoise
from dlm_lsp.sampling.strategies.dual import Dual
from dlm_lsp.sampling.strategies.kfold import Kfold
from dlm_lsp.sampling.strategies.self_speculation import SelfSpeculation
from dlm_lsp.sampling.strategies.wino import Wino
from dlm_lsp.sampling.strategy import Sampler, Strategy

STRATEGIES: dict[str, Callable[..., Strategy]] = {
    "wino": Wino,
    "kfold": Kfold,
    "dual": Dual,
    "self_speculation": SelfSpeculation,
    "draft_then_denoise": DraftThenDenoise,
}
"""By the names of `dlm_lsp.decoders`; one that has a method `rule` brings the rule of its steps, the others get the default one."""


def make_strategy(written: str, find_drafter: Callable[[str], Denoiser] | None = None) -> Strategy:
    """Make the strategy of `name:parameter=value,…`: the ordinary loop where the name is a rule's.

    `find_drafter` makes the second denoiser of a strategy that has one, by its name.
    """
    name, given = read_decoder(written)
    if not DECODERS[name].is_strategy:
        return denoise
    strategy = STRATEGIES[name](**given)
    if isinstance(strategy, Dual) and find_drafter:
        return strategy.drafted_by(find_drafter(strategy.drafter))
    return strategy


def make_rule(written: str, **settings: float) -> Sampler:
    """Make the rule of `name:parameter=value,…` with those of the settings that it has and that were not written."""
    name, given = read_decoder(written)
    if DECODERS[name].is_strategy and not hasattr(STRATEGIES[name], "rule"):
        name, given = next(iter(DECODERS)), {}
    known = DECODERS[name].parameters
    parameters = {key: value for key, value in settings.items() if key in known} | given
    if DECODERS[name].is_strategy:
        rule: Sampler = STRATEGIES[name](**parameters).rule()  # type: ignore[attr-defined]
        return rule
    return make_sampler(name, **parameters)
