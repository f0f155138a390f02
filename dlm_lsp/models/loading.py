"""From a name or a folder to a `Denoiser`: config.json, safetensors, tokenizer, device and number format.

In: what the setting `model` says. Out: a denoiser, or a ModelError of one sentence that names the file and what to do. It runs
no code of a checkpoint (`auto_map` is never read) and knows no forward pass.
"""

import difflib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from dlm_lsp.errors import ModelError
from dlm_lsp.models.denoiser import Denoiser, Vocabulary
from dlm_lsp.models.dream import DreamConfig, DreamModel
from dlm_lsp.models.folders import CONFIG, SCRIPTED, find, read_header, read_json, weight_files
from dlm_lsp.models.formats import EXACT, fastest
from dlm_lsp.models.graphs import compute_on
from dlm_lsp.models.llada import LladaConfig, LladaModel
from dlm_lsp.models.narrow import FP8, NARROW, narrow_weights
from dlm_lsp.models.onnx_rows import NAME as ONNX
from dlm_lsp.models.onnx_rows import run_by_onnx
from dlm_lsp.models.packing import pack_weights
from dlm_lsp.models.transformer import Compute, NetworkDenoiser, compute

if TYPE_CHECKING:
    from dlm_lsp.models.tokenizer import BpeTokenizer

log = logging.getLogger(__name__)

SCALE = "_scale"
"""An int8 tensor NAME goes with a float32 tensor NAME_scale, one number per row."""

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float64": torch.float64,
}

NARROWER = (*NARROW, ONNX)
"""Formats that round the weights of products, which all else is read beside in the format that a device has by default."""

TRIED_NUMBERS = 1_000_000
"""Of a network of fewer numbers, products are not what takes the time."""
PACKED_BYTES = 2**31
"""A larger network is used as it lies in its mapped file: a copy of it might be more than the memory."""

CPU = torch.device("cpu")
NO_ROOM = "the model does not fit into the memory of {}; try dtype 'int8', or device 'cpu'"

QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Microseconds of processor time, of microseconds: what Linux allows a container; torch does not look at it."""

CONTEXT_PARTS = ("path", "imports", "names", "snippets")
"""What can be told beside the window."""


@dataclass(frozen=True, slots=True)
class Family:
    """How a model type becomes a denoiser. The network's parameters have the names of the checkpoint's tensors."""

    network: Callable[[dict[str, Any]], DreamModel | LladaModel]
    denoiser: Callable[..., NetworkDenoiser]
    layer_count: str
    """The key of config.json."""


FAMILIES: dict[str, Family] = {
    "Dream": Family(lambda config: DreamModel(DreamConfig.from_json(config)), NetworkDenoiser, "num_hidden_layers"),
    "llada": Family(lambda config: LladaModel(LladaConfig.from_json(config)), NetworkDenoiser, "n_layers"),
}
"""By `model_type` of config.json."""


def load(
    model: str | Path,
    *,
    device: str = "auto",
    dtype: str = "auto",
    threads: int = 0,
    on_read: Callable[[int], None] | None = None,
    on_notice: Callable[[str], None] = log.warning,
) -> Denoiser:
    """Load a bundled model by its name, a checkpoint by its folder, or `scripted:FILE`; 0 threads are those of the machine.

    `on_read` is told how many percent of the weights have been read, whenever it is one more; `on_notice` why the model does not run
    in the number format that was asked for.
    """
    # Here, so that weights can be read where the tokenizers library is not installed.
    from dlm_lsp.models.scripted import read_script
    from dlm_lsp.models.tokenizer import read_tokenizer

    set_threads(threads)
    path = find(model)
    if str(model).startswith(SCRIPTED):
        return read_script(path)
    place = choose_device(device)
    config = read_config(path)
    family = FAMILIES[config["model_type"]]
    tokenizer = read_tokenizer(path)
    vocabulary = read_vocabulary(config, tokenizer)
    wanted = unfilled(family, config).state_dict()
    # What becomes narrow on its way to a device need not have room there as it is.
    read_to = CPU if dtype in NARROW else place
    weights = read_weights(path, config, wanted, choose_dtype(dtype, place), read_to, on_read=on_read)

    def denoiser(config: dict[str, Any], dtype: str) -> NetworkDenoiser:
        network, compute_rows, runs_in = build(family, config, weights, dtype, place)
        by_onnx = runs_in == ONNX
        return family.denoiser(
            network, vocabulary, tokenizer, compute_rows=compute_rows, computes_all=by_onnx, dtype=runs_in
        )

    formats = [dtype, "auto"] if dtype in NARROWER else [dtype]
    if dtype == "auto" and place.type == "cpu" and is_worth_trying(weights):
        formats = fastest(partial(denoiser, config | {family.layer_count: 1}))
    try:
        made, why = first_of(formats, partial(denoiser, config))
    except torch.OutOfMemoryError as error:
        raise ModelError(NO_ROOM.format(place)) from error
    if dtype not in {"auto", made.dtype}:
        on_notice(f"the number format {dtype} cannot be had here{why}: the model runs in {made.dtype}")
    elif why:
        log.warning("the model runs in %s: %s fails%s", made.dtype, formats[0], why)
    return made


def first_of(formats: Sequence[str], make: Callable[[str], NetworkDenoiser]) -> tuple[NetworkDenoiser, str]:
    """Make a model in the first format that works; say why it was not the first of all, in brackets."""
    *others, last = formats
    why = ""
    for name in others:
        try:
            return make(name), why
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            why = why or f" ({error})"
    return make(last), why


def set_threads(threads: int) -> None:
    """Set how many threads torch takes; 0 are those that it takes itself, one a physical core, but no more than a container may use.

    More threads than there is time for wait for each other in turns.
    """
    if not threads:
        threads = torch.get_num_threads()
        with suppress(OSError, ValueError):  # no such file, or no limit
            allowed, period = QUOTA.read_text().split()
            threads = min(threads, max(int(allowed) // int(period), 1))
    torch.set_num_threads(threads)


def unfilled(family: Family, config: dict[str, Any]) -> DreamModel | LladaModel:
    """Make a network that takes no memory yet: the tensors of a file become its parameters."""
    with torch.device("meta"), Undrawn():
        return family.network(config)


def build(
    family: Family, config: dict[str, Any], weights: Mapping[str, Tensor], dtype: str, place: torch.device
) -> tuple[DreamModel | LladaModel, Compute, str]:
    """Make a network of as many of the weights as it has; give it, what computes its rows, and the number format in which it runs."""
    network = unfilled(family, config)
    kind = choose_dtype(dtype, place)
    names = network.state_dict()
    # What is tied is one parameter, and stays one on another device.
    once = {id(weights[name]): nn.Parameter(weights[name].to(kind), requires_grad=False) for name in names}
    network.load_state_dict({name: once[id(weights[name])] for name in names}, assign=True)
    if place.type != "cpu":
        if dtype in NARROW:
            narrow_weights(network, dtype, place)
        network.to(place)
        return network, compute_on(place, network), dtype if dtype in NARROW else str(kind).removeprefix("torch.")
    if dtype == FP8:
        raise RuntimeError("it is for CUDA GPUs of compute capability 8.9 and newer")
    if size_bytes(weights) > PACKED_BYTES:
        if dtype in NARROWER:
            raise RuntimeError(f"on a CPU it is for models of up to {PACKED_BYTES >> 30} GiB in {EXACT}")
        return network, compute, str(kind).removeprefix("torch.")
    if dtype != ONNX:
        return network, compute, pack_weights(network, dtype)
    compute_rows = run_by_onnx(network)
    pack_weights(network, EXACT)
    return network, compute_rows, ONNX


def is_worth_trying(weights: Mapping[str, Tensor]) -> bool:
    """Whether it is worth while, and there is memory enough, to try other formats of a network's products."""
    numbers = sum(tensor.numel() for tensor in weights.values())
    return numbers >= TRIED_NUMBERS and size_bytes(weights) <= PACKED_BYTES


