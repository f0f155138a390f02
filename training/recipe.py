"""What decides what a model learns, apart from the corpus and the clock: phases, rates, shares.

In: a JSON file with the fields that differ from the defaults. Out: a `Recipe`. Knows no torch and no data.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from . import DATA, HERE

Attention = Literal["full", "split", "causal"]
"""What sees what on the canvases of a batch: all sees all; the context does not see the holes; nothing sees what stands behind it."""


@dataclass(frozen=True, slots=True)
class Phase:
    """What is trained on until a share of the time is over."""

    until: float
    holes: bool
    """Holes as the server asks for, or dense masks: early on nothing beats many targets."""
    batch_tokens: int = 4096
    lengths: tuple[int, ...] = (128, 256, 256, 384)
    """One a batch, drawn from these; short ones so that short documents are familiar."""
    causal: float = 0.0
    """Share of the batches that are read from left to right: nothing is hidden, and every token is one to predict."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what is learned, apart from the corpus and the clock."""

    minutes: float = 25
    phases: tuple[Phase, ...] = (Phase(0.5, holes=False), Phase(1.0, holes=True))
    seed: int = 1
    decay_share: float = 0.65  # of the time: the learning rate falls to 0 in a straight line
    warmup_steps: int = 50
    muon_rate: float = 0.02
    output_share: float = 0.1  # of Muon's rate, for what the layers add to the stream: at the full rate they drown it
    adam_rate: float = 0.004
    weight_decay: float = 0.01
    split_share: float = 0.0  # of the batches: context rows do not see holes, so that their keys and values can be kept
    z_loss: float = 1e-4  # keeps the logits' scale, and with it bf16 confidences, sane

    def phase_at(self, share: float) -> Phase:
        """The phase that is on after `share` of the time."""
        return next((phase for phase in self.phases if share < phase.until), self.phases[-1])


def read_recipe(path: Path | None, minutes: float | None) -> Recipe:
    """The recipe of a file, for as many minutes as are given."""
    fields: dict[str, Any] = json.loads(path.read_text()) if path else {}
    fields |= {} if minutes is None else {"minutes": minutes}
    if "phases" in fields:
        fields["phases"] = tuple(Phase(**row | {"lengths": tuple(row["lengths"])}) for row in fields["phases"])
    return Recipe(**fields)


@dataclass(frozen=True, slots=True)
class Size:
    """What belongs to one of the bundled models."""

    config: Path
    recipe: Path | None
    """None for the defaults."""
    data: Path
    run: Path


SIZES = {
    "nano": Size(HERE / "nano.json", None, DATA, HERE / "runs" / "nano"),
    "small": Size(HERE / "small.json", HERE / "small-recipe.json", DATA / "small", HERE / "runs" / "small"),
}
