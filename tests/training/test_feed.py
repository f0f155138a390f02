"""Batches come in the order of their numbers, whoever draws them."""

from dataclasses import replace
from itertools import islice

import numpy as np

from training.bpe import MASK
from training.feed import Feed
from training.recipe import Phase, Recipe

RECIPE = Recipe(phases=(Phase(1.0, holes=True, batch_tokens=512, lengths=(64, 128)),), split_share=0.5)


def drawn(feed: Feed, micro_tokens: int, recipe: Recipe = RECIPE, count: int = 3) -> list[tuple[str, np.ndarray]]:
    """The inputs of some batches from number 5 on, parts joined, each with what sees what."""
    batches = islice(feed.batches(recipe, 5, micro_tokens, lambda: 0.0), count)
    found = [(attention, np.concatenate([part.inputs for part in parts])) for _, attention, parts in batches]
    feed.close()
    return found


def test_processes_draw_what_would_be_drawn_here(data) -> None:
    """Fails if parts or batches come in the order in which processes finish, or each process draws the same."""
    here = drawn(Feed(data, 1, loaders=0), 512)
    there = drawn(Feed(data, 1, loaders=1), 512)
    assert [attention for attention, _ in here] == [attention for attention, _ in there]
    assert all(np.array_equal(one, other) for (_, one), (_, other) in zip(here, there, strict=True))


def test_the_size_of_the_parts_changes_nothing(data) -> None:
    """Fails if a machine with less memory would train on other canvases."""
    whole, parts = (drawn(Feed(data, 1, loaders=0), micro_tokens) for micro_tokens in (512, 128))
    assert all(np.array_equal(one, other) for (_, one), (_, other) in zip(whole, parts, strict=True))


def test_a_share_of_the_batches_is_read_from_left_to_right(data) -> None:
    """Fails if the share is another, if something is hidden in them, or if the other batches are not those of a recipe without."""
    mixed = replace(RECIPE, phases=(replace(RECIPE.phases[0], causal=0.5),))
    plain, some = drawn(Feed(data, 1, 0), 512, count=24), drawn(Feed(data, 1, 0), 512, mixed, count=24)
    causal = [attention == "causal" for attention, _ in some]
    assert 6 <= sum(causal) <= 18
    assert not any((inputs == MASK).any() for (_, inputs), is_causal in zip(some, causal, strict=True) if is_causal)
    for one, other, is_causal in zip(plain, some, causal, strict=True):
        assert is_causal or (one[0] == other[0] and np.array_equal(one[1], other[1]))


def test_phases_follow_the_clock() -> None:
    """Fails if a phase starts late, or the last one ends before the run does."""
    recipe = Recipe(phases=(Phase(0.4, holes=False), Phase(1.0, holes=True)))
    assert [False, False, True, True] == [recipe.phase_at(share).holes for share in (0.0, 0.39, 0.4, 1.2)]
