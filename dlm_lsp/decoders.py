"""Every decoder by its name: its paper and its parameters with default and range, so that a setting is checked without torch.

In: what somebody wrote, such as `saber:variant=dream,mu=4`. Out: a name and parameters that are known to be good, or a
SettingsError of one sentence. Standard library only; the rules themselves are in `sampling.samplers` and `sampling.strategies`,
whose fields and defaults are those named here (a test compares them).
"""

import difflib
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from dlm_lsp.errors import SettingsError

Value = float | int | str | bool
"""Of a parameter; the type is that of its default."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a decoder, under its paper's name in words."""

    default: Value
    text: str
    """What it does, and the paper's letter."""
    low: float = 0
    high: float = math.inf
    """Both ends are allowed."""
    choices: tuple[str, ...] = ()
    """Of a word."""

    @property
    def allowed(self) -> str:
        """What it may be."""
        if isinstance(self.default, bool):
            return "true or false"
        if isinstance(self.default, str):
            return ", ".join(self.choices) or "a name"
        return f"{self.low:g} or more" if self.high == math.inf else f"{self.low:g} to {self.high:.10g}"


@dataclass(frozen=True, slots=True)
class Decoder:
    """One way to decode."""

    paper: str
    """Title, arXiv id and the place in it, or the repository and file where there is no paper."""
    text: str
    """What it does, in one sentence for somebody who chooses."""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    takes_back: bool = False
    """Whether it may mask again what it has written."""
    is_strategy: bool = False
    """Whether it owns the order of the model calls; otherwise it is a rule within the ordinary loop."""


TEMPERATURE = Parameter(0.0, "0 takes the likeliest token, above it tokens are drawn", high=2)
"""Most rules have it; the server gives each candidate its own, unless the setting names one."""
STEPS = Parameter(0, "steps of the plan; 0 is as many as there are masks at the start", high=10_000)
TOP_P = Parameter(1.0, "the likeliest tokens that together reach it are left; 1 leaves all", high=1)
TOP_K = Parameter(0, "so many of the likeliest tokens are left; 0 leaves all", high=1_000_000)

