"""The languages whose syntax is known: one row each.

In: a language's name as editors send it. Out: its row: grammar, lexemes, block headers, the parser that has the last word.
A row holds facts and no decisions; what to do with a hole or a fault is said elsewhere.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import tree_sitter
import tree_sitter_python

from dlm_lsp.syntax.strict import Complaint, check_python
from dlm_lsp.text.brackets import OPENERS
from dlm_lsp.text.names import IMPORT


@dataclass(frozen=True, slots=True, eq=False)  # a row is itself, and can be hashed
class Language:
    """What is known of a language."""

    name: str
    grammar: Callable[[], tree_sitter.Language] | None = None
    lexeme: re.Pattern[str] = re.compile(r"(?!)")
    """Strings, comments, joined lines, brackets, and words that only a statement starts with, as named groups."""
    brackets: dict[str, str] = field(default_factory=dict)
    """Closing to opening."""
    header: re.Pattern[str] = re.compile(r"(?!)")
    """A logical line, comments blanked, that a block must follow."""
    opening: re.Pattern[str] = re.compile(r"(?!)")
    """The start of a logical line that is, or is going to be, a header."""
    definition: re.Pattern[str] = re.compile(r"(?!)")
    """A header, so far as it is one of a function or class."""
    container: re.Pattern[str] = re.compile(r"(?!)")
    """A definition whose block holds definitions, and no local names."""
    goes_on: re.Pattern[str] = re.compile(r"(?!)")
    """The start of a line that goes on with the statement above it though it is not indented more."""
    decorator: str = "@"
    """The start of a line that belongs to the statement below it."""
    import_line: re.Pattern[str] = re.compile(r"(?!)")
    """An import statement at the outermost level, whole."""
    strict: Callable[[str], Complaint | None] | None = None
    """The language's own parser: the first complaint about a whole text, or None."""

    def parse(self, text: str) -> tree_sitter.Tree | None:
        """Parse a text; byte offsets of the tree are code-point offsets of the text. None without a grammar."""
        if self.grammar is None:
            return None
        return tree_sitter.Parser(self.grammar()).parse(_ascii_twin(text).encode("ascii"))


def find_language(name: str) -> Language:
    """Give a language's row; one that knows nothing where there is none."""
    return LANGUAGES.get(name, Language(name))


@cache
def _python_grammar() -> tree_sitter.Language:
    return tree_sitter.Language(tree_sitter_python.language())


def _ascii_twin(text: str) -> str:
    """Put one ASCII character of the same lexical class for every other one, so that bytes count as code points do.

    Q is in no keyword, number or string prefix of any language here; a byte order mark may stand where a form feed may.
    """
    if text.isascii():
        return text
    return re.sub(r"[^\x00-\x7f]", lambda match: _twin(match[0]), text)


@cache
def _twin(char: str) -> str:
    return "\f" if char == "\ufeff" else "Q" if f"a{char}".isidentifier() else "?"


_PYTHON_LEXEME = re.compile(
    r"""
    (?P<comment> \#[^\r\n]* )
  | (?P<string>
        (?P<triple> \"{3} | '{3} ) (?: [^\\"']++ | \\. | (?!(?P=triple))["'] )*+ (?: (?P<triple_end> (?P=triple) ) | \\?\Z )
      | (?P<quote> ["'] ) (?: [^\\"'\r\n]++ | \\(?:\r\n|.) | (?!(?P=quote))["'] )*+ (?: (?P<quote_end> (?P=quote) ) | \\?\Z | )
    )
  | (?P<join> \\(?:\r\n|\r|\n) )
  | (?P<open> [(\[{] )
  | (?P<close> [)\]}] )
  | (?P<statement>
        ^[ \t\f]*+ (?: def|class|return|import|while|with|try|raise|assert|del|pass|break|continue|global|nonlocal )\b
    )
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)

_PYTHON_HEADER = re.compile(
    r"\s*(?:(?:async\s+)?(?:def|for|with)|class|if|elif|while|except\*?|match|case)\b\s*[^\s:=].*:\s*$"
    r"|\s*(?:else|try|finally|except)\s*:\s*$",
    re.DOTALL,
)


_PYTHON_OPENING = re.compile(
    r"\s*(?:(?:(?:async\s+)?(?:def|for|with)|class|if|elif|while|else|try|except|finally)\b|(?:match|case)\s+[^\s=.,:)\]])"
)

LANGUAGES = {
    "python": Language(
        name="python",
        grammar=_python_grammar,
        lexeme=_PYTHON_LEXEME,
        brackets=OPENERS,
        header=_PYTHON_HEADER,
        opening=_PYTHON_OPENING,
        definition=re.compile(r"^[ \t\f]*(?:(?:async\s+)?def|class)\b", re.MULTILINE),
        container=re.compile(r"class\b"),
        goes_on=re.compile(r"(?:else|elif|except|finally)\b|[)\]}]"),
        import_line=IMPORT,
        strict=check_python,
    ),
}
"""Every known language by its LSP id."""
