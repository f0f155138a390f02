"""The training loop: it learns, it resumes to the bit, it always ends annealed; and what is exported is what was trained."""

import errno
import json
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from dlm_lsp.models.denoiser import View
from dlm_lsp.models.loading import load as load_model
from training import stream as streams
from training.corrupt import Canvases, Sampler
from training.export import export, int8_per_row
from training.recipe import Phase, Recipe
from training.train import (
    Loss,
    Muon,
    initialised,
    loss_of,
    optimisers_of,
    orthogonalised,
    rate_at,
    read_times,
    split_attention,
    start_from,
    train,
    try_speeds,
)

CPU = torch.device("cpu")
PHASES = (Phase(0.5, holes=False, batch_tokens=256, lengths=(64, 128)), Phase(1, True, 256, (64, 128)))
RECIPE = Recipe(minutes=1, phases=PHASES, warmup_steps=2)


def ticking(seconds: float = 1.0):
    """A clock that moves whenever it is read."""
    now = [0.0]

    def clock() -> float:
        now[0] += seconds
        return now[0]

    return clock


def uneven():
    """A clock of a machine that others use too: some steps take ten times as long."""
    tick, now = ticking(), [0.0]

    def clock() -> float:
        now[0] += 9.0 if tick() % 7 == 0 else 1.0
        return now[0]

    return clock


def run(tiny, data, folder, steps):
    """Train a few steps; a folder that holds a state goes on."""
    return train(RECIPE, tiny, data, folder, CPU, max_steps=steps, clock=ticking())


def test_one_batch_is_learned_by_heart(tiny, data, tokenizer) -> None:
    """Fails if rows and targets are off by one, gradients do not arrive, or an optimiser steps the wrong way."""
    network = initialised(tiny, 0)
    loss, optimisers = Loss(network), optimisers_of(network, RECIPE)
    batch = Sampler(streams.read(data, "train"), tokenizer, 0).batch(0, 64, 2, holes=True)
    first = float(loss_of(loss, batch, CPU)[1])
    for _ in range(120):
        loss_of(loss, batch, CPU)[0].backward()
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad()
    last = float(loss_of(loss, batch, CPU)[1])
    assert last < 0.3 * first, f"{first:.2f} -> {last:.2f} nats"


