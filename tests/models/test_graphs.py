"""Graphs: padding to a bucket changes no answer, and where a graph cannot be had there is an answer all the same.

What is captured is run here as it stands, for want of a GPU; the last test captures as well, where there is one.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from dlm_lsp.models import graphs
from dlm_lsp.models.cached import Cached, Dual, Hole
from dlm_lsp.models.denoiser import View, Vocabulary
from dlm_lsp.models.dream import DreamConfig, DreamModel
from dlm_lsp.models.graphs import Bucket, Buffers, CudaCapture, Graphs, choose_bucket, compute_on
from dlm_lsp.models.llada import LladaConfig, LladaModel
from dlm_lsp.models.loading import load
from dlm_lsp.models.transformer import Again, Network, NetworkDenoiser, compute
from dlm_lsp.sampling.canvas import Canvas, join
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.samplers.threshold import Threshold

VOCAB, MASK, EXPAND, DELETE = 24, 23, 22, 21
FORBIDDEN = torch.tensor([token in {0, MASK, EXPAND, DELETE} for token in range(VOCAB)])
PLENTY_BYTES = 10**9
SEEDS = range(6)


def make_network(family: str, seed: int = 0, dtype: torch.dtype = torch.float64) -> Any:
    """A random network whose answers are far from uniform, with two heads of queries to one of keys."""
    dream = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    llada = {"d_model": 16, "mlp_hidden_size": 32, "n_layers": 2, "n_heads": 4}
    if family == "dream":
        config: dict[str, object] = {"vocab_size": VOCAB, "num_key_value_heads": 2, "max_canvas_tokens": 512, **dream}
        network: Any = DreamModel(DreamConfig.from_json(config))
    else:
        network = LladaModel(LladaConfig.from_json({"vocab_size": VOCAB, **llada}))
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in network.named_parameters():
        if "norm" not in name and "ln_f" not in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.6
    return network.to(dtype).requires_grad_(False)


class Repeated:
    """Captures nothing: repeats a step as it stands, and counts."""

    def __init__(self) -> None:
        self.captured = 0
        self.replayed = 0

    def __call__(self, step: Callable[[], None]) -> Callable[[], None]:
        self.captured += 1

        def replay() -> None:
            self.replayed += 1
            step()

        return replay


def pair(network: Any) -> tuple[NetworkDenoiser, NetworkDenoiser, Repeated]:
    """A denoiser without graphs and one with them over the same network, and what counts its steps."""
    vocabulary = Vocabulary(VOCAB, MASK, FORBIDDEN, EXPAND, DELETE)
    capture = Repeated()
    plain = NetworkDenoiser(network, vocabulary, None)
    return plain, NetworkDenoiser(network, vocabulary, None, compute_rows=Graphs(capture, PLENTY_BYTES, "cpu")), capture


def draw_canvases(seed: int) -> list[Canvas]:
    """One to three canvases of several lengths, with one or two holes each."""
    rng = torch.Generator().manual_seed(seed)

    def context(most: int) -> list[int]:
        return torch.randint(1, DELETE, (int(torch.randint(0, most, (1,), generator=rng)),), generator=rng).tolist()

    canvases = []
    for _ in range(1 + seed % 3):
        lengths = torch.randint(1, 20, (1 + seed % 2,), generator=rng).tolist()
        canvases.append(join([context(150) for _ in range(len(lengths) + 1)], lengths, [6] * len(lengths), MASK))
    return canvases


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("family", ["dream", "llada"])
@pytest.mark.parametrize("threshold", [0.3, 2.0])
def test_a_decode_is_the_same_after_every_step(family: str, seed: int, threshold: float) -> None:
    """Fails if padding, stale buffers, growth, a budget or an id that is forbidden make one token another than without graphs."""
    network = make_network(family, seed)
    plain, graphed, capture = pair(network)
    runs = []
    for inner in (plain, graphed):
        canvases = draw_canvases(seed)
        rngs = [torch.Generator().manual_seed(k) for k in range(len(canvases))]
        samplers = [Threshold(threshold, temperature=1.0 if seed % 2 else 0.0)] * len(canvases)
        steps = denoise(canvases, Cached(inner, Hole(5, 1)), samplers, rngs)
        runs.append([[canvas.tokens.tolist() for canvas in step] for step in steps])
    assert runs[0] == runs[1]
    assert capture.replayed >= 1, "no step was a graph's"


@pytest.mark.parametrize("family", ["dream", "llada"])
def test_what_stood_in_a_buffer_before_is_not_seen(family: str) -> None:
    """Fails if a shorter canvas sees what a longer one left, or surplus rows write into its keys."""
    network = make_network(family)
    plain, graphed, capture = pair(network)
    long, short = (torch.arange(length) % DELETE for length in (240, 90))
    for tokens, hole in ((long, range(30, 50)), (short, range(30, 34)), (long, range(60, 70))):
        view = View(tokens.clone(), torch.tensor(list(hole)))
        view.tokens[view.rows] = MASK
        caches = [Cached(inner, Dual()) for inner in (plain, graphed)]
        for _ in range(2):
            expected, actual = (cache.predict([view])[0] for cache in caches)
        torch.testing.assert_close(actual, expected, rtol=1e-6, atol=1e-6)
    # All rows of a canvas are computed first, a shape of their own: of the long ones the same.
    assert (3, 6) == (capture.captured, capture.replayed)


def test_all_that_is_kept_is_brought_up_to_date() -> None:
    """Fails if keys, values or hidden states of a computed row stay in the buffer."""
    network = make_network("dream")
    tokens = torch.arange(40) % DELETE
    kept = [network.keep(40) for _ in range(2)]
    for mine in kept:
        compute(network, [Again(tokens, torch.arange(40), torch.arange(40), mine)])
    changed, rows = tokens.clone(), torch.tensor([3, 4, 39])
    changed[rows] = 1
    compute(network, [Again(changed, torch.arange(40), rows, kept[0])])
    Graphs(Repeated(), PLENTY_BYTES, "cpu")(network, [Again(changed, torch.arange(40), rows, kept[1])])
    for one, other in zip(graphs.parts(kept[0]), graphs.parts(kept[1]), strict=True):
        torch.testing.assert_close(other, one, rtol=1e-6, atol=1e-6)


def piece(rows: int, length: int, kept: Any = None) -> Again:
    """A canvas of which the first rows are computed."""
    return Again(torch.ones(length, dtype=torch.int64), torch.arange(length), torch.arange(rows), kept)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ([(17, 200)], Bucket(1, 32, 288)),
        ([(32, 287)], Bucket(1, 32, 288)),
        ([(32, 288)], Bucket(1, 32, 544)),
        ([(33, 288)], Bucket(1, 48, 304)),
        ([(10, 100), (80, 1000)], Bucket(2, 80, 1104)),
        ([(272, 2319)], Bucket(1, 272, 2320)),
        ([(273, 300)], None),
        ([(17, 2200)], Bucket(1, 272, 2320)),
        ([(17, 2320)], None),
        ([(17, 100), (17, 2320)], None),
    ],
)
def test_the_smallest_bucket(asked: list[tuple[int, int]], expected: Bucket | None) -> None:
    """Fails if a canvas reaches the last place, where surplus rows write, or one larger than every bucket is forced into one."""
    assert expected == choose_bucket([piece(*sizes) for sizes in asked], None)
    assert expected is None or expected.length % 16 == 0


@pytest.mark.parametrize("sizes", [(273, 300), (17, 2320)])
def test_a_hole_larger_than_every_bucket_is_answered(sizes: tuple[int, int]) -> None:
    """Fails if it is an error, or cut."""
    network = make_network("dream")
    rows, length = sizes
    kept = network.keep(length)
    capture = Repeated()
    Graphs(capture, PLENTY_BYTES, "cpu")(network, [piece(rows, length, kept)])
    assert 0 == capture.captured
    assert int((kept.hidden != 0).any(-1).sum()) == rows


def test_a_shape_is_captured_once_for_each_depth() -> None:
    """Fails if every step captures, or a drafter of fewer layers replays the whole network's graph."""
    network = make_network("llada")
    plain, graphed, capture = pair(network)
    view = View(torch.full((50,), MASK), torch.arange(10, 20))
    for inner, other in ((graphed, plain), (graphed.skip_above(1), plain.skip_above(1)), (graphed, plain)):
        caches = [Cached(each, Dual()) for each in (inner, other)]
        for _ in range(3):
            actual, expected = (cache.predict([view])[0] for cache in caches)
        torch.testing.assert_close(actual, expected, rtol=1e-6, atol=1e-6)
    # The first call of a cache computes all 50 rows, a shape of its own.
    assert (4, 9) == (capture.captured, capture.replayed)


