"""Settings: a wrong one is left out and named, the others count."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlm_lsp.settings import CHOICES, RANGES, Settings, camel_case, read_settings


@pytest.mark.parametrize("options", [None, {}, []])
def test_nothing_said_is_the_default(options: object) -> None:
    """Fails if a client that sends no settings gets complaints or other values."""
    assert (Settings(), []) == read_settings(options)


def test_names_are_those_of_editors() -> None:
    """Fails if a setting is read under its Python name, or a good one beside a bad one is lost; or the right one is not named."""
    settings, complaints = read_settings({"deadlineMs": 900, "deadline_ms": 1, "threshold": 1})
    assert (900, 1.0, float) == (settings.deadline_ms, settings.threshold, type(settings.threshold))
    assert ["unknown setting 'deadline_ms' (did you mean 'deadlineMs'?)"] == complaints
    assert ["unknown setting 'zzz'"] == read_settings({"zzz": 1})[1]


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("candidates", 0, "between 1 and 8"),
        ("candidates", 9, "between 1 and 8"),
        ("candidates", True, "type int"),
        ("candidates", 2.0, "type int"),
        ("enabled", 1, "type bool"),
        ("threshold", float("nan"), "between 0 and 1"),
        ("threshold", 10**400, "between 0 and 1"),
        ("threshold", False, "a number"),
        ("seed", 2**63, "between"),
        ("device", "gpu", "auto, cpu, cuda, mps"),
        ("model", None, "type str"),
        ("sampler", "treshold", "the nearest name is 'threshold'"),
        ("length", "oracle", "for benchmarks only"),
        ("length", "fixed:tokens=x", "it must be a whole number"),
        ("length", "grwo", "the nearest name is 'grow'"),
        ("cache", "non", "the nearest name is 'none'"),
        ("exclude", "*.env", "not a list of words"),
        ("exclude", [5], "not a list of words"),
        ("exclude", None, "not a list of words"),
    ],
)
def test_a_wrong_value_is_named_and_left_out(key: str, value: object, word: str) -> None:
    """Fails if a value that means nothing is taken, or the sentence does not say which one it is and what is allowed."""
    settings, (complaint,) = read_settings({key: value}, Settings(max_hole_tokens=9))
    assert Settings(max_hole_tokens=9) == settings
    assert complaint.startswith(key)
    assert word in complaint


def test_a_list_of_words_is_taken_as_it_comes_from_json() -> None:
    """Fails if globs stay a list, which cannot be compared or hashed, or an empty list is no value."""
    globs, _ = read_settings({"exclude": ["*.gen.py", "infra/keys"]})
    assert ("*.gen.py", "infra/keys") == globs.exclude
    assert (Settings(), []) == read_settings({"exclude": []}, globs)


@given(st.dictionaries(st.sampled_from([camel_case(field.name) for field in fields(Settings)]), st.from_type(object)))
def test_any_object_gives_settings_of_the_right_types(options: dict[str, object]) -> None:
    """Fails if some value raises, or gets through with another type than the default's."""
    settings, _ = read_settings(options)
    for field in fields(Settings):
        assert type(getattr(settings, field.name)) is type(field.default)


def test_the_ends_of_a_range_are_allowed() -> None:
    """Fails if a range says something else than the comparison does, or a default lies outside of its own range."""
    for ends in zip(*RANGES.values(), strict=True):
        _, complaints = read_settings(dict(zip(map(camel_case, RANGES), ends, strict=True)))
        assert [] == complaints
    defaults = {camel_case(name): getattr(Settings(), name) for name in (*RANGES, *CHOICES)}
    assert (Settings(), []) == read_settings(defaults)
