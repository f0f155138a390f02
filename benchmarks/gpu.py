"""What a step and an infill cost on a GPU, beside what the card allows; networks of true shapes with random weights.

    python -m benchmarks.gpu                          # on CUDA, under ten minutes; results/gpu.json, gpu.md, gpu.svg
    python -m benchmarks.gpu --out "$OUT"             # into another folder
    python -m benchmarks.gpu --tiny --device cpu      # the same code at toy sizes, in seconds: it shows that it runs, not how fast

In: nothing but torch, numpy and safetensors; the peers' own code where its folder is given (`gpu_peers`). Out: one JSON file, written
again after every number, so that a cut loses nothing; the tables and the plot after every part (`gpu_report`). No weights are read:
what random ones answer means nothing, what they cost is what trained ones cost. So it says nothing about what int8 and fp8 cost in
quality: that is measured on trained weights, by `gpu_formats`.

Limits are those of `benchmarks.roofline`: the longer of reading the weights at the measured rate of copying, and multiplying them at the
measured rate for large bf16 matrices. A step computes the rows of the hole, and in the Dream family the row before it, beside the kept
rows of the canvas, and takes all rows of the hole through the head.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.gpu_report import as_svg, as_tables
from benchmarks.machine import commit
from benchmarks.roofline import Shape, copy_rate, seconds, wait
from dlm_lsp.models.cached import Cached, Dual
from dlm_lsp.models.denoiser import View, Vocabulary
from dlm_lsp.models.graphs import CudaCapture, Graphs, choose_bucket
from dlm_lsp.models.loading import FAMILIES, Undrawn
from dlm_lsp.models.narrow import NARROW, narrow_weights
from dlm_lsp.models.transformer import Again, Network, NetworkDenoiser, compute
from dlm_lsp.sampling.belief import believe
from dlm_lsp.sampling.canvas import Canvas, Move
from dlm_lsp.sampling.denoise import denoise

HERE = Path(__file__).parent
MASK = 5
"""The id of the mask; what stands around the holes is drawn from the ids above it."""
MEASURE_S = 0.3
"""For one number; at least three runs, at most thirty."""
GRAPH_BYTES = 2**36
"""Room for the buffers of all graphs of a network: here the benchmark has the card to itself."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large what is measured is; the first of each is the most telling."""

    canvases: tuple[int, ...] = (1024, 512, 256, 2048, 4096)
    holes: tuple[int, ...] = (64, 16, 32, 128, 256)
    commits: tuple[int, ...] = (4, 8, 2, 1)
    lanes: tuple[int, ...] = (1, 2, 4, 8, 16)
    lane_holes: tuple[int, ...] = (64, 32)
    gemm: int = 8192
    copy_bytes: int = 2**30


TINY = Sizes((64, 32), (8, 4), (4, 1), (1, 2), (8,), gemm=64, copy_bytes=2**20)


DREAM = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "vocab_size",
)
LLADA = ("d_model", "mlp_hidden_size", "n_layers", "n_heads", "n_kv_heads", "vocab_size")


def dream(*numbers: int, tied: bool) -> dict[str, Any]:
    """Give a config.json of the Dream family."""
    named = dict(zip(DREAM, numbers, strict=True))
    return {"model_type": "Dream", **named, "tie_word_embeddings": tied, "max_canvas_tokens": 8192}


def llada(*numbers: int) -> dict[str, Any]:
    """Give a config.json of the LLaDA family."""
    return {"model_type": "llada", **dict(zip(LLADA, numbers, strict=True)), "max_sequence_length": 8192}


MODELS: dict[str, tuple[dict[str, Any], float]] = {
    "7B Dream": (dream(3584, 18944, 28, 28, 4, 152064, tied=False), 190),
    "0.5B Dream": (dream(896, 4864, 24, 14, 2, 151936, tied=True), 100),
    "8B LLaDA": (llada(4096, 12288, 32, 32, 32, 126464), 110),
    "small": (dream(512, 1408, 8, 8, 2, 8192, tied=True), 40),
    "nano": (dream(256, 704, 6, 4, 2, 8192, tied=True), 30),
}
"""Configuration, and the seconds after which what is left of a model is skipped: 470 together, and the peers beside them."""
TINY_MODELS: dict[str, tuple[dict[str, Any], float]] = {
    "tiny Dream": (dream(32, 64, 2, 4, 2, 64, tied=False), 60),
    "tiny LLaDA": (llada(32, 64, 2, 4, 4, 64), 60),
}


