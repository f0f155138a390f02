"""The limits are those that the formulas give; the rates are measured on products of the right sizes."""

import pytest

from benchmarks.roofline import Rates, Shape, measure, shape_of

DREAM_7B = {
    "model_type": "Dream",
    "num_hidden_layers": 28,
    "hidden_size": 3584,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "intermediate_size": 18944,
    "vocab_size": 152064,
}
H200 = Rates({"bfloat16": {64: 780_000.0}}, {"bfloat16": 4300.0})


def test_a_network_has_the_weights_that_its_config_says() -> None:
    """Fails if a matrix is forgotten: Dream's body has 6.525e9 weights and its head 0.545e9."""
    shape = Shape.from_json(DREAM_7B)
    assert pytest.approx(6.525e9, rel=1e-3) == shape.layers * shape.layer_weights
    assert pytest.approx(7.07e9, rel=1e-3) == shape.weights


def test_the_two_families_name_the_same_sizes_differently() -> None:
    """Fails if LLaDA's key-value heads, which it need not name, are taken for none."""
    llada = {"model_type": "llada", "n_layers": 32, "d_model": 4096, "n_heads": 32, "mlp_hidden_size": 12288}
    assert Shape(32, 4096, 4096, 12288, 126464) == Shape.from_json({**llada, "vocab_size": 126464})


@pytest.mark.parametrize(("rows", "ms"), [(64, 3.33), (1024, 17.8)])
def test_a_call_is_bound_by_bytes_or_by_flops(rows: int, ms: float) -> None:
    """Fails if the longer of the two times is not the limit: the hole alone is read, a whole canvas is computed."""
    limit = H200.call_ms(Shape.from_json(DREAM_7B), "bfloat16", rows=rows, canvas=1024, asked=64)
    assert pytest.approx(ms, rel=0.01) == limit


def test_only_the_first_call_of_a_cold_answer_computes_the_canvas() -> None:
    """Fails if a warm answer's limit holds the context, or every call of a cold one does."""
    shape = Shape.from_json(DREAM_7B)
    cold, warm = (
        H200.answer_ms(shape, "bfloat16", calls=16, hole=64, canvas=1024, cold=cold) for cold in (True, False)
    )
    assert pytest.approx(16 * 3.33, rel=0.01) == warm
    assert pytest.approx(warm + 17.8 - 3.33, rel=0.01) == cold


def test_what_is_measured_is_what_the_limits_need() -> None:
    """Fails if a number of rows or the rate of copying is left out, or a rate is no rate."""
    rates = measure(shape_of("nano"), (8, 32), threads=1)
    assert {8, 32} == set(rates.gflops["float32"])
    assert all(rate > 0 for measured in rates.gflops.values() for rate in measured.values())
    assert set(rates.gflops) == set(rates.copy_gb_per_s)