def size_bytes(weights: Mapping[str, Tensor]) -> int:
    """What weights take in memory."""
    return sum(tensor.nbytes for tensor in weights.values())


class Undrawn(TorchFunctionMode):
    """Leaves out the drawing of first weights: on the meta device it draws nothing, but imports for two seconds."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", "") == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def parts_read(model: str | Path) -> tuple[str, ...]:
    """Give the parts of a `Context` that a model was trained to read: what its config.json lists under `reads`.

    Of a checkpoint that says nothing, path and imports are believed to help: as comment and code they are what any file of
    source begins with, while names and pieces of other files would be taken for parts of this one.
    """
    if str(model).startswith(SCRIPTED):
        return CONTEXT_PARTS
    listed = read_config(find(model)).get("reads", CONTEXT_PARTS[:2])
    if not isinstance(listed, list | tuple) or not all(part in CONTEXT_PARTS for part in listed):
        raise ModelError(f"{CONFIG}: `reads` is a list of some of {', '.join(CONTEXT_PARTS)}, not {listed!r}")
    return tuple(listed)


def choose_device(name: str) -> torch.device:
    """Give the device of a setting; `auto` takes an accelerator where there is one that computes."""
    if name == "auto":
        there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        for kind in (kind for kind, is_there in there.items() if is_there):
            with suppress(ModelError):  # its driver is too old for this torch, or torch for it
                return choose_device(kind)
            log.warning("%s is there, but cannot compute: the model runs on the CPU", kind)
        return torch.device("cpu")
    try:
        device = torch.device(name)
        (torch.ones(1, device=device) + 1).item()
    except (RuntimeError, AssertionError) as error:  # the second where torch was built without CUDA
        raise ModelError(f"the device {name!r} cannot be used here; set device to 'auto' or 'cpu'") from error
    return device


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """Give the number format of weights for a setting; `auto` is bfloat16 on CUDA, where it is fast, and float32 elsewhere."""
    if name in {"auto", *NARROWER}:
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    if name not in DTYPES:
        known = ", ".join(("auto", *DTYPES, *NARROWER))
        raise ModelError(f"the number format {name!r} is unknown; set dtype to one of {known}")
    return DTYPES[name]


def read_config(folder: Path) -> dict[str, Any]:
    """Read config.json and check that a family of ours can run it."""
    config = read_json(folder / CONFIG)
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in FAMILIES:
        known = {family.lower(): family for family in FAMILIES}
        close = difflib.get_close_matches(str(kind).lower(), known, n=1)
        hint = f"did you mean {known[close[0]]!r}?" if close else f"known: {', '.join(FAMILIES)}"
        raise ModelError(f"{folder / CONFIG}: the model_type {kind!r} is unknown; {hint}")
    if config.get("quantization") not in (None, "int8-per-row") or config.get("quantization_config"):
        raise ModelError(f"{folder / CONFIG}: this quantisation is not supported; take the unquantised checkpoint")
    return config


def read_vocabulary(config: Mapping[str, Any], tokenizer: "BpeTokenizer") -> Vocabulary:
    """Find the ids that decoding must know, and check that the tokenizer belongs to the model."""
    size = _token_id(config, "vocab_size") or 0
    if max(tokenizer.ids) >= size:
        raise ModelError(
            f"the tokenizer has the id {max(tokenizer.ids)} but {CONFIG} a vocab_size of {size}: "
            "the tokenizer's files belong to another model; download the folder again"
        )
    mask_id = _token_id(config, "mask_token_id")
    if mask_id is None:
        mask_id = tokenizer.special_id("mask")
    if mask_id is None:
        raise ModelError(f"{CONFIG} names no mask_token_id: this is no masked-diffusion model, take another checkpoint")
    expand_id = _token_id(config, "expand_token_id")
    if expand_id is None:
        expand_id = tokenizer.special_id("expand")  # DreamOn's config.json does not name it
    delete_id = None
    if expand_id is not None:
        delete_id = _token_id(config, "delete_token_id")
        delete_id = _token_id(config, "eos_token_id") if delete_id is None else delete_id
    reserved = {_token_id(config, f"{name}_token_id") for name in ("bos", "eos", "pad")} | {mask_id}
    for token in (*reserved, expand_id, delete_id):
        if token is not None and not 0 <= token < size:
            raise ModelError(f"{CONFIG} names the special token {token}, outside of its vocab_size of {size}")
    # An id without a token is forbidden too: Dream's head has more rows than its tokenizer has tokens.
    allowed = tokenizer.ids - tokenizer.special_ids - reserved | {expand_id, delete_id}
    forbidden = torch.ones(size, dtype=torch.bool)  # [V]
    forbidden[[token for token in allowed if token is not None]] = False
    return Vocabulary(size, mask_id, forbidden, expand_id, delete_id)


def read_weights(
    folder: Path,
    config: Mapping[str, Any],
    wanted: Mapping[str, Tensor],
    dtype: torch.dtype,
    device: torch.device,
    *,
    on_read: Callable[[int], None] | None = None,
) -> dict[str, Tensor]:
    """Read the tensors that a network wants, one at a time, each brought to `dtype` on `device`.

    A tensor that is on the CPU in its own format stays in the mapped file until it is used.
    """
    weights: dict[str, Tensor] = {}
    is_tied = bool(config.get("tie_word_embeddings"))
    size = sum(tensor.numel() for name, tensor in wanted.items() if not (is_tied and name == "lm_head.weight"))
    read = percent = 0
    for file in weight_files(folder):
        read_header(file)  # says of a missing or cut file what the library does not
        try:
            with safe_open(file, framework="pt", device=str(device)) as tensors:
                for name, tensor in _widened(tensors, file):
                    if name not in wanted and not name.endswith("rotary_emb.inv_freq"):
                        raise ModelError(f"{file}: the tensor {name} has no place in this kind of model")
                    if name in wanted and tensor.shape != wanted[name].shape:
                        raise ModelError(
                            f"{file}: the tensor {name} has the shape {list(tensor.shape)}, {CONFIG} asks for "
                            f"{list(wanted[name].shape)}; the two belong to different models"
                        )
                    weights[name] = tensor.to(dtype)
                    read += tensor.numel()
                    share = min(100, 100 * read // size)  # a stored head may be there and not count
                    if on_read is not None and share > percent:
                        percent = share
                        on_read(percent)
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{file} is damaged or cut short ({error}); download it again") from error
        except torch.OutOfMemoryError as error:
            raise ModelError(NO_ROOM.format(device)) from error
    if is_tied and "model.embed_tokens.weight" in weights:
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    missing = [name for name in wanted if name not in weights]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ModelError(f"{folder}: the weights lack the tensor {missing[0]}{more}; download the checkpoint again")
    return {name: weights[name] for name in wanted}


def _widened(tensors: Any, file: Path) -> Iterator[tuple[str, Tensor]]:
    """Give the tensors of an open file by name, those stored as int8 per row multiplied out."""
    names = set(tensors.keys())
    for name in sorted(names):
        if name.endswith(SCALE) and name.removesuffix(SCALE) in names:
            continue
        tensor = tensors.get_tensor(name)
        if tensor.dtype == torch.int8:
            if name + SCALE not in names:
                raise ModelError(f"{file}: the int8 tensor {name} has no {name + SCALE} beside it; export it again")
            tensor = tensor.float() * tensors.get_tensor(name + SCALE)[:, None]  # [rows, columns]
        yield name, tensor


def _token_id(config: Mapping[str, Any], name: str) -> int | None:
    value = config.get(name)
    if value is not None and type(value) is not int:
        raise ModelError(f"{CONFIG}: {name} is {value!r}, not one number")
    return value
