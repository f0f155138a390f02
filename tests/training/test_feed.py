"""Batches come in the order of their numbers, whoever draws them."""

from itertools import islice

import numpy as np

from training.feed import Feed
from training.recipe import Phase, Recipe

RECIPE = Recipe(phases=(Phase(1.0, holes=True, batch_tokens=512, lengths=(64, 128)),), split_share=0.5)


def drawn(feed: Feed, micro_tokens: int) -> list[tuple[bool, np.ndarray]]:
    """The inputs of three batches from number 5 on, parts joined, each with whether attention is split."""
    batches = islice(feed.batches(RECIPE, 5, micro_tokens, lambda: 0.0), 3)
    found = [(split, np.concatenate([part.inputs for part in parts])) for _, split, parts in batches]
    feed.close()
    return found


def test_processes_draw_what_would_be_drawn_here(data) -> None:
    """Fails if parts or batches come in the order in which processes finish, or each process draws the same."""
    here = drawn(Feed(data, 1, loaders=0), 512)
    there = drawn(Feed(data, 1, loaders=1), 512)
    assert [split for split, _ in here] == [split for split, _ in there]
    assert all(np.array_equal(one, other) for (_, one), (_, other) in zip(here, there, strict=True))


def test_the_size_of_the_parts_changes_nothing(data) -> None:
    """Fails if a machine with less memory would train on other canvases."""
    whole, parts = (drawn(Feed(data, 1, loaders=0), micro_tokens) for micro_tokens in (512, 128))
    assert all(np.array_equal(one, other) for (_, one), (_, other) in zip(whole, parts, strict=True))


def test_phases_follow_the_clock() -> None:
    """Fails if a phase starts late, or the last one ends before the run does."""
    recipe = Recipe(phases=(Phase(0.4, holes=False), Phase(1.0, holes=True)))
    assert [False, False, True, True] == [recipe.phase_at(share).holes for share in (0.0, 0.39, 0.4, 1.2)]