DECODERS: dict[str, Decoder] = {
    "threshold": Decoder(
        "Fast-dLLM (arXiv 2505.22618), algorithm 1, threshold",
        "commits every token that is surer than a threshold, at least the surest one",
        {
            "threshold": Parameter(0.9, "confidence above which a token is committed, tau", high=math.inf),
            "temperature": TEMPERATURE,
            "block": Parameter(0, "tokens of a block; 0 is one block of all", high=512),
            "faithful": Parameter(
                False,
                "commit a block's first token alone in its first call, as the authors' code for Dream with caches does",
            ),
        },
    ),
    "threshold_dream": Decoder(
        "Fast-dLLM (arXiv 2505.22618), `confidence_threshold` in dream/model/generation_utils.py of NVlabs/Fast-dLLM",
        "as `threshold`, with a budget of tokens for every step of a plan",
        {
            "threshold": Parameter(0.9, "confidence above which a token is committed", high=math.inf),
            "steps": Parameter(8, "steps of the plan; what is left then is done in further ones", low=1, high=10_000),
            "temperature": TEMPERATURE,
        },
    ),
    "factor": Decoder(
        "Fast-dLLM (arXiv 2505.22618), theorem 1 and section 3.3, factor",
        "commits the more tokens at once the surer all of them are",
        {
            "factor": Parameter(1.0, "n tokens go where (n + 1)(1 - c) is at most this for each, f", high=math.inf),
            "block": Parameter(32, "tokens of a block; 0 is one block of all", high=512),
            "temperature": TEMPERATURE,
            "faithful": Parameter(
                False, "commit the first token that does not pass if it is the last, as the authors' code does"
            ),
        },
    ),
    "eb": Decoder(
        "EB-Sampler (arXiv 2505.24857), section 4",
        "commits the tokens whose entropies add up to little, the surest first",
        {
            "gamma": Parameter(0.1, "bound of what the tokens may know of each other, in nats", high=math.inf),
            "proxy": Parameter("entropy", "what the tokens are sorted by", choices=("entropy", "confidence", "margin")),
            "temperature": TEMPERATURE,
        },
    ),
    "klass": Decoder(
        "KLASS (arXiv 2511.05664), algorithm 1",
        "commits the tokens that are sure and whose distributions have stopped to move",
        {
            "threshold": Parameter(0.9, "confidence above which a token may be committed, tau_c", high=math.inf),
            "kl_threshold": Parameter(
                0.01, "divergence of two steps below which a row is still, tau_KL", high=math.inf
            ),
            "history": Parameter(2, "steps for which a row must have been still, n", low=1, high=100),
            "temperature": TEMPERATURE,
        },
    ),
    "saber": Decoder(
        "Saber (arXiv 2510.18165 v3), and decoding.py and Dream/generation_utils.py of zhaoyMa/Saber",
        "commits what is surer than the tokens before were, and takes back the most doubtful",
        {
            "variant": Parameter("dream", "the paper's form or that of a code", choices=("paper", "llada", "dream")),
            "n": Parameter(2, "tokens committed in a step at least", low=2, high=512),
            "mu": Parameter(8, "one token is taken back for so many committed", low=3, high=512),
            "floor": Parameter(0.0, "the threshold never falls below it", high=1),
            "block": Parameter(0, "tokens of a block; 0 is one block of all", high=512),
            "temperature": TEMPERATURE,
            "faithful": Parameter(False, "take back the text behind the hole, or write it anew, as the codes may"),
        },
        takes_back=True,
    ),
    "sundae": Decoder(
        "SUNDAE (arXiv 2112.06749), section 2.3",
        "writes everything at once, then writes anew what it doubts until nothing changes",
        {
            "start": Parameter("proposal", "the first text", choices=("proposal", "random")),
            "rounds": Parameter(16, "looks at the full hole at most", high=1000),
            "share": Parameter(1.0, "share of the tokens that a look may change, the most doubtful", high=1),
            "temperature": TEMPERATURE,
        },
        takes_back=True,
    ),
    "llada21": Decoder(
        "LLaDA2.1 (arXiv 2602.08676), section 3, and dllm/pipelines/llada21/sampler.py of ZHZisZZ/dllm",
        "commits what is sure, and writes committed tokens anew where it is sure of others",
        {
            "tau_mask": Parameter(0.95, "confidence above which a mask is committed", high=math.inf),
            "tau_edit": Parameter(0.9, "confidence above which a committed token is replaced", high=math.inf),
            "max_post_steps": Parameter(16, "looks at the full hole at most", high=1000),
            "temperature": TEMPERATURE,
        },
        takes_back=True,
    ),
    "left_to_right": Decoder(
        "none: the order of an autoregressive model, the baseline of all others",
        "commits the leftmost masks",
        {"tokens": Parameter(1, "committed a step", low=1, high=512), "temperature": TEMPERATURE},
    ),
    "dream": Decoder(
        "Dream 7B (arXiv 2508.15487), `_sample` in generation_utils.py of DreamLM/Dream",
        "commits what a plan of timesteps says, the surest tokens first",
        {
            "alg": Parameter(
                "entropy",
                "which masks are committed: those drawn, or those surest by probability, margin or entropy",
                choices=("origin", "maskgit_plus", "topk_margin", "entropy"),
            ),
            "steps": STEPS,
            "eps": Parameter(1e-3, "the last timestep", high=1),
            "temperature": TEMPERATURE,
            "top_p": TOP_P,
            "top_k": TOP_K,
            "alg_temp": Parameter(0.0, "above 0 the masks are drawn by weight instead of sorted", high=100),
            "faithful": Parameter(
                False, "ask the model also in steps of the plan that commit nothing, as the authors' code does"
            ),
        },
    ),
    "llada": Decoder(
        "LLaDA (arXiv 2502.09992), algorithms 4 and 5, generate.py of ML-GSAI/LLaDA",
        "commits an even share of a block each step, block by block",
        {
            "remasking": Parameter("low_confidence", "which masks are committed", choices=("low_confidence", "random")),
            "block": Parameter(0, "tokens of a block; 0 is one block of all", high=512),
            "steps": STEPS,
            "temperature": TEMPERATURE,
        },
    ),
    "p2": Decoder(
        "Path planning (arXiv 2502.03540) as in Open-dLLM, qwen2/generation_utils.py of pengzhangzhi/Open-dLLM",
        "keeps the surest tokens of a growing share and masks the rest again",
        {
            "steps": replace(STEPS, default=64),
            "temperature": TEMPERATURE,
            "top_p": replace(TOP_P, default=0.95),
            "top_k": TOP_K,
            "faithful": Parameter(
                False, "ask the model also in steps of the plan that change nothing, as the authors' code does"
            ),
        },
        takes_back=True,
    ),
    "maskgit": Decoder(
        "MaskGIT (arXiv 2202.04200) as in VampNet (arXiv 2307.04686), modules/transformer.py",
        "commits few tokens at first and many at the end, after a cosine",
        {
            "steps": Parameter(12, "model calls", low=1, high=10_000),
            "mask_temperature": Parameter(
                10.5, "noise in the order, falling to 0; 0 goes by confidence alone", high=1000
            ),
            "temperature": TEMPERATURE,
        },
    ),
    "mask_predict": Decoder(
        "Mask-Predict (arXiv 1904.09324), section 4",
        "writes everything, then masks again what was the least sure, less in each step",
        {"steps": Parameter(10, "model calls, T", low=1, high=10_000), "temperature": TEMPERATURE},
        takes_back=True,
    ),
    "remdm": Decoder(
        "ReMDM (arXiv 2503.00307), sections 3 and 4, diffusion.py of kuleshov-group/remdm",
        "writes at random as a plan says, and masks again with a small probability",
        {
            "variant": Parameter(
                "cap", "how the probability of masking again is chosen", choices=("cap", "rescale", "conf", "loop")
            ),
            "steps": STEPS,
            "eta_cap": Parameter(0.008, "the most of it, of cap", high=1),
            "eta_rescale": Parameter(0.015, "share of the largest possible, of rescale", high=1),
            "eta_loop": Parameter(0.02, "the probability within the loop, of loop", high=1),
            "t_on": Parameter(0.55, "time at which the loop begins, of loop", low=0.01, high=1),
            "t_off": Parameter(0.05, "time at which the loop ends, of loop", high=1),
            "alpha_on": Parameter(0.9, "share written while the loop lasts, of loop", high=0.99),
            "temperature": TEMPERATURE,
            "top_p": replace(TOP_P, default=0.9),
        },
        takes_back=True,
    ),
    "wino": Decoder(
        "WINO (arXiv 2507.18578), algorithm 1, LLaDA/decoding.py of Feng-Hong/WINO-DLLM",
        "commits many doubtful tokens at once and takes back those that the model does not expect any more",
        {
            "draft_threshold": Parameter(0.6, "confidence above which a token is committed, tau1", high=math.inf),
            "check_threshold": Parameter(0.9, "probability under which it is taken back, tau2", high=1),
            "block": Parameter(128, "tokens of a block", low=1, high=512),
            "temperature": TEMPERATURE,
        },
        takes_back=True,
        is_strategy=True,
    ),
    "kfold": Decoder(
        "none: a check by hidden folds (see WINO), then one refill as in Tolerator (arXiv 2510.05090)",
        "decodes as `threshold` does, then masks again what the model does not expect where it cannot see it",
        {
            "folds": Parameter(4, "views of the text, each with another part of it hidden, k", low=2, high=64),
            "share": Parameter(0.12, "of the text that may be masked again", high=1),
            "below": Parameter(0.3, "probability under which a token is doubted", high=1),
        },
        takes_back=True,
        is_strategy=True,
    ),
    "dual": Decoder(
        "DualDiffusion (arXiv 2604.05250), dual_pipeline.py of Satgoy152/DualDiffusion",
        "lets a cheap drafter take several steps, then the model takes one and may take back",
        {
            "drafter": Parameter(
                "frozen",
                "`frozen`: the model with its context's keys and values kept; `skip`: its lower half alone; else a checkpoint's name",
            ),
            "criterion": Parameter("trust", "what is taken back", choices=("trust", "exact", "confidence", "hybrid")),
            "confidence": Parameter(0.9, "probability under which `confidence` takes back", high=1),
            "draft_steps": Parameter(16, "steps of the drafter in a round, n", low=1, high=512),
            "rounds": Parameter(4, "of drafting and verifying; then the model goes on alone", low=1, high=64),
        },
        takes_back=True,
        is_strategy=True,
    ),
    "self_speculation": Decoder(
        "SSD (arXiv 2510.04147)",
        "decodes exactly as `threshold` does, in fewer but wider calls: guesses the next steps and confirms several at once",
        {"states": Parameter(4, "canvases that one call confirms at most", low=1, high=64)},
        is_strategy=True,
    ),
    "draft_then_denoise": Decoder(
        "none: a draft by prompt lookup (compare REST, arXiv 2311.08252), checked by hidden folds",
        "copies what the text around goes on with, drops what the model does not expect of it and denoises the rest",
        {
            "reach": Parameter(4, "tokens to the left that may agree, as many as possible", low=2, high=16),
            "looks": Parameter(2, "calls that judge the draft", low=1, high=16),
            "folds": Parameter(4, "views of the draft, each with another part of it hidden", low=2, high=64),
            "below": Parameter(0.3, "probability under which a copied token is dropped", low=0.01, high=1),
        },
        is_strategy=True,
    ),
}
"""By name; the first is the default."""