class TimeUpError(Exception):
    """The time of a model is used up."""


@dataclass(slots=True)
class Record:
    """What was measured so far, on its way into a file."""

    file: Path
    result: dict[str, Any]
    until: float = 0.0

    def add(self, row: Mapping[str, Any]) -> None:
        """Keep a row, in the file too."""
        self.result["rows"].append(dict(row))
        print(" ".join(f"{key}={value}" for key, value in row.items()), file=sys.stderr, flush=True)
        self.save()

    def note(self, text: str) -> None:
        """Keep what could not be measured, and why."""
        self.result["notes"].append(text)
        print(text, file=sys.stderr, flush=True)
        self.save()

    def save(self) -> None:
        """Write the numbers."""
        self.file.write_text(json.dumps(self.result, indent=1) + "\n", encoding="utf-8")

    def show(self) -> None:
        """Write tables and plot."""
        self.save()
        self.file.with_suffix(".md").write_text(as_tables(self.result), encoding="utf-8")
        self.file.with_suffix(".svg").write_text(as_svg(self.result), encoding="utf-8")

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Do a part; what cannot be done here is noted, and the next one begins."""
        try:
            yield
        except TimeUpError:
            self.note(f"{name}: cut, the time was up")
        except Exception as error:  # noqa: BLE001 what one part lacks must not cost the minutes of all the others
            import traceback

            traceback.print_exc()
            self.note(f"{name}: not measured ({type(error).__name__}: {str(error).partition(chr(10))[0][:200]})")
        self.show()


@dataclass(slots=True)
class Bench:
    """One network on one device."""

    name: str
    config: Mapping[str, Any]
    device: str
    sizes: Sizes
    record: Record
    network: Any = None
    weights: str = "bfloat16"
    graphs: Graphs = field(default_factory=lambda: Graphs(repeat, GRAPH_BYTES, "cpu"))

    def __post_init__(self) -> None:
        if self.device.startswith("cuda"):
            self.graphs = Graphs(CudaCapture(), GRAPH_BYTES)

    @property
    def shape(self) -> Shape:
        """The sizes that its cost depends on."""
        return Shape.from_json(self.config)

    def denoiser(self, *, graphed: bool) -> NetworkDenoiser:
        """Give the product's denoiser around the network."""
        forbidden = torch.arange(self.config["vocab_size"]) <= MASK
        vocabulary = Vocabulary(self.config["vocab_size"], MASK, forbidden)
        nothing: Any = None  # no text is read or written
        return NetworkDenoiser(self.network, vocabulary, nothing, compute_rows=self.graphs if graphed else compute)

    def question(self, canvas: int, hole: int, lane: int = 0) -> View:
        """Give a canvas with one hole in its middle, all of it masked."""
        generator = torch.Generator().manual_seed(canvas + lane)
        tokens = torch.randint(MASK + 1, self.config["vocab_size"], (canvas,), generator=generator)
        begin = (canvas - hole) // 2
        tokens[begin : begin + hole] = MASK
        return View(tokens, torch.arange(begin, begin + hole), lane=lane)

    def limit_ms(self, rows: int, canvas: int, hole: int, lanes: int = 1, weight_bytes: float = 2) -> float:
        """Give the least that a call can take which computes so many rows of each of so many canvases."""
        card, shape = self.record.result["card"], self.shape
        moved = shape.weights * weight_bytes + lanes * (shape.bytes(rows, canvas, 2) - 2 * shape.weights)
        work_s = lanes * shape.flops(rows, canvas, hole) / (card["gemm_tflops"] * 1e12)
        return 1000 * max(work_s, moved / (card["copy_gb_per_s"] * 1e9))

    def ms(self, work: Callable[[], object]) -> float:
        """Give the median of some runs, the host's waiting for the device included; raise TimeUpError where no time is left."""
        if time.monotonic() > self.record.until:
            raise TimeUpError
        spent: list[float] = []
        work()
        end = time.perf_counter() + MEASURE_S
        while len(spent) < 3 or (time.perf_counter() < end and len(spent) < 30):
            spent.append(self.once_ms(work))
        return statistics.median(spent)

    def once_ms(self, work: Callable[[], object]) -> float:
        """Run once."""
        wait(self.device)
        begin = time.perf_counter()
        work()
        wait(self.device)
        return 1000 * (time.perf_counter() - begin)

    def add(self, part: str, ms: float, limit_ms: float | None = None, **what: Any) -> None:
        """Keep a number."""
        row = {"model": self.name, "part": part, **what, "ms": round(ms, 3)}
        if limit_ms is not None:
            row |= {"limit_ms": round(limit_ms, 3), "ratio": round(ms / limit_ms, 2)}
        self.record.add(row)


