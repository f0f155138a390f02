"""The outermost statement around a place, by how lines begin."""

import pytest

from dlm_lsp.syntax.blocks import block_around

TEXT = """import os

x = (
    1,
)

@cache
@other(
    1,
)
def f(a):
    s = '''
'''
    return a

async def g():
    pass
y = 2
class A:
    z = 1

    def h(self):
        pass
# the end
"""


@pytest.mark.parametrize(
    ("place", "block"),
    [
        ("1,\n)\n\n@", TEXT[: TEXT.index("@cache")]),
        ("return a", TEXT[TEXT.index("@cache") : TEXT.index("async")]),
        ("@other", TEXT[TEXT.index("@cache") : TEXT.index("async")]),
        ("@cache", TEXT[TEXT.index("@cache") : TEXT.index("async")]),
        ("async", TEXT[TEXT.index("async") : TEXT.index("y = 2")]),
        ("= 2", "y = 2\n"),
        ("def h", TEXT[TEXT.index("class") :]),
    ],
)
def test_blocks(place: str, block: str) -> None:
    """Fails if a block loses its decorators or its end, or runs into its neighbours."""
    found = block_around(TEXT, TEXT.index(place), 10_000)
    assert block == TEXT[found.start : found.end]


def test_nothing_far_away_is_looked_at() -> None:
    """Fails if a long block is read whole, or a cut one taken for whole."""
    text = "x = 1\n" * 10_000
    assert block_around(text, 30_000, 600) is None
    assert block_around("def f():\n" + "    x = 1\n" * 1000 + "y = 1\n", 5000, 600) is None
    assert block_around("class A:\n" + "    x = 1\n" * 1000, 200, 600) is None
    found = block_around("def f():\n    x = 1\n" + text, 12, 600)
    assert (0, len("def f():\n    x = 1\n")) == (found.start, found.end)
