"""ONNX Runtime computes what torch does; where it is missing or wrong, torch answers."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from dlm_lsp.models import formats, loading, onnx_rows
from dlm_lsp.models.cached import Cached, Dual, Hole
from dlm_lsp.models.denoiser import View, Vocabulary
from dlm_lsp.models.dream import DreamModel
from dlm_lsp.models.llada import LladaConfig, LladaModel
from dlm_lsp.models.loading import load
from dlm_lsp.models.onnx_rows import NAME, Graph, OnnxRows, check_overflow, int8_product, run_by_onnx, write_layers
from dlm_lsp.models.transformer import Again, NetworkDenoiser, compute
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.samplers.threshold import Threshold
from tests.models.test_graphs import DELETE, EXPAND, FORBIDDEN, MASK, VOCAB, draw_canvases, make_network

NEAR = 0.06
"""Of the logits' length: what rounding to int8 may cost a network of two random layers."""
LENGTH, HOLE = 40, torch.arange(12, 20)
EVERYTHING = torch.arange(LENGTH)


@pytest.fixture
def onnx() -> None:
    """Skips where the extra is not installed; CI has it."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Lets all products be float32's: then everything else has to be exact."""
    request.getfixturevalue("onnx")

    def product(graph: Graph, x: str, weight: Tensor, bias: Tensor | None = None) -> str:
        multiplied = graph.one("MatMul", x, graph.weight(weight.T))
        return multiplied if bias is None else graph.one("Add", multiplied, graph.weight(bias))

    monkeypatch.setattr(Graph, "product", product)


@pytest.fixture
def network() -> DreamModel:
    """Two random layers, with two heads of queries to one of keys."""
    return make_network("dream", dtype=torch.float32)


def denoisers(network: DreamModel, *, computes_all: bool = False) -> list[NetworkDenoiser]:
    """Torch's and ONNX Runtime's over the same network."""
    vocabulary = Vocabulary(VOCAB, MASK, FORBIDDEN, EXPAND, DELETE)
    rows = OnnxRows(network, write_layers(network))
    return [
        NetworkDenoiser(network, vocabulary, None),
        NetworkDenoiser(network, vocabulary, None, compute_rows=rows, computes_all=computes_all),
    ]


