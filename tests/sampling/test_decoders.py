"""Every decoder that can be named exists, with the fields and defaults that its description names."""

import dataclasses

import pytest

from dlm_lsp.decoders import DECODERS
from dlm_lsp.errors import SettingsError
from dlm_lsp.sampling.denoise import denoise
from dlm_lsp.sampling.samplers import SAMPLERS
from dlm_lsp.sampling.samplers.threshold import Threshold
from dlm_lsp.sampling.strategies import STRATEGIES, make_rule, make_strategy


def test_all_are_there() -> None:
    """Fails if a decoder is added that no setting can name, or a name has no rule."""
    assert {name for name, decoder in DECODERS.items() if not decoder.is_strategy} == set(SAMPLERS)
    assert {name for name, decoder in DECODERS.items() if decoder.is_strategy} == set(STRATEGIES)


@pytest.mark.parametrize("name", DECODERS)
def test_described_as_they_are(name: str) -> None:
    """Fails if a parameter or its default differs between the description and the rule."""
    made = {**SAMPLERS, **STRATEGIES}[name]()
    assert dataclasses.is_dataclass(made)
    fields = {field.name: getattr(made, field.name) for field in dataclasses.fields(made)}
    assert {key: parameter.default for key, parameter in DECODERS[name].parameters.items()} == fields


def test_a_rule_gets_the_settings_that_it_has() -> None:
    """Fails if a setting that a rule does not know is an error, one that it knows is lost, or what was written does not win."""
    assert Threshold(0.5, 0.7) == make_rule("threshold", threshold=0.5, temperature=0.7, blocks=4)
    assert Threshold(0.6, 0.7) == make_rule("threshold:threshold=0.6", threshold=0.5, temperature=0.7)
    assert denoise == make_strategy("threshold")
    with pytest.raises(SettingsError, match="nearest name is 'threshold'"):
        make_rule("treshold")