def test_the_trainer_and_the_denoiser_agree_on_the_shift(
    tiny, data, tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails if the loss reads another row than the one that inference reads."""
    network = initialised(tiny, 0)
    for weight in network.parameters():  # the layers start as the identity; give them something to say
        torch.nn.init.normal_(weight, std=0.3) if weight.ndim == 2 else None
    batch = Sampler(streams.read(data, "train"), tokenizer, 0).batch(0, 64, 1, holes=False)
    monkeypatch.setattr(torch, "bfloat16", torch.float32)
    with torch.no_grad():
        trained = loss_of(Loss(network), batch, CPU)[1]
    rows = torch.from_numpy(batch.weights[0]).nonzero()[:, 0]
    from dlm_lsp.models.transformer import NetworkDenoiser

    logits = NetworkDenoiser(network, None, None).predict([View(torch.from_numpy(batch.inputs[0]), rows)])[0]
    wanted = torch.from_numpy(batch.targets[0])[rows]
    assert float(trained) == pytest.approx(float(torch.nn.functional.cross_entropy(logits, wanted)), rel=1e-5)


def test_split_attention_keeps_holes_from_the_context(tiny) -> None:
    """Fails if a context row sees a hole (its keys and values could not be kept), or the row before a hole does not."""
    network = initialised(tiny, 0)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.3) if weight.ndim == 2 else None
    holes = torch.zeros(1, 12, dtype=torch.bool)
    holes[0, 5:8] = True
    tokens = torch.arange(100, 112)[None]
    other = tokens + 50 * holes
    with torch.no_grad():
        first, second = (network.hidden(each, visible=split_attention(holes)) for each in (tokens, other))
    changed = (first != second).any(-1)[0]
    assert [4, 5, 6, 7] == changed.nonzero()[:, 0].tolist()


def test_from_left_to_right_no_row_sees_what_it_is_to_predict(tiny, data, tokenizer) -> None:
    """Fails if the loss of a token depends on the token itself being seen, or on one behind it: it would be learned at once."""
    network = initialised(tiny, 0)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.3) if weight.ndim == 2 else None
    batch = Sampler(streams.read(data, "train"), tokenizer, 0).batch(0, 64, 1, holes=False, causal=True)
    changed = batch.inputs.copy()
    changed[0, 40:] += 50
    only = np.zeros_like(batch.weights)
    only[0, 40] = 1  # its row is 39
    nats = [
        float(loss_of(Loss(network), replace(batch, inputs=inputs, weights=only), CPU, attention=attention)[1])
        for inputs in (batch.inputs, changed)
        for attention in ("causal", "full")
    ]
    assert nats[0] == nats[2]
    assert nats[1] != nats[3]


def test_parts_of_a_batch_add_up(tiny, data, tokenizer) -> None:
    """Fails if what is learned depends on how many canvases fit the device at a time."""
    network = initialised(tiny, 0)
    loss = Loss(network)
    batch = Sampler(streams.read(data, "train"), tokenizer, 0).batch(0, 64, 4, holes=True)
    whole = [each.detach() for each in loss_of(loss, batch, CPU, 1e-4, attention="split")]
    total = float(batch.weights[:, 1:].sum())
    cuts = [
        Canvases(*(getattr(batch, name)[at : at + 2] for name in ("inputs", "targets", "weights", "holes")))
        for at in (0, 2)
    ]
    parts = [loss_of(loss, cut, CPU, 1e-4, attention="split", total=total) for cut in cuts]
    for which in (0, 1):
        assert float(whole[which]) == pytest.approx(sum(float(part[which].detach()) for part in parts), rel=1e-4)


def test_speeds_that_do_not_work_are_left_out(tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if a compiler that is missing, or too little memory, ends the run instead of a trial."""

    def missing(*_: object, **__: object) -> None:
        raise RuntimeError("no compiler here")

    monkeypatch.setattr(torch, "compile", missing)
    found = try_speeds(initialised(tiny, 0), RECIPE, CPU, seconds=0)
    assert [False] == [speed.compiled for speed, _ in found]
    assert all(tokens_per_s > 0 for _, tokens_per_s in found)


def test_weights_of_another_shape_are_refused(tiny, data, tmp_path) -> None:
    """Fails if a run could start from a model it was not made for with nothing but a traceback."""
    run(tiny, data, tmp_path, 1)
    with pytest.raises(SystemExit, match="another shape"):
        start_from(tmp_path / "state.pt", initialised(replace(tiny, num_hidden_layers=3), 0))


def test_a_run_that_moves_warms_up_again(tiny, data, tmp_path) -> None:
    """Fails if a run that goes on elsewhere repeats its data, or takes full steps with an empty memory."""
    run(tiny, data, tmp_path / "here", 3)
    start = partial(start_from, tmp_path / "here" / "state.pt", extend=True)
    there = train(RECIPE, tiny, data, tmp_path / "there", CPU, start=start, max_steps=1, clock=ticking())
    assert (4, 3) == (there.step, there.warmed_from)


def test_a_resumed_run_is_the_uninterrupted_one(tiny, data, tmp_path) -> None:
    """Fails if weights, momentum, AdamW's moments or the place in the data are not part of the state."""
    run(tiny, data, tmp_path / "whole", 6)
    run(tiny, data, tmp_path / "parts", 3)
    run(tiny, data, tmp_path / "parts", 3)
    whole, parts = (torch.load(tmp_path / name / "state.pt", weights_only=True) for name in ("whole", "parts"))
    assert (6, 6) == (whole["progress"]["step"], parts["progress"]["step"])
    assert all(torch.equal(whole["weights"][name], parts["weights"][name]) for name in whole["weights"])


def test_a_replayed_run_ends_where_the_first_one_did(tiny, data, tmp_path) -> None:
    """Fails if a slower machine that replays a history trains a step at another rate or in another phase: here it has a tenth of the time."""
    recipe = replace(RECIPE, minutes=5)
    first = train(recipe, tiny, data, tmp_path / "first", CPU, clock=uneven())
    history = tmp_path / "first" / "history.jsonl"
    train(recipe, tiny, data, tmp_path / "again", CPU, replay=history, max_steps=first.step, clock=ticking(10.0))
    assert 40 <= first.step
    one, other = (torch.load(tmp_path / name / "state.pt", weights_only=True) for name in ("first", "again"))
    assert one["progress"] == other["progress"]
    assert all(torch.equal(one["weights"][name], other["weights"][name]) for name in one["weights"])


def test_the_trunk_is_the_last_state_before_the_rate_fell(tiny, data, tmp_path) -> None:
    """Fails if the trunk lags behind by what was trained since the last save, if a call that ends before has none, or annealing changes it."""
    run(tiny, data, tmp_path / "early", 3)
    assert 3 == torch.load(tmp_path / "early" / "trunk.pt", weights_only=True)["progress"]["step"]
    train(RECIPE, tiny, data, tmp_path / "whole", CPU, clock=ticking(2.0))
    whole = torch.load(tmp_path / "whole" / "trunk.pt", weights_only=True)["progress"]
    steps, seconds = read_times(tmp_path / "whole" / "history.jsonl")
    falls_s = RECIPE.minutes * 60 * (1 - RECIPE.decay_share)
    assert next(step for step, time in zip(steps, seconds, strict=True) if time > falls_s) == whole["step"] < steps[-1]
    run(tiny, data, tmp_path / "late", 3)
    trunk = (tmp_path / "late" / "trunk.pt").read_bytes()
    train(replace(RECIPE, minutes=0.1), tiny, data, tmp_path / "late", CPU, max_steps=1, clock=ticking())
    assert trunk == (tmp_path / "late" / "trunk.pt").read_bytes()


def test_a_history_ends_with_the_last_step(tiny, data, tmp_path) -> None:
    """Fails if the steps behind the last full row are not in it: replayed, they would go on at the rate that was on before."""
    done = run(tiny, data, tmp_path, 23)
    steps, seconds = read_times(tmp_path / "history.jsonl")
    assert list(range(24)) == steps
    assert done.seconds == pytest.approx(seconds[-1])


def test_a_state_of_another_recipe_is_refused(tiny, data, tmp_path) -> None:
    """Fails if a run could go on with weights that were trained for something else."""
    run(tiny, data, tmp_path, 1)
    with pytest.raises(SystemExit, match="another config or recipe"):
        train(replace(RECIPE, z_loss=0.0), tiny, data, tmp_path, CPU, max_steps=1, clock=ticking())


def test_a_half_written_state_is_never_seen(tiny, data, tmp_path) -> None:
    """Fails if the state is written in place: here a kill has left rubbish where the next one is being written."""
    run(tiny, data, tmp_path, 1)
    (tmp_path / "state.tmp").write_bytes(b"cut sho")
    assert 2 == run(tiny, data, tmp_path, 1).step


def test_a_full_disk_leaves_the_state_before(tiny, data, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if the state that a run could go on from is lost when the next one does not fit."""
    run(tiny, data, tmp_path, 1)
    before = (tmp_path / "state.pt").read_bytes()

    def full(_: object, path: Path) -> None:
        path.write_bytes(b"cut sho")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(SystemExit, match="make room"):
        run(tiny, data, tmp_path, 1)
    assert before == (tmp_path / "state.pt").read_bytes()
    assert not (tmp_path / "state.tmp").exists()


def test_every_run_ends_annealed() -> None:
    """Fails if the schedule counts steps: a slow machine would then stop in the middle of it."""
    assert 0 == rate_at(Recipe(), step=10_000, share=1.0)
    assert 1 == rate_at(Recipe(), step=10_000, share=0.3)
    assert rate_at(Recipe(), step=0, share=0.0) < 0.1


def test_an_update_of_muon_is_orthogonal() -> None:
    """Fails if the Newton-Schulz steps diverge or a wide matrix is treated as a tall one."""
    for shape in ((2, 8, 24), (2, 24, 8)):
        singular = torch.linalg.svdvals(orthogonalised(torch.randn(shape, generator=torch.Generator().manual_seed(0))))
        assert ((singular > 0.5) & (singular < 1.5)).all()


def test_muon_takes_the_layers_matrices_only(tiny) -> None:
    """Fails if the embedding, whose rows are words, were orthogonalised."""
    adam, *muons = optimisers_of(initialised(tiny, 0), RECIPE)
    assert all(isinstance(muon, Muon) for muon in muons)
    matrices = [weight for muon in muons for group in muon.param_groups for weight in group["params"]]
    assert not any(weight.shape[0] == tiny.vocab_size for weight in matrices)
    assert 2 * 7 == len(matrices)
    assert any(weight.shape[0] == tiny.vocab_size for group in adam.param_groups for weight in group["params"])


@pytest.fixture
def folders(tiny, data, tmp_path):
    """A run of two steps, exported in both formats."""
    run(tiny, data, tmp_path / "run", 2)
    config = {"model_type": "Dream", "architectures": ["DreamModel"], "mask_token_id": 1, "pad_token_id": 2}
    config |= {"bos_token_id": 0, "eos_token_id": 0, "expand_token_id": 3} | asdict(tiny)
    (tmp_path / "config.json").write_text(json.dumps(config))
    for name, int8 in (("bf16", False), ("int8", True)):
        export(tmp_path / "run", tmp_path / "config.json", data, tmp_path / name, int8=int8)
    return tmp_path


def test_an_exported_model_answers_as_the_trained_one(tiny, folders) -> None:
    """Fails if a name, the tied head or a scale is lost on the way into the folder that ships."""
    network = initialised(tiny, 0)
    network.load_state_dict(torch.load(folders / "run" / "state.pt", weights_only=True)["weights"])
    tokens = torch.arange(100, 164)
    rows = torch.arange(1, 64)
    with torch.no_grad():
        trained = network(tokens[None])[0, :-1]
    for name, tolerance in (("bf16", 0.02), ("int8", 0.03)):
        denoiser = load_model(folders / name, device="cpu", dtype="float32")
        answer = denoiser.predict([View(tokens, rows)])[0]
        assert (answer - trained).abs().max() < tolerance * trained.abs().max(), name
        assert 128 == denoiser.max_tokens


def test_int8_rows_are_off_by_half_a_step_at_most() -> None:
    """Fails if the scale is taken over columns, or a row of zeros divides by zero."""
    weight = torch.randn(5, 7, generator=torch.Generator().manual_seed(0)) * torch.tensor(
        [[1e-3], [1.0], [50.0], [0.0], [7.0]]
    )
    small, scale = int8_per_row(weight)
    assert torch.int8 == small.dtype
    assert ((small * scale[:, None] - weight).abs() <= scale[:, None] * 0.501).all()