def distance(one: Tensor, other: Tensor) -> float:
    """How far apart two tensors are, of the first one's length."""
    return float((one - other).norm() / one.norm())


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("positions", [EVERYTHING, EVERYTHING * 2 + 3])
@torch.inference_mode()
def test_rows_are_computed_as_torch_does(network: DreamModel, positions: Tensor) -> None:
    """Fails if a head meets another head's keys, an angle or a bias is another row's, or what is kept is not brought up to date."""
    tokens = EVERYTHING % DELETE
    changed = tokens.clone()
    changed[HOLE] = MASK
    found = []
    for work in (compute, OnnxRows(network, write_layers(network))):
        kept = network.keep(LENGTH)
        work(network, [Again(tokens, positions, EVERYTHING, kept)])
        before = kept.keys.clone()
        work(network, [Again(changed, positions, HOLE, kept)])
        around = EVERYTHING[(EVERYTHING < HOLE[0]) | (EVERYTHING > HOLE[-1])]
        assert torch.equal(before[..., around, :], kept.keys[..., around, :])
        found.append(kept)
    for name in ("keys", "values", "hidden"):
        torch.testing.assert_close(getattr(found[1], name), getattr(found[0], name), rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rule", [Hole(5, 1), Dual()])
def test_a_decode_is_the_same_after_every_step(seed: int, rule: Hole | Dual) -> None:
    """Fails if lanes, growth, what is taken back or what earlier calls left make one token another than with torch."""
    runs = []
    for inner in denoisers(make_network("dream", seed, torch.float32)):
        canvases = draw_canvases(seed)
        rngs = [torch.Generator().manual_seed(k) for k in range(len(canvases))]
        steps = denoise(canvases, Cached(inner, rule), [Threshold(0.3)] * len(canvases), rngs)
        runs.append([[canvas.tokens.tolist() for canvas in step] for step in steps])
    assert runs[0] == runs[1]


@pytest.mark.usefixtures("exact")
def test_whole_canvases_of_several_lengths(network: DreamModel) -> None:
    """Fails if a canvas is answered with another one's rows, or one with an attention rule without it."""
    torch_s, ours = denoisers(network, computes_all=True)
    views = [View(torch.arange(length) % DELETE, torch.arange(2, length - 3)) for length in (9, 30)]
    views.append(View(views[0].tokens, views[0].rows, positions=torch.arange(9) * 2))
    ruled = View(views[0].tokens, views[0].rows, visible=torch.ones(9, 9, dtype=torch.bool).tril())
    for asked in (views, [*views, ruled]):
        for expected, actual in zip(torch_s.predict(asked), ours.predict(asked), strict=True):
            torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("exact")
def test_fewer_layers_are_fewer(network: DreamModel) -> None:
    """Fails if a drafter of one layer is answered with all of them."""
    view = View(EVERYTHING % DELETE, HOLE)
    torch_s, ours = (Cached(each.skip_above(1), Dual()).predict([view])[0] for each in denoisers(network))
    torch.testing.assert_close(ours, torch_s)


@pytest.mark.usefixtures("onnx")
def test_int8_is_near(checkpoints: Path) -> None:
    """Fails when a scale belongs to another row or column, the head is none of the products, or a canvas without a cache is torch's."""
    exact, ours = (load(checkpoints / "dream-tiny", device="cpu", dtype=dtype) for dtype in ("float32", NAME))
    assert NAME == ours.dtype
    view = View(torch.arange(24) + 3, torch.arange(8, 16))
    view.tokens[view.rows] = ours.vocabulary.mask_id
    [expected], [whole], [cached] = (each.predict([view]) for each in (exact, ours, Cached(ours, Dual())))
    assert 0 < distance(expected, whole) <= NEAR
    assert torch.equal(whole, cached)
    hidden = torch.randn(5, 64, generator=torch.Generator().manual_seed(0))
    assert 0 < distance(exact._network.head(hidden), ours._network.head(hidden)) <= NEAR


@pytest.mark.usefixtures("onnx")
def test_the_bundled_model_is_as_sure_of_the_same() -> None:
    """Fails if rows far greater than others are rounded with those: the divergence, of 0.0012 nats, is more than twice as much then."""
    exact, ours = (load("nano", device="cpu", threads=1, dtype=dtype) for dtype in ("float32", NAME))
    code = (
        "def mean(values: list[float]) -> float:\n    return sum(values) / len(values)\n\n\nprint(mean([1, 2]))\n" * 4
    )
    tokens = torch.tensor(exact.tokenizer.encode(code))
    rows = torch.arange(5, len(tokens), 7)
    tokens[rows] = exact.vocabulary.mask_id
    one, other = (denoiser.predict([View(tokens, rows)])[0].log_softmax(-1) for denoiser in (exact, ours))
    assert float(functional.kl_div(other, one, log_target=True, reduction="batchmean")) < 0.002


@pytest.mark.usefixtures("onnx")
def test_a_row_is_divided_by_its_own_greatest_number() -> None:
    """Fails if a row beside one a thousand times as great is rounded to nothing; or one of zeros is divided by them."""
    graph = Graph()
    weight = torch.eye(4)
    run = graph.run({"x": (torch.float32, ("R", 4))}, [graph.product_of_unequal("x", weight)])
    x = torch.tensor([[1000.0, -900, 3, 4], [0.1, 0.2, -0.3, 0.4], [0, 0, 0, 0]])
    [found] = run({"x": x})
    assert all(
        float((row - same).abs().max()) <= float(row.abs().max()) / 100 for row, same in zip(x, found, strict=True)
    )


@pytest.mark.usefixtures("onnx")
def test_products_by_themselves() -> None:
    """Fails when no rows, rows of zeros, a weight of zeros, a bias or one more dimension is not answered as torch does."""
    generator = torch.Generator().manual_seed(0)
    weight, bias, x = (torch.randn(shape, generator=generator) for shape in ((64, 32), (64,), (2, 5, 32)))
    assert distance(functional.linear(x, weight, bias), int8_product(weight, bias)(x)) <= 0.02
    nothing = int8_product(torch.zeros(8, 4), torch.ones(8))
    assert torch.equal(torch.ones(2, 3, 8), nothing(torch.zeros(2, 3, 4)))
    assert (0, 8) == nothing(torch.zeros(0, 4)).shape


@pytest.mark.usefixtures("onnx")
@pytest.mark.parametrize(("large", "expected"), [(10**9, 1), (1, 2)])
def test_a_second_thread_is_for_large_networks(large: int, expected: int, monkeypatch) -> None:
    """Fails if every operation of a small step wakes another thread: beside other work a step took five times as long."""
    import onnxruntime

    made, session = [], onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime, "InferenceSession", lambda *args, **named: made.append(args[1]) or session(*args, **named)
    )
    monkeypatch.setattr(onnx_rows, "THREADS_NUMBERS", large)
    torch.set_num_threads(2)
    int8_product(torch.eye(4))
    assert [expected] == [options.intra_op_num_threads for options in made]


def overflowing(weight: Tensor, bias: Tensor | None = None) -> Callable[[Tensor], Tensor]:
    """A product that sums pairs in 16 bits, as CPUs without VNNI do: of ones it is half."""
    return lambda x: functional.linear(x, weight, bias) / 2