class Watch(TorchDispatchMode):
    """Writes down which operations run."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(func._schema.name)
        return func(*args, **(kwargs or {}))


WAITING = {
    "aten::_local_scalar_dense",
    "aten::item",
    "aten::nonzero",
    "aten::is_nonzero",
    "aten::equal",
    "aten::unique",
}
"""Operations for which the host waits, and which no capture allows."""


@pytest.mark.parametrize("family", ["dream", "llada"])
def test_nothing_in_a_step_waits_for_the_device(family: str) -> None:
    """Fails if a step asks for a number or for a shape that depends on one: no graph of it could be captured."""
    network = make_network(family)
    buffers = Buffers.make(network, Bucket(2, 32, 288))
    with Watch() as watch:
        compute(network, buffers.pieces)
    assert "aten::index_put_" in watch.names, "nothing was seen"
    assert set() == watch.names & WAITING


@pytest.mark.parametrize("family", ["dream", "llada"])
def test_everything_stands_where_the_network_does(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if a step makes a tensor on the CPU or needs one there, where what is asked comes from and numbers need not exist."""
    network = make_network(family).to("meta")
    inside = network.hidden

    def hidden(tokens: torch.Tensor, positions: torch.Tensor, *rest: Any) -> Any:
        assert ("meta", "meta") == (tokens.device.type, positions.device.type)  # here numbers on the CPU would pass
        return inside(tokens, positions, *rest)

    monkeypatch.setattr(network, "hidden", hidden)
    plain = NetworkDenoiser(network, Vocabulary(VOCAB, MASK, FORBIDDEN), None)
    asked = [piece(5, 20, network.keep(20)), piece(5, 30, network.keep(30))]
    buffers = Buffers.make(network, Bucket(2, 32, 288))
    with torch.inference_mode():
        compute(network, asked)
        buffers.fill(asked)
        compute(network, buffers.pieces)
        buffers.give(asked)
    views = [View(each.tokens, each.rows) for each in asked]
    for answer in (*plain.predict(views), *plain.read([each.kept for each in asked], views)):
        assert ("meta", (5, VOCAB)) == (answer.device.type, tuple(answer.shape))


