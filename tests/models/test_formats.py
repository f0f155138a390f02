"""Which number format is chosen: by time, among those that compute much the same."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dlm_lsp.models import formats, loading
from dlm_lsp.models.formats import EXACT, Trial, fastest
from dlm_lsp.models.loading import load
from dlm_lsp.models.transformer import NetworkDenoiser


@pytest.fixture
def make(checkpoints: Path) -> Callable[[str], NetworkDenoiser]:
    """Makes a tiny model in a format."""

    def of(dtype: str) -> NetworkDenoiser:
        denoiser = load(checkpoints / "dream-tiny", device="cpu", dtype=dtype)
        assert isinstance(denoiser, NetworkDenoiser)
        return denoiser

    return of


@pytest.fixture
def clock(monkeypatch) -> Callable[..., None]:
    """Sets how many milliseconds rows take in a format, for all rows and for those of a hole."""

    def take(**ms: tuple[float, float]) -> None:
        monkeypatch.setattr(formats, "FASTER", ("bfloat16", "int8"))

        def spent_s(trial: Trial, rows: Tensor) -> float:
            whole, step = ms[trial.denoiser.dtype]
            trial.compute(rows)
            return (whole if len(rows) == len(formats.EVERYTHING) else step) / 1000

        monkeypatch.setattr(Trial, "spent_s", spent_s)

    return take


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({"float32": (20, 5), "bfloat16": (12, 3), "int8": (11, 2.9)}, "bfloat16"),
        ({"float32": (20, 5), "bfloat16": (12, 3), "int8": (6, 2)}, "int8"),
        ({"float32": (20, 5), "bfloat16": (90, 40), "int8": (8, 3)}, "int8"),
        ({"float32": (20, 5), "bfloat16": (19, 4.6), "int8": (19, 4.4)}, "float32"),
        ({"float32": (20, 5), "bfloat16": (60, 5), "int8": (13, 5)}, "float32"),
    ],
)
def test_the_clearly_fastest_is_chosen(times: dict, expected: str, make, clock) -> None:
    """Fails when chance decides between two that are as fast, or a pass counts for more than the steps between two."""
    clock(**times)
    assert expected == fastest(make)[0]


def test_a_format_that_fails_is_not_chosen(make, clock) -> None:
    """Fails when a CPU without a format, or without the memory for it, loads no model at all."""
    clock(float32=(20, 5), int8=(9, 2))

    def failing(dtype: str) -> NetworkDenoiser:
        if dtype == "bfloat16":
            raise RuntimeError("could not create a primitive descriptor")
        return make(dtype)

    assert ["int8", EXACT] == fastest(failing)


@pytest.mark.parametrize("wrong", [1.5, float("nan")])
def test_a_format_that_computes_something_else_is_not_chosen(wrong: float, make, clock, monkeypatch) -> None:
    """Fails when sums overflow on a CPU and the format is taken because it is fast."""
    clock(float32=(20, 5), bfloat16=(2, 1), int8=(2, 1))
    compute = Trial.compute
    monkeypatch.setattr(
        Trial,
        "compute",
        lambda trial, rows: compute(trial, rows) * (1.0 if trial.denoiser.dtype == EXACT else wrong),
    )
    assert [EXACT] == fastest(make)


def test_what_is_slower_for_a_hole_is_not_tried_on_all_rows(make, clock, monkeypatch) -> None:
    """Fails when a CPU that has to emulate a format keeps the start waiting for seconds."""
    clock(float32=(20, 5), bfloat16=(2000, 60), int8=(19, 4.9))
    spent_s, passed = Trial.spent_s, set()

    def noting(trial: Trial, rows: Tensor) -> float:
        if len(rows) > len(formats.HOLE):
            passed.add(trial.denoiser.dtype)
        return spent_s(trial, rows)

    monkeypatch.setattr(Trial, "spent_s", noting)
    assert [EXACT] == fastest(make)
    assert {EXACT, "int8"} == passed


def test_the_trial_takes_one_thread_and_gives_the_others_back(make, monkeypatch) -> None:
    """Fails when threads that wait for each other are timed, or answers are computed by one thread ever after."""
    seen = set()
    monkeypatch.setattr(Trial, "spent_s", lambda _trial, _rows: seen.add(torch.get_num_threads()) or 1.0)
    torch.set_num_threads(2)
    fastest(make)
    assert ({1}, 2) == (seen, torch.get_num_threads())


def test_times_are_times_of_work(make) -> None:
    """Fails when what is timed does not compute the rows."""
    trial = Trial.of(make("float32"))
    assert trial.spent_s(formats.EVERYTHING) > trial.spent_s(formats.HOLE) > 0
    assert (len(formats.HOLE), trial.denoiser.vocabulary.size) == trial.compute(formats.HOLE).shape
    assert bool(trial.kept.hidden.any(dim=1).all())


def test_nothing_is_tried_where_little_is_to_be_gained(checkpoints: Path, monkeypatch) -> None:
    """Fails when a tiny model, or one whose format was set, waits for a trial; or chance chooses its format."""
    monkeypatch.setattr(loading, "fastest", pytest.fail)
    assert "float32" == load(checkpoints / "dream-tiny", device="cpu").dtype
    monkeypatch.setattr(loading, "TRIED_NUMBERS", 1)
    assert "bfloat16" == load(checkpoints / "dream-tiny", device="cpu", dtype="bfloat16").dtype


@pytest.mark.parametrize("name", ["dream-tiny", "llada-tiny"])
def test_one_layer_is_tried_and_all_are_loaded(name: str, checkpoints: Path, monkeypatch) -> None:
    """Fails when the choice is not followed, the trial is made on the whole model, or what was tried is what is used."""
    tried = []

    def choose(make: Callable[[str], NetworkDenoiser]) -> list[str]:
        tried.append(make("float32").layers)
        return ["bfloat16", "float32"]

    monkeypatch.setattr(loading, "TRIED_NUMBERS", 1)
    monkeypatch.setattr(loading, "fastest", choose)
    denoiser = load(checkpoints / name, device="cpu")
    assert isinstance(denoiser, NetworkDenoiser)
    assert ([1], "bfloat16") == (tried, denoiser.dtype)
    assert load(checkpoints / name, device="cpu", dtype="float32").layers == denoiser.layers > 1


def test_what_is_next_is_chosen_in_the_same_way(make, clock) -> None:
    """Fails when a model for which the fastest fails runs in the exact one, or in one that chance would prefer to that."""
    clock(float32=(20, 5), bfloat16=(12, 3), int8=(6, 2))
    assert ["int8", "bfloat16", EXACT] == fastest(make)
    clock(float32=(20, 5), bfloat16=(19, 4.6), int8=(6, 2))
    assert ["int8", EXACT] == fastest(make)


@pytest.mark.parametrize("fails", [{"int8"}, {"int8", "bfloat16"}])
def test_the_next_format_runs_where_the_first_fails_for_all_layers(
    fails: set[str], checkpoints: Path, monkeypatch, caplog
) -> None:
    """Fails when the trial's choice, which fails for the whole network, ends the load, or costs more speed than it must."""
    build, order = loading.build, ["int8", "bfloat16", EXACT]
    monkeypatch.setattr(loading, "TRIED_NUMBERS", 1)
    monkeypatch.setattr(loading, "fastest", lambda _make: order)

    def short_of_memory(*args: object) -> object:
        if args[3] in fails:
            raise RuntimeError("no room for it")
        return build(*args)

    monkeypatch.setattr(loading, "build", short_of_memory)
    ran = load(checkpoints / "dream-tiny", device="cpu", on_notice=pytest.fail).dtype
    assert order[len(fails)] == ran
    assert [f"the model runs in {ran}: int8 fails (no room for it)"] == caplog.messages


