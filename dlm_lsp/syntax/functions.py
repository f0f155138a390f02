"""The functions of a text, what their bodies are, and which of them are stubs.

In: a text, whole or a block of it. Out: `Function`s with offsets. It asks tree-sitter, so that a fault in one function does not
hide the others; a lambda is none. It does not know what is written into a body.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import tree_sitter

from dlm_lsp.syntax.blocks import block_around, line_around
from dlm_lsp.syntax.indentation import DEFAULT_UNIT
from dlm_lsp.syntax.languages import find_language
from dlm_lsp.syntax.scan import indent_of
from dlm_lsp.text.offsets import LINE_END
from dlm_lsp.values import Span

_PLACEHOLDER = re.compile(r"pass|\.\.\.|raise[ \t]+NotImplementedError\b[^\r\n]*")
_BODILESS = re.compile(r"(?:^|\.)(?:overload|abstract\w*)\b")
"""Decorators of functions that stay without a body."""
_PROTOCOL = re.compile(r"\bProtocol\b")
_CLUES = ("pass", "...", "NotImplementedError")
_OTHER_HEADER = re.compile(r"\s*(?:if|elif|else|for|while|try|except|finally|with|match|case|class)\b")
_ABOVE_CHARS = 300
_BLOCK_CHARS = 500
"""What it costs to look at a block of whatever size, in characters that could be parsed meanwhile."""
MAX_LOOK_CHARS = 30_000
"""How much is parsed to find out whether a text has stubs; a larger one that looks as if it had some counts as one."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method."""

    span: Span
    """Decorators included."""
    indent: str
    inside: str
    """The indentation of its body."""
    colon: int
    """The offset behind the header."""
    docstring: Span | None
    body: Span | None
    """All statements but the docstring; None where there is none."""
    is_stub: bool
    """Its body is a placeholder, and it is none of those that stay without a body: overloads, abstract ones, protocols."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a body is written: instead of `span`, and behind `lead`, which is new text as well."""

    span: Span
    lead: str = ""


def find_functions(text: str, language: str) -> list[Function]:
    """List the functions of a text in the order in which they begin."""
    # The grammar takes a lone carriage return for white space.
    tree = find_language(language).parse(re.sub(r"\r(?!\n)", "\n", text))
    query = _function_query(language)
    if tree is None or query is None:
        return []
    nodes = tree_sitter.QueryCursor(query).captures(tree.root_node).get("function", [])
    nodes.sort(key=lambda node: node.start_byte)
    shapes = [shape for node in nodes if (shape := _read(node, text)) is not None]
    unit = next((each.inside.removeprefix(each.indent) for each in shapes if each.inside), DEFAULT_UNIT)
    return [each if each.inside else replace(each, inside=each.indent + unit) for each in shapes]


def function_at(functions: Sequence[Function], text: str, offset: int) -> Function | None:
    """Give the innermost function with `offset` in its lines, or on an empty line below that is indented as its body is."""
    start, end = line_around(text, offset)
    blank = not text[start:end].strip()
    above = len(text[:start].rstrip()) if blank else offset
    found = None
    for each in functions:
        first, last = line_around(text, each.span.start)[0], line_around(text, each.span.end)[1]
        if first <= offset <= last or (blank and first <= above <= last and len(each.indent) < end - start):
            found = each
    return found


def body_place(function: Function, text: str) -> Place:
    """Say where the body of a function is written, or written anew; the docstring stays as it is."""
    newline = LINE_END.search(text)
    lead = (newline[0] if newline else "\n") + function.inside
    docstring, body = function.docstring, function.body
    if body is not None and not text[line_around(text, body.start)[0] : body.start].strip():
        return Place(body)
    if docstring is not None and text[line_around(text, docstring.start)[0] : docstring.start].strip():
        # The docstring stands behind the header: it has to move into the block as well.
        end = body.end if body is not None else docstring.end
        return Place(Span(function.colon, end), lead + text[docstring.start : docstring.end] + lead)
    before = docstring.end if docstring is not None else function.colon
    if body is not None:
        return Place(Span(before, body.end), lead)
    end = line_around(text, before)[1]
    return Place(Span(end, end), lead)


