"""What somebody may write as the decoder, and what they are told where it is wrong."""

import pytest

from dlm_lsp.decoders import DECODERS, read_decoder, read_length
from dlm_lsp.errors import SettingsError
from dlm_lsp.settings import read_settings


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("threshold", ("threshold", {})),
        (" threshold : ", ("threshold", {})),
        ("threshold:threshold=0.5, temperature=1", ("threshold", {"threshold": 0.5, "temperature": 1.0})),
        ("threshold:threshold=inf", ("threshold", {"threshold": float("inf")})),
    ],
)
def test_a_good_one_is_read(written: str, expected: tuple[str, dict[str, float]]) -> None:
    """Fails if blanks count, or a value comes out as a word."""
    assert expected == read_decoder(written)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("", "there is no sampler ''; the nearest name is"),
        ("treshold", "there is no sampler 'treshold'; the nearest name is 'threshold'"),
        ("threshold:tau=1", "there is no parameter 'tau' of 'threshold'; the nearest name is"),
        ("threshold:temprature=1", "the nearest name is 'temperature'"),
        ("threshold:threshold", "the parameter 'threshold' of 'threshold' has no value; write threshold=0.9"),
        ("threshold:threshold=", "the parameter 'threshold' of 'threshold' is ''; it must be a number"),
        ("threshold:threshold=-1", "the parameter 'threshold' of 'threshold' is -1.0; it must be 0 or more"),
        ("threshold:threshold=nan", "the parameter 'threshold' of 'threshold' is nan; it must be 0 or more"),
        ("threshold:temperature=3", "the parameter 'temperature' of 'threshold' is 3.0; it must be 0 to 2"),
    ],
)
def test_a_wrong_one_is_named(written: str, sentence: str) -> None:
    """Fails if a mistake is taken for something else, or the sentence lacks the parameter, its range or the nearest name."""
    with pytest.raises(SettingsError) as error:
        read_decoder(written)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)
    _, complaints = read_settings({"sampler": written})
    assert [f"sampler: {error.value}"] == complaints


def test_lengths_are_written_as_decoders_are() -> None:
    """Fails if a length with a number is not read, or a wrong one is named in other words."""
    assert ("fixed", {"tokens": 16}) == read_length("fixed:tokens=16")
    for written, sentence in (
        ("fixd", "there is no length 'fixd'; the nearest name is 'fixed'"),
        ("fixed:token=1", "there is no parameter 'token' of 'fixed'; the nearest name is 'tokens'"),
        ("fixed:tokens=513", "the parameter 'tokens' of 'fixed' is 513; it must be 0 to 512"),
        ("grow:tokens=1", "there is no parameter 'tokens' of 'grow'; it has none"),
    ):
        with pytest.raises(SettingsError) as error:
            read_length(written)
        assert sentence == str(error.value)


def test_every_default_is_allowed() -> None:
    """Fails if a default lies outside of its own range, or a name could not be written."""
    for name, decoder in DECODERS.items():
        for key, parameter in decoder.parameters.items():
            if parameter.default != "":
                assert {key: parameter.default} == read_decoder(f"{name}:{key}={parameter.default}")[1]
        assert not set(name) & set(":,= ")