def repeat(step: Callable[[], None]) -> Callable[[], None]:
    """Capture nothing, where there are no graphs: the same code, with all launches."""
    return step


def main() -> None:
    """Measure all, and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="toy sizes")
    parser.add_argument("--models", nargs="*", help="only these, by their names")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="a folder")
    parser.add_argument("--fast-dllm", type=Path, help="a checkout of NVlabs/Fast-dLLM, whose code is run beside ours")
    parser.add_argument("--dream", type=Path, help="a folder with Dream's own modeling_dream.py")
    options = parser.parse_args()
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        sys.exit("no CUDA device is here; --tiny --device cpu shows that the program runs")
    sizes, models = (TINY, TINY_MODELS) if options.tiny else (Sizes(), MODELS)
    options.out.mkdir(parents=True, exist_ok=True)
    result = {"machine": describe(options.device), "tiny": options.tiny, "rows": [], "notes": []}
    record = Record(options.out / "gpu.json", result)
    result["card"] = card(options.device, sizes)
    print(result["card"], file=sys.stderr, flush=True)
    begin = time.monotonic()
    for name, (config, share_s) in models.items():
        if options.models and name not in options.models:
            continue
        record.until = time.monotonic() + share_s
        with record.part(f"{name}, weights"):
            run(Bench(name, config, options.device, sizes, record))
    for name, folder in (("Fast-dLLM", options.fast_dllm), ("Dream", options.dream)):
        if folder:
            record.until = time.monotonic() + 40
            with record.part(f"{name}'s own code"):
                from benchmarks.gpu_peers import run_peer

                config, _ = next(iter(models.values()))
                run_peer(
                    name, folder, Bench(f"{name}, {next(iter(models))} shape", config, options.device, sizes, record)
                )
    result["measured_s"] = round(time.monotonic() - begin, 1)
    record.show()
    print(record.file.with_suffix(".md").read_text(encoding="utf-8"))


def describe(device: str) -> dict[str, Any]:
    """Say where it was measured."""
    found: dict[str, Any] = {"device": device, "python": platform.python_version(), "torch": torch.__version__}
    if device.startswith("cuda"):
        about = torch.cuda.get_device_properties(torch.device(device))
        found |= {"device": about.name, "memory_gib": round(about.total_memory / 2**30), "cuda": torch.version.cuda}
    return {**found, "commit": commit()}


def card(device: str, sizes: Sizes) -> dict[str, float]:
    """Measure what the device can do at best: bytes copied, read and written; products of large bf16 matrices."""
    size = sizes.gemm
    one, other = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    gemm_s = seconds(lambda: one @ other, device)
    return {
        "copy_gb_per_s": copy_rate(sizes.copy_bytes, device),
        "gemm_tflops": round(2 * size**3 / gemm_s / 1e12, 4),
        "launch_us": round(1e6 * seconds(lambda: one[:1, :1].add_(0), device), 1),
    }


@torch.inference_mode()
def run(bench: Bench) -> None:
    """Measure one network, the most telling first."""
    begin = time.perf_counter()
    bench.network = make_network(bench.config, bench.device)
    wait(bench.device)
    made_ms = 1000 * (time.perf_counter() - begin)
    first, *others = bench.sizes.canvases
    parts: dict[str, Callable[[], None]] = {
        "start": lambda: start(bench, made_ms),
        "check": lambda: check(bench),
        "steps": lambda: steps(bench, first, bench.sizes.holes),
        "infill": lambda: infills(bench, first),
        "other canvases": lambda: [steps(bench, canvas, bench.sizes.holes) for canvas in others] and None,
        "lanes": lambda: lanes(bench, first),
        "formats": lambda: formats(bench, first),
    }
    for name, part in parts.items():
        with bench.record.part(f"{bench.name}, {name}"):
            part()
    if bench.device.startswith("cuda"):
        bench.add("memory", 0, bytes=torch.cuda.max_memory_allocated(), reserved_bytes=torch.cuda.max_memory_reserved())
        torch.cuda.reset_peak_memory_stats()
    bench.network = None
    bench.graphs = Graphs(repeat, 0, "cpu")
    if bench.device.startswith("cuda"):
        torch.cuda.empty_cache()


def make_network(config: Mapping[str, Any], device: str) -> Any:
    """Make a network with random weights on the device, in the number format that the server takes there."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16 if device.startswith("cuda") else torch.float32)
    try:
        with torch.device(device), Undrawn():
            network = FAMILIES[config["model_type"]].network(dict(config))
    finally:
        torch.set_default_dtype(before)
    torch.manual_seed(0)
    for parameter in network.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(0, 0.02)
        else:
            parameter.data.fill_(1)
    return network.eval().requires_grad_(requires_grad=False)


