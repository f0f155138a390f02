"""The rules of decoding, one file a paper; `SAMPLERS` names them, `dlm_lsp.decoders` describes them and their parameters."""

from collections.abc import Callable

from dlm_lsp.decoders import Value, check_decoder
from dlm_lsp.errors import SettingsError
from dlm_lsp.sampling.samplers.dream import Dream
from dlm_lsp.sampling.samplers.eb import Eb
from dlm_lsp.sampling.samplers.factor import Factor
from dlm_lsp.sampling.samplers.klass import Klass
from dlm_lsp.sampling.samplers.left_to_right import LeftToRight
from dlm_lsp.sampling.samplers.llada import Llada
from dlm_lsp.sampling.samplers.llada21 import Llada21
from dlm_lsp.sampling.samplers.mask_predict import MaskPredict
from dlm_lsp.sampling.samplers.maskgit import Maskgit
from dlm_lsp.sampling.samplers.p2 import P2
from dlm_lsp.sampling.samplers.remdm import Remdm
from dlm_lsp.sampling.samplers.saber import Saber
from dlm_lsp.sampling.samplers.sundae import Sundae
from dlm_lsp.sampling.samplers.threshold import Threshold
from dlm_lsp.sampling.samplers.threshold_dream import ThresholdDream
from dlm_lsp.sampling.strategy import Sampler

SAMPLERS: dict[str, Callable[..., Sampler]] = {
    "threshold": Threshold,
    "threshold_dream": ThresholdDream,
    "factor": Factor,
    "eb": Eb,
    "klass": Klass,
    "saber": Saber,
    "sundae": Sundae,
    "llada21": Llada21,
    "left_to_right": LeftToRight,
    "dream": Dream,
    "llada": Llada,
    "p2": P2,
    "maskgit": Maskgit,
    "mask_predict": MaskPredict,
    "remdm": Remdm,
}


def make_sampler(name: str, **parameters: Value) -> Sampler:
    """Make a sampler by its name; raise SettingsError where the name, a parameter or its value is wrong."""
    check_decoder(name, parameters)
    if name not in SAMPLERS:
        raise SettingsError(f"{name!r} is no rule within the loop but a strategy: it orders the model calls itself")
    return SAMPLERS[name](**parameters)
