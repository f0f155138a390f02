r"""Clean-ups of a filling: what it says too much is cut off at its end, and only there.

In: the raw text, what stands behind the hole, the hole. Out: a beginning of that text, so that offsets into it stay valid;
"" if nothing but white space is left. It goes by lines and characters; whether the result fits is for `syntax.verdict`.
"""

import re

from dlm_lsp.values import Hole, HoleKind

_PAIRS = {")": "(", "]": "[", "}": "{"}
_TRIPLE_QUOTE = re.compile(r'"{3}|\'{3}')


def trim(text: str, suffix: str, hole: Hole) -> str:
    """Cut a filling to what belongs into its hole."""
    rest, _, following = suffix.replace("\r\n", "\n").replace("\r", "\n").partition("\n")
    text = _within_lines(text, hole)
    if hole.max_lines > 1:
        text = _within_block(text, hole)
        text = _without_next_lines(text, following, hole)
    if rest.strip():
        text = _without_rest(text, rest)
    if not text.strip():
        return ""
    return text if rest.strip() else text.rstrip()


def _within_lines(text: str, hole: Hole) -> str:
    """Keep as many lines as the hole may have; an empty first line, of a text that starts a new one, is not counted."""
    lines = text.split("\n")
    opening = 1 if hole.max_lines > 1 and not lines[0].strip() else 0
    return "\n".join(lines[: hole.max_lines + opening])


def _within_block(text: str, hole: Hole) -> str:
    """Keep the lines up to the first that is indented less than the hole allows, strings and closing brackets aside."""
    for match in re.finditer(r"\n(?=[^\n]*\S)", text):
        line = text[match.end() :]
        inside = len(_TRIPLE_QUOTE.findall(text, 0, match.start())) % 2
        if not inside and not line.startswith(hole.floor) and line.lstrip()[0] not in ")]}#":
            return text[: match.start()]
    return text


def _without_next_lines(text: str, following: str, hole: Hole) -> str:
    """Cut off last lines that repeat the lines that follow the hole; empty lines and white space at the end do not count."""
    starts_line = hole.kind in {HoleKind.BODY, HoleKind.LINE}
    ours = [(match.start(), match[0].rstrip()) for match in re.finditer(r"[^\n]*\S[^\n]*", text)]
    if ours and "\n" not in text[: ours[0][0]]:  # it begins on the cursor's line
        ours[:1] = [(0, hole.typed_indent + ours[0][1])] if starts_line else []
    theirs = [line.rstrip() for line in following.split("\n") if line.strip()]
    for count in range(min(len(ours), len(theirs)), 0, -1):
        repeated = [line for _, line in ours[-count:]]
        if repeated == theirs[:count] and any(char.isalnum() for line in repeated for char in line):
            return text[: ours[-count][0]]
    return text


def _without_rest(text: str, rest: str) -> str:
    """Cut off an end that repeats the rest of the cursor's line: whole if it says something, closing brackets if unmatched."""
    bare, rest = text.rstrip(), rest.strip()
    if len(rest) >= 4 and any(char.isalnum() for char in rest) and bare.endswith(rest):
        return bare.removesuffix(rest)
    for count in range(min(_unmatched(bare), len(rest)), 0, -1):
        if set(rest[:count]) <= _PAIRS.keys() and bare.endswith(rest[:count]):
            return bare[:-count]
    return text


def _unmatched(text: str) -> int:
    """Count the closing brackets that were not opened in the text."""
    opened: list[str] = []
    unmatched = 0
    for char in text:
        if char in _PAIRS.values():
            opened.append(char)
        elif char in _PAIRS:
            if opened and opened[-1] == _PAIRS[char]:
                opened.pop()
            else:
                unmatched += 1
    return unmatched
