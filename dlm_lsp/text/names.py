r"""The names that a Python module binds at its top level, found line by line.

In: the text of a file, whole or cut. Out: (offset, name) pairs. The trainer and the server tell the model the same names, so this
must be cheap and must not need a text that parses: a pattern over the lines that are not indented, which a string that spans lines
can fool. It does not know scopes; `imports` are told to the model as they stand and are not repeated here.
"""

import re
from collections.abc import Iterator

_BINDING = re.compile(
    r"^(?:(?:async[ ]+)?def[ ]+(\w+)|class[ ]+(\w+)|([A-Za-z_]\w*)[ ]*(?::[^=\n]*)?=(?!=))", re.MULTILINE
)


def bound_names(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, str]]:
    """Give functions, classes and variables that lines of text[start:end] bind without indentation, in their order."""
    for match in _BINDING.finditer(text, start, len(text) if end is None else end):
        yield match.start(), match[match.lastindex or 0]


def names_outside(bindings: list[tuple[int, str]], start: int, end: int, most: int) -> tuple[str, ...]:
    """Choose at most `most` names that are not bound within [start, end), those nearest to it, in their order."""
    inside = {name for at, name in bindings if start <= at < end}
    nearest = sorted(
        ((max(start - at, at - end), at, name) for at, name in bindings if not start <= at < end and name not in inside)
    )
    chosen: dict[str, int] = {}
    for _, at, name in nearest:
        if len(chosen) == most:
            break
        chosen.setdefault(name, at)
    return tuple(sorted(chosen, key=chosen.__getitem__))
