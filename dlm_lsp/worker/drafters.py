"""Who drafts for the model, by the name that stands in a decoder's `drafter`.

In: the model, a name, a way to load checkpoints. Out: another denoiser over the same tokenizer, or a SettingsError that says why not.
Does not know what a draft is used for.
"""

from collections.abc import Callable

from dlm_lsp.errors import SettingsError
from dlm_lsp.models.cached import with_cache
from dlm_lsp.models.denoiser import Denoiser
from dlm_lsp.models.transformer import NetworkDenoiser

FROZEN = "frozen"
"""The model itself with what stands around the holes computed now and then only."""
FROZEN_CACHE = "hole:steps=8,share=0.25"
"""How often that is: as when its numbers in docs/samplers.md were measured."""
SKIP = "skip"
"""The lower half of the model's layers."""


class Drafters:
    """Makes drafters for one model; a checkpoint is loaded when it is first asked for, and stays."""

    def __init__(self, model: Denoiser, load: Callable[[str], Denoiser]) -> None:
        self._model = model
        self._load = load
        self._loaded: dict[str, Denoiser] = {}

    def __call__(self, name: str) -> Denoiser:
        """Give a drafter; one with a memory is new each time."""
        if name == FROZEN:
            return with_cache(self._model, FROZEN_CACHE)
        if name == SKIP:
            if not isinstance(self._model, NetworkDenoiser):
                raise SettingsError(f"drafter={SKIP} needs a model with layers; this one has none, take {FROZEN}")
            return self._model.skip_above((self._model.layers + 1) // 2)
        if name not in self._loaded:
            drafter = self._load(name)
            check_same_tokens(name, drafter, self._model)
            self._loaded[name] = drafter
        return self._loaded[name]


def check_same_tokens(name: str, drafter: Denoiser, model: Denoiser) -> None:
    """Raise SettingsError where a drafter's ids do not mean to the model what they mean to the drafter."""
    its, ours = drafter.vocabulary, model.vocabulary
    # A drafter that can grow a hole must not do so for a model that cannot; one that cannot does no harm.
    same = (
        its.mask_id == ours.mask_id
        and its.expand_id in {None, ours.expand_id}
        and its.delete_id in {None, ours.delete_id}
    )
    if not same or drafter.tokenizer.piece_texts() != model.tokenizer.piece_texts():
        raise SettingsError(
            f"the drafter {name!r} has another tokenizer than the model; take {FROZEN}, {SKIP} or a checkpoint of its family"
        )