def refuse(step: Callable[[], None]) -> Callable[[], None]:
    """Capture nothing, as an old driver."""
    step()
    raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nmore")


def test_a_driver_that_captures_nothing(caplog) -> None:
    """Fails if there is no answer then, if it is tried at every step again, or if nobody is told."""
    network = make_network("dream")
    calls = []

    def count(step: Callable[[], None]) -> Callable[[], None]:
        calls.append(step)
        return refuse(step)

    plain = NetworkDenoiser(network, Vocabulary(VOCAB, MASK, FORBIDDEN), None)
    graphed = NetworkDenoiser(network, plain.vocabulary, None, compute_rows=Graphs(count, PLENTY_BYTES, "cpu"))
    view = View(torch.full((300,), MASK), torch.arange(10, 20))
    with caplog.at_level(logging.WARNING):
        caches = [Cached(each, Dual()) for each in (plain, graphed)]
        for _ in range(3):
            expected, actual = (cache.predict([view])[0] for cache in caches)
    assert torch.equal(expected, actual)
    assert 1 == len(calls)
    (record,) = caplog.records
    assert "without a CUDA graph (CUDA error: operation not permitted when stream is capturing)" in record.message


def bytes_of(network: Network, bucket: Bucket) -> int:
    """What the buffers of a shape take."""
    return Buffers.make(network, bucket).size_bytes


def test_buffers_stay_within_their_share_of_the_memory() -> None:
    """Fails if shapes that were used long ago are kept for ever, the newest is dropped, or a shape larger than the share is made."""
    network = make_network("dream")
    small, large = Bucket(1, 32, 288), Bucket(1, 32, 544)
    room = bytes_of(network, small) + bytes_of(network, large)
    capture = Repeated()
    kept = Graphs(capture, room, "cpu")
    for length in (200, 500, 200, 500, 1000, 200):
        kept(network, [piece(4, length, network.keep(length))])
    # 1000 is too large for all; the others fit together.
    assert [large, small] == list(kept._ready)
    assert 2 == capture.captured
    tight = Graphs(capture, bytes_of(network, large), "cpu")
    for length in (200, 500, 500):
        tight(network, [piece(4, length, network.keep(length))])
    assert [large] == list(tight._ready)
    assert 4 == capture.captured


