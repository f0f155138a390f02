"""The ways to decode that a benchmark compares: every sampler with every cache and every length, and the knobs that trade calls for quality.

In: names as they are written in settings. Out: `Way`s that are known to be good, or a SettingsError of one sentence.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dlm_lsp.decoders import DECODERS, ORACLE, Value, read_decoder
from dlm_lsp.errors import SettingsError
from dlm_lsp.settings import Settings, read_settings

KNOBS: Mapping[str, tuple[str, tuple[Value, ...]]] = {
    "threshold": ("threshold", (0.2, 0.5, 2.0)),
    "threshold_dream": ("steps", (2, 4, 16)),
    "factor": ("factor", (0.5, 2.0, 4.0, 8.0)),
    "eb": ("gamma", (0.5, 2.0, 6.0, 12.0)),
    "klass": ("threshold", (0.1, 0.3, 0.6)),
    "saber": ("n", (4, 8)),
    "sundae": ("rounds", (0, 2, 8)),
    "llada21": ("tau_mask", (0.1, 0.3, 0.6)),
    "left_to_right": ("tokens", (2, 4)),
    "dream": ("steps", (2, 4, 8)),
    "llada": ("steps", (2, 4, 8)),
    "p2": ("steps", (4, 8, 16)),
    "maskgit": ("steps", (4, 8)),
    "mask_predict": ("steps", (2, 4, 20)),
    "remdm": ("steps", (4, 8, 16)),
    "wino": ("draft_threshold", (0.1, 0.3)),
    "dual": ("draft_steps", (4, 8)),
}
"""By sampler: the parameter that trades model calls for quality, and values of it beside the default. Above 1 no token passes a threshold
but the surest: one token a step."""


SEVERAL: Mapping[str, tuple[str, ...]] = {
    "all": tuple(DECODERS),
    "rules": tuple(name for name, decoder in DECODERS.items() if not decoder.is_strategy),
    "strategies": tuple(name for name, decoder in DECODERS.items() if decoder.is_strategy),
}
"""Names for many samplers at once: all, those within the ordinary loop, and those that order the model calls themselves."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to decode, by the names of the settings."""

    sampler: str
    cache: str = "none"
    length: str = "auto"
    is_swept: bool = False
    """Whether it is a point beside the sampler's own setting, for comparisons at equal calls."""

    @property
    def name(self) -> str:
        """How it is told from others."""
        return f"{self.sampler} / {self.cache} / {self.length}"

    @property
    def family(self) -> str:
        """What it is a point of."""
        return Way(self.sampler.partition(":")[0], self.cache, self.length).name if self.is_swept else self.name

    @property
    def is_strategy(self) -> bool:
        """Whether it orders the model calls itself."""
        return DECODERS[read_decoder(self.sampler)[0]].is_strategy

    def apply(self, settings: Settings) -> Settings:
        """Give the settings with this way to decode; what is beside a sampler's own setting is not repaired."""
        rounds = 0 if self.is_swept else settings.repair_rounds
        return replace(settings, sampler=self.sampler, cache=self.cache, length=self.length, repair_rounds=rounds)


def choose_ways(
    samplers: Sequence[str], caches: Sequence[str], lengths: Sequence[str], sweep: Sequence[str] = ()
) -> list[Way]:
    """Combine what was asked for; samplers in `sweep` that are named without parameters bring their knob's values along.

    A value of the knob that is asked for by itself is no point of the sweep: names are what cases are kept under.
    """
    samplers, sweep = ([each for name in names for each in SEVERAL.get(name, (name,))] for names in (samplers, sweep))
    for name, wanted in (("sampler", [*samplers, *sweep]), ("cache", caches), ("length", lengths)):
        for each in wanted:
            _, complaints = read_settings({name: each} if (name, each) != ("length", ORACLE) else {})
            if complaints:
                group = difflib.get_close_matches(each, SEVERAL, n=1) if name == "sampler" else ()
                raise SettingsError(f"{complaints[0]}, or {group[0]!r}" if group else complaints[0])
    ways = []
    for cache in caches:
        for length in lengths:
            for sampler in samplers:
                ways.append(Way(sampler, cache, length))
                if sampler in sweep and sampler in KNOBS:
                    knob, values = KNOBS[sampler]
                    ways += [Way(f"{sampler}:{knob}={value}", cache, length, is_swept=True) for value in values]
    own = {way.name for way in ways if not way.is_swept}
    return list(dict.fromkeys(way for way in ways if not (way.is_swept and way.name in own)))
