r"""The names that a Python module binds at its top level, found line by line.

In: the text of a file, whole or cut. Out: (offset, name) pairs. It must be cheap and must not need a text that parses: patterns
over lines, which a string that spans lines can fool. `bound_names` are those that the trainer and the server tell the model, and
`imports` are told to it as they stand and are not repeated there; `known_names` are all, for the question whether a name resolves.
"""

import heapq
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from operator import itemgetter

IMPORT = re.compile(r"^(?:import|from)[ \t][^\r\n(]*(?:\([^()]*\))?[^\r\n]*", re.MULTILINE)
"""A Python import statement at the outermost level, whole."""

_BINDING = re.compile(
    r"^(?:(?:async[ ]+)?def[ ]+(\w+)|class[ ]+(\w+)|([A-Za-z_]\w*)[ ]*(?::[^=\n]*)?=(?!=))", re.MULTILINE
)

_WORD = re.compile(r"[^\W\d]\w*")
_NO_NAME = re.compile(r"#[^\n]*|[()\\]")
_STATEMENT = re.compile(
    r"""
    ^(?P<indent> [ \t]* )
    (?: (?:async[ ]+)? (?:def|class) [ ]+ (?P<defined> \w+ )
      | (?:from[ ]+[\w.]+[ ]+)? import [ ]* (?P<imported> \([^()]*\)? | (?:[^\\\n\#;]|\\\n)* )
      | (?:async[ ]+)? for [ ] (?P<targets> [^\n]*? ) [ ] in \b
      | (?:(?:async[ ]+)? with|except) \b [^\n]*? \b as [ ]+ (?P<caught> \w+ )
      | (?P<assigned> [^\W\d] [^\n=\#'"(]* = (?!=) (?: [ ]* \w+ [ ]* = (?!=) )* )
      | (?P<other> [^\s)\]}\#] )
    )
    """,
    re.VERBOSE | re.MULTILINE,
)


_offset = itemgetter(0)


def bound_names(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, str]]:
    """Give functions, classes and variables that lines of text[start:end] bind without indentation, in their order."""
    for match in _BINDING.finditer(text, start, len(text) if end is None else end):
        yield match.start(), match[match.lastindex or 0]


def known_names(text: str) -> Iterator[tuple[int, str]]:
    """Give all names that a module's own scope may hold, imports and blocks such as `try` included; `*` for an `import *`.

    Rather too many than too few: a name that is known although it is not costs a warning, the reverse withholds a right answer.
    """
    own = True
    for match in _STATEMENT.finditer(text):
        if not match["indent"]:
            own = match.lastgroup != "defined"
        elif not own:
            continue
        found = match[match.lastgroup or 0]
        if match.lastgroup == "imported":
            # `import a.b` binds a, `import a.b as c` binds c
            parts = _NO_NAME.sub(" ", found).split(",")
            names = [part.split()[-1].partition(".")[0] for part in parts if part.strip()]
        else:
            names = _WORD.findall(found) if match.lastgroup != "other" else []
        for name in names:
            yield match.start(), name


def names_outside(
    bindings: Sequence[tuple[int, str]], start: int, end: int, most: int, max_chars: int = 2000
) -> tuple[str, ...]:
    """Choose at most `most` names that are not bound within [start, end), those nearest to it, in their order.

    `bindings` are in order of their offsets; only those that are near are looked at.
    """
    first = bisect_left(bindings, start, key=_offset)
    last = bisect_left(bindings, end, lo=first, key=_offset)
    inside = {name for _, name in bindings[first:last]}
    before = ((start - at, at, name) for at, name in reversed(bindings[:first]))
    behind = ((at - end, at, name) for at, name in bindings[last:])
    chosen: dict[str, int] = {}
    for _, at, name in heapq.merge(before, behind):
        if name in inside:
            continue
        max_chars -= 0 if name in chosen else len(name) + 1
        if len(chosen) == most or max_chars < 0:
            break
        chosen.setdefault(name, at)
    return tuple(sorted(chosen, key=chosen.__getitem__))