REFRESH = Parameter(16, "everything is computed again in every so many calls", low=1, high=10_000)

CACHES: dict[str, Decoder] = {
    "none": Decoder("", "every call computes the whole canvas"),
    "hole": Decoder(
        "ours, for infills; after Fast-dLLM's dual cache (arXiv 2505.22618)",
        "keeps what stands around the holes, computes all of the holes, also where they grow",
        {
            "steps": replace(REFRESH, default=32),
            "share": Parameter(1.0, "or where more than this share of the holes changed since", high=1),
            "across": Parameter(True, "a request begins with what the one before has left, but for what was edited"),
        },
    ),
    "prefix": Decoder(
        "Fast-dLLM (arXiv 2505.22618), section 3.2, prefix cache",
        "keeps what stands before the block that is decided now; everything is computed again when another begins",
    ),
    "dual": Decoder(
        "Fast-dLLM (arXiv 2505.22618), section 3.2, dual cache",
        "keeps what stands around the block that is decided now; everything is computed again when another begins",
    ),
    "dkv-decode": Decoder(
        "dKV-Cache (arXiv 2505.15781), section 4.1, decode and prefill-decode",
        "keeps a token from the second call after it was decided",
        {
            "steps": REFRESH,
            "shift": Parameter(
                "un",
                "where a row speaks about the next token: whether that one must be decided, or both",
                choices=("un", "un_right"),
            ),
            "keep_context": Parameter(False, "what was there at the start is not computed again, prefill-decode"),
            "faithful": Parameter(False, "keep and forget rows when the authors' code does, stale ones too"),
        },
    ),
    "dkv-greedy": Decoder(
        "dKV-Cache (arXiv 2505.15781), section 4.2, greedy",
        "computes only what was decided last, what is decided now, and masks next to it",
        {
            "steps": replace(REFRESH, default=2),
            "window": Parameter(4, "masks next to each that is decided", high=512),
        },
    ),
}
"""Ways to reuse keys and values between calls: all but `none` make answers approximate. The first is the default."""

