"""Fits the shares of the copy prior for one checkpoint, on held-out files, and says what they are worth on held-out packages.

In: a model folder and data/. Out: copy_prior.json in that folder, and nats per token with and without it. What the shares mean stands
in dlm_lsp.sampling.copy_prior.

    python -m training.copy_prior --model dlm_lsp/bundled/nano

Expectation maximisation for the shares of each class (how far either side agrees, how sure the model is), on canvases as the
trainer draws them; slots to delete or to expand are left to the model. Classes that are rare are drawn towards the shares of all classes with the
same agreement.
"""

import argparse
import json
from pathlib import Path

import torch
from torch import Tensor

from dlm_lsp.models.denoiser import Denoiser, View
from dlm_lsp.models.loading import load as load_model
from dlm_lsp.sampling.canvas import CONTEXT, Canvas
from dlm_lsp.sampling.copy_prior import CONFIDENCES, LEFT_TOKENS, RIGHT_TOKENS, SHAPE, SOURCES, make_prior
from training import DATA
from training import stream as streams
from training.bpe import load
from training.corrupt import Sampler

LENGTH = 256
STEPS = 60
PRIOR_COUNT = 50.0
"""How many tokens the shares of the neighbouring classes are worth in a class of its own."""

Said = tuple[Tensor, Tensor]
"""What each source says of the true token [T, SOURCES], and the class [T] as one number."""


def observe(denoiser: Denoiser, sampler: Sampler, canvases: int, seed: int) -> Said:
    """Ask the model about canvases and note what every source says of the tokens that are hidden."""
    said, classes = [], []
    shares = torch.ones(SHAPE)
    for number in range(canvases):
        batch = sampler.batch(seed + number, LENGTH, 1, holes=True)
        tokens, targets = torch.from_numpy(batch.inputs[0]), torch.from_numpy(batch.targets[0])
        hidden = torch.from_numpy(batch.weights[0] > 0)
        canvas = Canvas(tokens, torch.where(hidden, 0, CONTEXT).to(torch.int8), (0,), denoiser.vocabulary.mask_id)
        prior = make_prior(_stretches(tokens, hidden), shares, denoiser.vocabulary)
        if prior is None:
            continue
        (logits,) = denoiser.predict([View(tokens, canvas.rows)])
        model, _ = prior.split(logits)
        wanted = targets[canvas.rows]
        heard = prior.listen(canvas)
        copied = (heard.weights * (prior.ids == wanted[:, None])[:, None]).sum(-1)  # [R, 3]
        own = torch.stack([model.gather(1, wanted[:, None])[:, 0], prior.text[wanted]], dim=1)
        # Nothing known is not the same as impossible.
        said.append(torch.where(heard.known, torch.cat([own, copied], dim=1), torch.nan))
        left, right, confidence = heard.classes(model.amax(-1))
        classes.append((left * SHAPE[1] + right) * SHAPE[2] + confidence)
        content = ~torch.isin(wanted, torch.tensor(prior.structural))
        said[-1], classes[-1] = said[-1][content], classes[-1][content]
    return torch.cat(said), torch.cat(classes)


def _stretches(tokens: Tensor, hidden: Tensor) -> list[list[int]]:
    """The visible tokens between hidden ones."""
    parts: list[list[int]] = [[]]
    for token, hides in zip(tokens.tolist(), hidden.tolist(), strict=True):
        if hides:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def fit(observed: Said) -> Tensor:  # SHAPE
    """Find the shares that make the true tokens likeliest."""
    said, classes = observed
    by_agreement = _maximise(said, classes // SHAPE[2], torch.ones(SHAPE[0] * SHAPE[1], SOURCES) / SOURCES, 1.0)
    start = by_agreement.repeat_interleave(SHAPE[2], dim=0)
    return _maximise(said, classes, start, PRIOR_COUNT).view(SHAPE)


def _maximise(said: Tensor, classes: Tensor, prior: Tensor, prior_count: float) -> Tensor:
    """Expectation maximisation of one row of shares per class, with `prior_count` tokens of the prior's opinion."""
    shares = prior.clone()
    for _ in range(STEPS):
        joint = shares[classes] * said.nan_to_num(0.0)
        joint = joint / joint.sum(-1, keepdim=True).clamp_min(1e-30)
        counts = prior_count * prior
        counts = counts.index_add(0, classes, joint)
        shares = counts / counts.sum(-1, keepdim=True)
    return shares


def nats(observed: Said, shares: Tensor) -> tuple[float, float]:
    """Nats per hidden token of the model alone, and of the mixture."""
    said, classes = observed
    mine = shares.view(-1, SOURCES)[classes] * ~said.isnan()
    mixed = (mine / mine.sum(-1, keepdim=True) * said.nan_to_num(0.0)).sum(-1)
    alone = said[:, 0]
    return tuple(float(-p.clamp_min(1e-12).log().mean()) for p in (alone, mixed))  # type: ignore[return-value]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", type=Path, required=True, help="folder of the checkpoint; copy_prior.json is written there"
    )
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--canvases", type=int, default=800)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = load(arguments.data / "tokenizer")
    denoiser = load_model(str(arguments.model), device="cpu", dtype="float32", threads=1)
    fitted_on = observe(
        denoiser, Sampler(streams.read(arguments.data, "valid-files"), tokenizer, 0), arguments.canvases, 10**6
    )
    shares = fit(fitted_on)
    told = observe(
        denoiser, Sampler(streams.read(arguments.data, "valid-packages"), tokenizer, 0), arguments.canvases, 2 * 10**6
    )
    for name, observed in (("files (fitted on)", fitted_on), ("packages", told)):
        alone, mixed = nats(observed, shares)
        print(f"{name}: {alone:.3f} nats a token alone, {mixed:.3f} with the text around, {len(observed[1])} tokens")
    alone, mixed = nats(told, shares)
    written = {
        "left_tokens": LEFT_TOKENS,
        "right_tokens": RIGHT_TOKENS,
        "confidences": CONFIDENCES,
        "nats_alone": round(alone, 4),
        "nats_mixed": round(mixed, 4),
        "shares": [round(share, 5) for share in shares.flatten().tolist()],
    }
    path = arguments.model / "copy_prior.json"
    path.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
