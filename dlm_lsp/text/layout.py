"""How the text around a hole is laid out for the model; the trainer and the server call the very same function.

In: a `Context` and a prefix. Out: the pieces, in order, that stand before the window's first hole. Text and the names of
special tokens only; it does not know ids, and a tokenizer without the special tokens gets the same facts as comments.

Grammar, with markers:   (<path> PATH <sep> TEXT <sep>)* [<path> PATH <sep> IMPORTS <sep> NAMES <sep>] PREFIX
The snippets come first, the least relevant one foremost; the document's own head is left out where all of it is empty.
"""

from dataclasses import dataclass

from dlm_lsp.values import Context


@dataclass(frozen=True, slots=True)
class Special:
    """A special token by its name, as `Tokenizer.special_id` takes it."""

    name: str


Piece = str | Special

PATH = Special("path")
SEP = Special("sep")


def lay_out(context: Context, prefix: str, *, markers: bool) -> tuple[Piece, ...]:
    """Give the pieces that stand before the first hole, without empty ones; without markers they are one text."""
    pieces: list[Piece] = []
    if markers:
        for snippet in context.snippets:
            pieces += [PATH, snippet.path, SEP, snippet.text, SEP]
        if context.path or context.imports or context.names:
            pieces += [PATH, context.path, SEP, context.imports, SEP, " ".join(context.names), SEP]
        pieces.append(prefix)
        return tuple(piece for piece in pieces if piece != "")
    text = "".join(f"# {snippet.path}\n{snippet.text}\n" for snippet in context.snippets)
    text += f"# {context.path}\n" if context.path else ""
    text += f"{context.imports}\n" if context.imports else ""
    text += f"# names: {' '.join(context.names)}\n" if context.names else ""
    return (text + prefix,) if text + prefix else ()