class Full:
    """`network`, whose device has no more memory from the call on that is named."""

    def __init__(self, network: Any, fails: Sequence[int]) -> None:
        self._network = network
        self._fails = fails
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def eval(self) -> "Full":
        return self

    def requires_grad_(self, **_: bool) -> "Full":
        return self

    def hidden(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        if self.calls in self._fails:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self._network.hidden(*args, **kwargs)


def test_graphs_make_room_for_a_request() -> None:
    """Fails if a request fails for want of the memory that the buffers of graphs hold, or they are made again at once."""
    network = make_network("dream")
    capture = Repeated()
    kept = Graphs(capture, PLENTY_BYTES, "cpu")
    kept(network, [piece(4, 100, network.keep(100))])
    assert 1 == len(kept._ready)
    full, room = Full(network, [1]), network.keep(300)
    kept(full, [piece(300, 300, room)])
    assert bool((room.hidden != 0).any(-1).all())
    assert 2 == full.calls
    kept(network, [piece(4, 100, network.keep(100))])
    assert not kept._ready
    with pytest.raises(torch.OutOfMemoryError):
        kept(Full(network, range(9)), [piece(300, 300, room)])


@pytest.mark.parametrize("cached", [False, True])
def test_lanes_for_which_memory_is_too_small_go_one_by_one(*, cached: bool) -> None:
    """Fails if a request of several candidates fails where one would have been answered, or answers change places."""
    network = make_network("dream")
    vocabulary = Vocabulary(VOCAB, MASK, FORBIDDEN)
    views = [View(torch.full((length,), MASK), torch.arange(2, 5), lane=k) for k, length in enumerate((20, 30, 40))]
    # All three; then one, then the other two, then one and one.
    full = Full(network, [1, 3])
    plain, tight = (NetworkDenoiser(each, vocabulary, None) for each in (network, full))
    asked = [Cached(each, Dual()) if cached else each for each in (plain, tight)]
    expected, actual = (each.predict(views) for each in asked)
    for one, other in zip(expected, actual, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-6, atol=1e-6)
    assert 5 == full.calls
    full.calls, full._fails = 0, [1]
    with pytest.raises(torch.OutOfMemoryError):
        tight.predict(views[:1])


def test_nothing_changes_on_the_cpu(checkpoints) -> None:
    """Fails if canvases are padded where there is no graph."""
    assert compute is compute_on(torch.device("cpu"), make_network("dream"))
    denoiser = load(checkpoints / "dream-tiny", device="cpu")
    assert isinstance(denoiser, NetworkDenoiser)
    assert compute is denoiser._compute


def test_the_commonest_shapes_are_captured_beforehand() -> None:
    """Fails if the first request pays for its graph, or shapes are captured that no canvas of a small network has."""
    network = make_network("dream")
    kept = Graphs(Repeated(), PLENTY_BYTES, "cpu")
    kept.warm_up(network)
    assert [Bucket(1, 48, 560)] == list(kept._ready)


def test_a_network_that_has_left_the_device_has_no_graphs() -> None:
    """Fails if a graph is replayed over weights that are no longer there."""
    network, capture = make_network("dream"), Repeated()
    there = Graphs(capture, PLENTY_BYTES, "cuda")
    kept = network.keep(30)
    there(network, [piece(4, 30, kept)])
    assert (0, 4) == (capture.captured, int((kept.hidden != 0).any(-1).sum()))


def test_who_leaves_the_device_gives_its_graphs_back() -> None:
    """Fails if a model that went to the CPU for want of memory holds on to buffers on the GPU that nobody will use again."""
    _, denoiser, _ = pair(make_network("dream"))
    denoiser.move_to_cpu()
    assert compute is denoiser._compute


ON_A_GPU = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")]


@pytest.mark.parametrize("place", ["cpu", pytest.param("cuda", marks=ON_A_GPU)])
@pytest.mark.parametrize("family", ["dream", "llada"])
def test_graphs_answer_as_the_network_does(family: str, place: str) -> None:
    """Fails if a replay reads or writes other memory than the step that was captured; on the CPU, if what is asserted is not so."""
    network = make_network(family, dtype=torch.float32).to(place)
    vocabulary = Vocabulary(VOCAB, MASK, FORBIDDEN)
    plain = NetworkDenoiser(network, vocabulary, None)
    kept = Graphs(CudaCapture() if place == "cuda" else Repeated(), PLENTY_BYTES, place)
    graphed = NetworkDenoiser(network, vocabulary, None, compute_rows=kept)
    for length in (280, 600, 280, 700):
        view = View(torch.arange(length) % DELETE, torch.arange(30, 40))
        view.tokens[view.rows] = MASK
        caches = [Cached(inner, Dual()) for inner in (plain, graphed)]
        for token in range(1, 5):
            expected, actual = (cache.predict([view])[0] for cache in caches)
            torch.testing.assert_close(actual, expected, rtol=1e-3, atol=1e-3)
            view.tokens[29 + token] = token
    assert {288, 1056} == {bucket.length for bucket in kept._ready}
    assert not kept._refused