def test_a_format_that_cannot_be_had_is_told(checkpoints: Path, monkeypatch) -> None:
    """Fails when who has set a format is left in the belief that it is used, or is told of one that is."""
    told: list[str] = []
    monkeypatch.setattr(loading, "pack_weights", lambda *_: "float32")
    load(checkpoints / "dream-tiny", device="cpu", dtype="float32", on_notice=told.append)
    load(checkpoints / "dream-tiny", device="cpu", dtype="int8", on_notice=told.append)
    assert ["the number format int8 cannot be had here: the model runs in float32"] == told


@pytest.mark.parametrize("dtype", ["int8", "onnx-int8"])
def test_a_model_that_is_too_large_for_a_format_is_told_so(checkpoints: Path, monkeypatch, dtype: str) -> None:
    """Fails when who has set a format for a model that is used as it lies in its file is not told why that is not had."""
    told: list[str] = []
    monkeypatch.setattr(loading, "PACKED_BYTES", 0)
    load(checkpoints / "dream-tiny", device="cpu", dtype=dtype, on_notice=told.append)
    assert [f"the number format {dtype} cannot be had here"] == [said.partition(" (")[0] for said in told]
    assert all("GiB" in said and said.endswith("float32") for said in told)


def test_a_real_choice_is_one_of_the_formats(make) -> None:
    """Fails when the trial of real formats raises on this machine."""
    with torch.inference_mode(False):
        names = fastest(make)
        assert EXACT == names[-1]
        assert set(names) <= {EXACT, *formats.FASTER}