def whole(network: Network, view: View) -> Again:
    """All rows of a canvas, to be computed."""
    length = len(view.tokens)
    return Again(view.tokens, torch.arange(length), torch.arange(length), network.keep(length))


def hole_rows(network: Network, view: View) -> Tensor:  # [R]
    """Give the rows that a step over kept context computes."""
    return torch.cat([view.rows, network.speakers(view.rows)]).unique()


def kept_hole(network: Network, view: View) -> Again:
    """The rows of a hole, whose context is computed."""
    everything = whole(network, view)
    compute(network, [everything])
    return Again(everything.tokens, everything.positions, hole_rows(network, view), everything.kept)


def start(bench: Bench, made_ms: float) -> None:
    """Measure what comes before the second infill."""
    view = bench.question(bench.sizes.canvases[0], bench.sizes.holes[0])
    bench.add("start", made_ms, what="random weights made on the device, no file read")
    bench.add("start", bench.once_ms(lambda: bench.denoiser(graphed=False).predict([view])), what="first call")
    piece = kept_hole(bench.network, view)
    allocated = torch.cuda.memory_allocated() if bench.device.startswith("cuda") else 0
    ms = bench.once_ms(lambda: bench.graphs(bench.network, [piece]))
    more = torch.cuda.memory_allocated() - allocated if bench.device.startswith("cuda") else 0
    bench.add("start", ms, what="capture of one graph and its first step", bytes=more)
    cached = Cached(bench.denoiser(graphed=True), Dual())
    bench.add("start", bench.once_ms(lambda: fill(cached, view, 4)), what="first infill, cold, 4 tokens a step")


def check(bench: Bench) -> None:
    """Compare what graphs answer with what the network answers without: here is what no test without a GPU can show."""
    view = bench.question(bench.sizes.canvases[0], bench.sizes.holes[0])
    answers, texts = [], []
    for graphed in (False, True):
        denoiser = bench.denoiser(graphed=graphed)
        cached = Cached(denoiser, Dual())
        answers.append([cached.predict([view])[0] for _ in range(2)][1])  # the second call computes the hole alone
        texts.append(fill(Cached(denoiser, Dual()), view, bench.sizes.commits[0])[view.rows])
    spread = float(answers[0].std())
    bench.record.add(
        {
            "model": bench.name,
            "part": "check",
            "difference": round(float((answers[1] - answers[0]).abs().max()) / spread, 5),
            "same_tokens": round(float((texts[1] == texts[0]).float().mean()), 3),
        }
    )