def test_products_that_overflow_are_not_taken(monkeypatch) -> None:
    """Fails if a CPU whose int8 sums saturate computes answers with them."""
    monkeypatch.setattr(onnx_rows, "int8_product", overflowing)
    with pytest.raises(RuntimeError, match="overflow"):
        check_overflow()


@pytest.mark.usefixtures("onnx")
@pytest.mark.parametrize("wrong", [2.0, float("nan")])
def test_a_graph_that_computes_something_else_is_not_taken(network: DreamModel, wrong: float, monkeypatch) -> None:
    """Fails if a runtime's fault becomes an answer; or the head is replaced although the rest is not."""
    compute_one = OnnxRows._compute

    def spoil(rows: OnnxRows, piece: Again) -> None:
        compute_one(rows, piece)
        piece.kept.hidden.mul_(wrong)

    monkeypatch.setattr(OnnxRows, "_compute", spoil)
    head = network.lm_head
    with pytest.raises(RuntimeError, match="something else"):
        run_by_onnx(network)
    assert head is network.lm_head


def test_very_many_layers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if a deep network, however small, is not loaded for minutes."""
    monkeypatch.setattr(onnx_rows, "MAX_LAYERS", 1)
    with pytest.raises(RuntimeError, match="at most 1 layers"):
        run_by_onnx(make_network("dream"))


def test_another_family_is_refused() -> None:
    """Fails if a LLaDA is computed as if it were a Dream."""
    config = {"vocab_size": VOCAB, "d_model": 16, "mlp_hidden_size": 32, "n_layers": 1, "n_heads": 2}
    with pytest.raises(RuntimeError, match="Dream"):
        run_by_onnx(LladaModel(LladaConfig.from_json(config)))


def raising(*_: object, **__: object) -> None:
    """A runtime that is too old, or whose library does not load."""
    raise ValueError("no such operation\nmore of it")


@pytest.mark.parametrize("fault", ["missing", "failing"])
def test_without_it_the_answer_is_torch_s(fault: str, checkpoints: Path, monkeypatch, caplog) -> None:
    """Fails when a machine without the package, or with one that fails, has no model, another answer, or is told nothing or too much."""
    if fault == "missing":
        monkeypatch.setitem(sys.modules, "onnx", None)
    else:
        monkeypatch.setattr(onnx_rows, "check_overflow", raising)
    view = View(torch.arange(24) + 3, torch.arange(8, 16))
    with caplog.at_level(logging.WARNING):
        exact, ours = (load(checkpoints / "dream-tiny", device="cpu", dtype=dtype) for dtype in ("float32", NAME))
    assert "float32" == ours.dtype
    assert torch.equal(exact.predict([view])[0], ours.predict([view])[0])
    [said] = caplog.messages
    assert NAME in said
    assert "\n" not in said
    assert ("pip install" if fault == "missing" else "no such operation") in said


def test_the_trial_goes_on_without_it(checkpoints: Path, monkeypatch, caplog) -> None:
    """Fails when `auto` needs the extra, or warns at every start of somebody who has not asked for it."""
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setattr(loading, "TRIED_NUMBERS", 1)
    with caplog.at_level(logging.WARNING):
        assert load(checkpoints / "dream-tiny", device="cpu").dtype in {formats.EXACT, "bfloat16", "int8"}
    assert [] == caplog.messages


@pytest.mark.usefixtures("onnx")
def test_the_trial_goes_on_where_it_fails_at_work(checkpoints: Path, monkeypatch) -> None:
    """Fails if a runtime that gets no memory for a larger canvas than the first one ends the load: its errors are no RuntimeErrors."""
    compute_one = OnnxRows._compute

    def misshape(rows: OnnxRows, piece: Again) -> None:
        dropped = int(len(piece.tokens) > onnx_rows.CHECKED_ROWS)
        wrong = lambda given: rows.run(given | {"x": given["x"][:, dropped:]})  # noqa: E731
        compute_one(OnnxRows(rows.network, wrong), piece)

    monkeypatch.setattr(OnnxRows, "_compute", misshape)
    monkeypatch.setattr(loading, "TRIED_NUMBERS", 1)
    assert load(checkpoints / "dream-tiny", device="cpu").dtype in {formats.EXACT, "bfloat16", "int8"}


@pytest.mark.usefixtures("onnx")
def test_the_trial_may_choose_it(checkpoints: Path, monkeypatch) -> None:
    """Fails when the fastest that is there is not what runs."""
    monkeypatch.setattr(loading, "TRIED_NUMBERS", 1)
    monkeypatch.setattr(
        formats, "in_order", lambda spent_s: [NAME] if NAME in spent_s else pytest.fail("it was not tried")
    )
    assert NAME == load(checkpoints / "dream-tiny", device="cpu").dtype