def is_placeholder(body: str) -> bool:
    """Whether a body says that there should be one."""
    return _PLACEHOLDER.fullmatch(body.strip()) is not None


def may_have_stub(text: str, language: str) -> bool:
    """Say whether a text has a stub, in a time that hardly grows with the text: what is not looked at closely may have one."""
    if find_language(language).grammar is None or not any(clue in text for clue in _CLUES):
        return False
    if len(text) <= MAX_LOOK_CHARS:
        return any(each.is_stub for each in find_functions(text, language))
    looked_chars = 0
    for clue in _CLUES:
        at = text.find(clue)
        while at >= 0:
            if _ends_header_or_docstring(text[max(at - _ABOVE_CHARS, 0) : at]):
                block = block_around(text, at, MAX_LOOK_CHARS)
                looked_chars += block.end - block.start + _BLOCK_CHARS if block else MAX_LOOK_CHARS
                if block is None or looked_chars > MAX_LOOK_CHARS:
                    return True
                if any(each.is_stub for each in find_functions(text[block.start : block.end], language)):
                    return True
                at = block.end - 1
            at = text.find(clue, at + 1)
    return False


def _ends_header_or_docstring(before: str) -> bool:
    """Whether a function's body may begin behind a text, as far as its last line tells."""
    last = before.rstrip().removesuffix("raise").rstrip().rpartition("\n")[2]
    if last.endswith((":", ";")):
        return "def" in last or (")" in last and not _OTHER_HEADER.match(last))
    return last.endswith(('"', "'")) or "#" in last


@cache
def _function_query(language: str) -> tree_sitter.Query | None:
    grammar = find_language(language).grammar
    return tree_sitter.Query(grammar(), "(function_definition) @function") if grammar else None


def _read(node: tree_sitter.Node, text: str) -> Function | None:
    """Read a function's parts; None where the parser only guessed that it is one."""
    colon = next((child.end_byte for child in node.children if child.type == ":"), None)
    if colon is None:
        return None
    body = node.child_by_field_name("body")
    statements = [child for child in body.named_children if child.type != "comment"] if body else []
    docstring = None
    if statements and re.match(r"[rRuU]?[\"']", text[statements[0].start_byte :][:2]):
        docstring = Span(statements[0].start_byte, statements.pop(0).end_byte)
    whole = node.parent if node.parent is not None and node.parent.type == "decorated_definition" else node
    first = docstring.start if docstring else statements[0].start_byte if statements else colon
    line = text[line_around(text, first)[0] : first]
    is_stub = len(statements) == 1 and _PLACEHOLDER.fullmatch(text, statements[0].start_byte, statements[0].end_byte)
    return Function(
        span=Span(whole.start_byte, node.end_byte),
        indent=indent_of(text[line_around(text, node.start_byte)[0] : node.start_byte]),
        inside="" if line.strip() else line,
        colon=colon,
        docstring=docstring,
        body=Span(statements[0].start_byte, statements[-1].end_byte) if statements else None,
        is_stub=bool(is_stub) and not _stays_empty(whole, text),
    )


def _stays_empty(node: tree_sitter.Node, text: str) -> bool:
    """Say whether a function is an overload, abstract, or a method of a protocol."""
    for child in node.children:
        if child.type == "decorator" and _BODILESS.search(text[child.start_byte + 1 : child.end_byte]):
            return True
    while node.parent is not None and node.type not in {"class_definition", "module"}:
        node = node.parent
    bases = node.child_by_field_name("superclasses")
    return bases is not None and _PROTOCOL.search(text, bases.start_byte, bases.end_byte) is not None