def steps(bench: Bench, canvas: int, holes: Sequence[int]) -> None:
    """Measure one model call: all rows of a canvas, and the rows of holes over kept ones."""
    plain = bench.denoiser(graphed=False)
    view = bench.question(canvas, holes[0])
    ms = bench.ms(lambda: plain.predict([view]))
    bench.add("full step", ms, bench.limit_ms(canvas, canvas, holes[0]), canvas=canvas, hole=holes[0], how="eager")
    for hole in holes:
        if hole < canvas:
            step(bench, [bench.question(canvas, hole)], "hole step")


def step(bench: Bench, views: Sequence[View], part: str, **what: Any) -> None:
    """Measure a call that computes the rows of holes, with and without a graph."""
    pieces = [kept_hole(bench.network, view) for view in views]
    canvas, hole, rows = len(views[0].tokens), len(views[0].rows), len(pieces[0].rows)
    weight_bytes = what.pop("weight_bytes", 2)
    limit = bench.limit_ms(rows, canvas, hole, len(views), weight_bytes)
    plain = bench.denoiser(graphed=False)
    kept = [piece.kept for piece in pieces]
    for how, computed in (("eager", compute), ("graphed", bench.graphs)):
        if how == "graphed" and choose_bucket(pieces, None) is None:
            continue  # the server would compute it eagerly: there is no such shape

        def call(computed: Callable[..., None] = computed) -> None:
            computed(bench.network, pieces, None)
            plain.read(kept, views)

        bench.add(part, bench.ms(call), limit, canvas=canvas, hole=hole, how=how, **what)


@dataclass(frozen=True, slots=True)
class Surest:
    """A sampler that commits so many tokens a step, the surest."""

    count: int

    def __call__(self, canvas: Canvas, logits: Tensor, rng: torch.Generator) -> Move:  # [H, V]
        """Decide."""
        tokens, confidence = believe(logits, 0.0, rng)
        masked = canvas.masked[canvas.holes]  # [H]
        chosen = torch.zeros_like(masked)
        chosen[torch.where(masked, confidence, -1.0).topk(min(self.count, int(masked.sum()))).indices] = True
        return canvas.commit(chosen, tokens, confidence)