ORACLE = "oracle"

LENGTHS: dict[str, Decoder] = {
    "auto": Decoder(
        "",
        "`grow` where the checkpoint can, else `cal` where it is calibrated, else the best of 8, 16, 32 and 64 tokens",
    ),
    "grow": Decoder(
        "DreamOn (arXiv 2602.01326), section 3",
        "starts at a guess; expand and delete tokens that the model decides change the length while it decodes",
    ),
    "cal": Decoder(
        "CAL (arXiv 2602.00476), algorithm 1",
        "probes several lengths in one call and takes the one at which the model is surest of its masks; needs `dlm-lsp models calibrate`",
    ),
    "fixed": Decoder(
        "",
        "one length, which stays",
        {"tokens": Parameter(0, "the length; 0 takes the guess of the syntax", high=512)},
    ),
    ORACLE: Decoder("", "the length of what really stood there, which stays; only a benchmark can know it"),
}
"""Ways to find the length of a hole."""


def read_decoder(written: str) -> tuple[str, dict[str, Value]]:
    """Read `name` or `name:parameter=value,…`; raise SettingsError where a name or a value is wrong."""
    return _read("sampler", written, DECODERS)


def read_length(written: str) -> tuple[str, dict[str, Value]]:
    """Read a name of LENGTHS, parameters may follow; raise SettingsError where something is wrong."""
    return _read("length", written, LENGTHS)