def fill(denoiser: Cached | NetworkDenoiser, view: View, count: int) -> Tensor:  # [L]
    """Fill a hole by the server's own loop; give the tokens of the canvas."""
    hole_of = torch.full((len(view.tokens),), -1, dtype=torch.int8)
    hole_of[view.rows] = 0
    canvas = Canvas(view.tokens, hole_of, (0,), MASK)
    after = [step for (step,) in denoise([canvas], denoiser, [Surest(count)], [torch.Generator()])]
    assert len(after) == -(-len(view.rows) // count), "another number of steps than is reported"
    return after[-1].tokens


class DeviceLoop:
    """A whole step in one graph, commits included: what a loop without a look by the host would cost. The server has none."""

    def __init__(self, bench: Bench, view: View, count: int) -> None:
        network, self.bench, self.view = bench.network, bench, view
        self.calls = -(-len(view.rows) // count)
        made = kept_hole(network, view)
        tokens, positions, rows = (part.to(bench.device) for part in (made.tokens, made.positions, made.rows))
        self.piece = Again(tokens.clone(), positions, rows, made.kept)  # it is written into
        wanted = view.rows.to(bench.device)
        speakers = network.speakers(wanted)
        forbidden = (torch.arange(bench.config["vocab_size"]) <= MASK).to(bench.device)

        def step() -> None:
            compute(network, [self.piece])
            logits = network.head(self.piece.kept.hidden[speakers]).float().masked_fill(forbidden, -torch.inf)
            confidence, tokens = logits.softmax(-1).max(-1)
            masked = self.piece.tokens[wanted] == MASK
            chosen = confidence.where(masked, -1.0).topk(count).indices
            self.piece.tokens[wanted[chosen]] = tokens[chosen]

        self.step = (CudaCapture() if bench.device.startswith("cuda") else repeat)(step)

    def fill(self) -> Tensor:  # [L]
        """Fill the hole; its context is kept."""
        self.piece.tokens.copy_(self.view.tokens)
        for _ in range(self.calls):
            self.step()
        return self.piece.tokens.cpu()


def infills(bench: Bench, canvas: int) -> None:
    """Measure infills of forced numbers of commits, with the context of the hole computed beforehand (warm) and in the first call."""
    hole = bench.sizes.holes[0]
    view = bench.question(canvas, hole)
    rows = len(hole_rows(bench.network, view))
    short, long = bench.limit_ms(rows, canvas, hole), bench.limit_ms(canvas, canvas, hole)
    for count in bench.sizes.commits:
        calls = -(-hole // count)
        for how in ("graphed", "eager"):
            inner = bench.denoiser(graphed=how == "graphed")
            warm = Cached(inner, Dual())
            what = {"canvas": canvas, "hole": hole, "commits": count, "how": how}
            bench.add("infill warm", bench.ms(lambda: fill(warm, view, count)), calls * short, **what)  # noqa: B023 used at once
            cold_ms = bench.ms(lambda: fill(Cached(inner, Dual()), view, count))  # noqa: B023
            bench.add("infill cold", cold_ms, long + (calls - 1) * short, **what)
        loop = DeviceLoop(bench, view, count)
        what["how"] = "one graph a step, sampler inside"
        bench.add("infill warm", bench.ms(loop.fill), calls * short, **what)
    count = bench.sizes.commits[0]
    inner = bench.denoiser(graphed=False)
    what = {"canvas": canvas, "hole": hole, "commits": count, "how": "eager"}
    bench.add("infill, nothing kept", bench.ms(lambda: fill(inner, view, count)), -(-hole // count) * long, **what)


def lanes(bench: Bench, canvas: int) -> None:
    """Measure one call about several canvases."""
    for hole in bench.sizes.lane_holes:
        for count in bench.sizes.lanes:
            views = [bench.question(canvas, hole, lane) for lane in range(count)]
            step(bench, views, "lanes", lanes=count)


def formats(bench: Bench, canvas: int) -> None:
    """Measure steps whose layers are multiplied in narrower numbers, and what the weights take; the head stays as it is."""
    view = bench.question(canvas, bench.sizes.holes[0])
    head = bench.shape.width * bench.shape.vocabulary
    wide = str(next(bench.network.parameters()).dtype).removeprefix("torch.")
    count = bench.sizes.commits[0]
    bench.record.add({"model": bench.name, "part": "weights", "weights": wide, "bytes": held_bytes(bench.network)})
    for name in NARROW:
        with bench.record.part(f"{bench.name}, {name}"):
            # Graphs hold the weights before, and there is not room on every card for both.
            bench.graphs = Graphs(bench.graphs.capture, GRAPH_BYTES, bench.graphs.device_type)
            bench.network = None
            bench.network = make_network(bench.config, bench.device)
            narrow_weights(bench.network, name, torch.device(bench.device))
            bench.record.add(
                {"model": bench.name, "part": "weights", "weights": name, "bytes": held_bytes(bench.network)}
            )
            weight_bytes = 1 + head / bench.shape.weights
            step(bench, [view], "formats", weights=name, weight_bytes=weight_bytes)
            plain = bench.denoiser(graphed=False)
            ms = bench.ms(lambda: plain.predict([view]))  # noqa: B023
            what = {"canvas": canvas, "hole": len(view.rows), "weights": name}
            bench.add("formats", ms, how="eager, all rows", **what)
            warm = Cached(bench.denoiser(graphed=True), Dual())
            ms = bench.ms(lambda: fill(warm, view, count))  # noqa: B023
            bench.add("formats", ms, how=f"graphed, an infill of {count} commits a step, its context kept", **what)


def held_bytes(network: nn.Module) -> int:
    """Count what a network's numbers take, those that are tied once."""
    return sum(tensor.nbytes for tensor in {*network.parameters(), *network.buffers()})


if __name__ == "__main__":
    main()