def read_cache(written: str) -> tuple[str, dict[str, Value]]:
    """Read a name of CACHES, parameters may follow; raise SettingsError where something is wrong."""
    return _read("cache", written, CACHES)


def _read(kind: str, written: str, table: Mapping[str, Decoder]) -> tuple[str, dict[str, Value]]:
    name, _, rest = written.partition(":")
    name = name.strip()
    _check_name(kind, name, table)
    known = table[name].parameters
    given: dict[str, Value] = {}
    for part in filter(None, (part.strip() for part in rest.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        _check_name("parameter", key, known, of=f" of {name!r}")
        if not equals:
            raise SettingsError(f"the parameter {key!r} of {name!r} has no value; write {key}={known[key].default}")
        given[key] = _read_value(name, key, value, known[key])
    return name, given


def check_decoder(name: str, given: Mapping[str, Value]) -> None:
    """Raise SettingsError where a decoder does not exist, does not have a parameter or a value lies outside its range."""
    _check("sampler", name, given, DECODERS)


def check_cache(name: str, given: Mapping[str, Value]) -> None:
    """Raise SettingsError where a cache does not exist, does not have a parameter or a value lies outside its range."""
    _check("cache", name, given, CACHES)


def _check(kind: str, name: str, given: Mapping[str, Value], table: Mapping[str, Decoder]) -> None:
    _check_name(kind, name, table)
    known = table[name].parameters
    for key, value in given.items():
        _check_name("parameter", key, known, of=f" of {name!r}")
        _check_value(name, key, value, known[key])


def _read_value(name: str, key: str, written: str, parameter: Parameter) -> Value:
    kind = type(parameter.default)
    value: Value = written
    try:
        if kind is bool:
            value = {"true": True, "false": False}[written.lower()]
        elif kind is not str:
            value = kind(written)
    except (KeyError, ValueError):
        value = written  # of the wrong type, which the check says in the same words as any other mistake
    _check_value(name, key, value, parameter)
    return value


def _check_value(name: str, key: str, value: Value, parameter: Parameter) -> None:
    what = f"the parameter {key!r} of {name!r}"
    kind = type(parameter.default)
    if kind is str:
        if parameter.choices and value not in parameter.choices:
            nearest = difflib.get_close_matches(str(value), parameter.choices, n=1, cutoff=0.0)[0]
            raise SettingsError(
                f"{what} is {value!r}; it must be one of {parameter.allowed} (the nearest is {nearest!r})"
            )
    elif kind is bool:
        if not isinstance(value, bool):
            raise SettingsError(f"{what} is {value!r}; it must be {parameter.allowed}")
    elif isinstance(value, bool | str) or (kind is int and not isinstance(value, int)):
        raise SettingsError(f"{what} is {value!r}; it must be a {'whole ' if kind is int else ''}number")
    elif not parameter.low <= value <= parameter.high:
        raise SettingsError(f"{what} is {value}; it must be {parameter.allowed}")


def _check_name(what: str, name: str, known: Collection[str], of: str = "") -> None:
    if name not in known:
        if not known:
            raise SettingsError(f"there is no {what} {name!r}{of}; it has none")
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
        raise SettingsError(f"there is no {what} {name!r}{of}; the nearest name is {nearest!r}")
