"""Names that resolve nowhere: a second sign, beside the syntax, that a filling is wrong.

In: a whole text that parses, the spans to look at, names known from elsewhere. Out: where in the spans a name is loaded that no scope
around it binds. It is lenient: the order of statements does not count, and where names come and go unseen (`import *`, `globals()`,
`exec`, `del`) or the code around loads the same unbound name, nothing is said. Python only; it does not know what a name means.
"""

import ast
import builtins
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate

from dlm_lsp.syntax.strict import Complaint, parse_python, parses, parts_of
from dlm_lsp.text.offsets import LineIndex
from dlm_lsp.values import Span

_ALWAYS = frozenset(dir(builtins)) | {
    *("__file__", "__path__", "__builtins__", "__annotations__", "__class__", "__module__", "__qualname__", "__dict__"),
    *("_", "reveal_type", "unicode", "WindowsError"),
}
_UNSEEN = {"globals", "locals", "vars", "exec", "eval", "__import__"}
"""Functions whose call may bind or fetch names that no scope shows."""
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)  # tuples, which are faster to look through than unions
_COMPREHENSION = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LEAVES = (ast.expr_context, ast.Constant, ast.operator, ast.cmpop, ast.boolop, ast.unaryop)
"""Nodes that hold no others, and no names."""


@dataclass(slots=True)
class _Scope:
    """Names that one scope binds."""

    parent: "_Scope | None" = None
    is_class: bool = False
    is_comprehension: bool = False
    bound: set[str] = field(default_factory=set)

    def sees(self, name: str) -> bool:
        """Whether a load here finds the name; of classes only the innermost is looked at, as Python does."""
        scope: _Scope | None = self
        inside = True  # no function stands between here and the load
        while scope is not None:
            if name in scope.bound and (inside or not scope.is_class):
                return True
            inside = inside and scope.is_comprehension
            scope = scope.parent
        return False


class _Unseen(Exception):  # noqa: N818 it is no error
    """Names come and go here that cannot be seen."""


def find_unresolved(text: str, spans: Sequence[Span], known: Collection[str] = ()) -> list[Complaint]:
    """List the names within `spans` that resolve nowhere; nothing where the text does not parse, or `*` is known."""
    if "*" in known:
        return []
    parts = parts_of(text)
    read: list[_Names] = []
    for part in parts if all(map(parses, parts)) else [text]:
        names = _read(part, skips_annotations=any(each.skips_annotations for each in read))
        if names is None:
            return []
        read.append(names)
    bound = frozenset[str]().union(*(names.bound for names in read))
    starts = accumulate(map(len, parts), initial=0)
    loads = ((start + at, name) for start, names in zip(starts, read, strict=False) for at, name in names.unresolved)
    inside: list[tuple[int, str]] = []
    outside: set[str] = set()
    for at, name in loads:
        if name in bound:
            continue
        if any(span.start <= at < span.end for span in spans):
            inside.append((at, name))
        else:
            outside.add(name)
    elsewhere = outside | set(known)
    return [Complaint(at, at + len(name), "unresolved name") for at, name in inside if name not in elsewhere]


@dataclass(frozen=True, slots=True)
class _Names:
    """What a part of a module says of names."""

    bound: frozenset[str]
    """In the module's own scope."""
    unresolved: tuple[tuple[int, str], ...]
    """Loads that find nothing in the part, with their offsets in it."""
    skips_annotations: bool
    """Whether annotations behind it are not evaluated."""


@lru_cache(maxsize=64)  # see `strict.parses`
def _read(part: str, *, skips_annotations: bool) -> _Names | None:
    """Read statements of the outermost level; None where they do not parse, or names come and go unseen."""
    tree = parse_python(part)
    if isinstance(tree, Complaint):
        return None
    reading = _Reading(skips_annotations=skips_annotations)
    try:
        reading.read(tree)
    except (RecursionError, _Unseen):
        return None
    lines = LineIndex(part)
    found = ((lines.offset(line - 1, column, "utf-8"), name) for name, line, column in reading.unresolved())
    return _Names(frozenset(reading.module.bound), tuple(found), reading.skips_annotations)


class _Reading:
    """Scopes and loads of a module."""

    def __init__(self, *, skips_annotations: bool) -> None:
        self.module = _Scope()
        self.skips_annotations = skips_annotations
        self._loads: list[tuple[_Scope, ast.Name]] = []

    def read(self, tree: ast.Module) -> None:
        """Read a module."""
        for statement in tree.body:
            self._visit(statement, self.module)

    def unresolved(self) -> Iterator[tuple[str, int, int]]:
        """Give the loads that find nothing: name, line from 1, column in bytes."""
        for scope, node in self._loads:
            if node.id not in _ALWAYS and not scope.sees(node.id):
                yield node.id, node.lineno, node.col_offset

    def _visit(self, node: ast.AST, scope: _Scope) -> None:
        if isinstance(node, _LEAVES):  # half of all nodes
            return
        match node:
            case ast.Name(ctx=ast.Load()):
                self._loads.append((scope, node))
                return
            case ast.Name(ctx=ast.Del()):
                raise _Unseen
            case ast.Name():
                scope.bound.add(node.id)
                return
            case ast.Call(func=ast.Name(id=name)) if name in _UNSEEN:
                raise _Unseen
            case ast.ImportFrom(module="__future__", names=names):
                self.skips_annotations |= any(alias.name == "annotations" for alias in names)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                for alias in names:
                    if alias.name == "*":
                        raise _Unseen
                    scope.bound.add(alias.asname or alias.name.partition(".")[0])
            case ast.Global(names=bound):
                self.module.bound.update(bound)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                scope.bound.add(name)
            case ast.MatchMapping(rest=str(name)):
                scope.bound.add(name)
            case ast.NamedExpr(target=ast.Name(id=name)):
                outer = scope
                while outer.is_comprehension and outer.parent is not None:
                    outer = outer.parent
                outer.bound.add(name)
        self._visit_parts(node, scope)

    def _visit_parts(self, node: ast.AST, scope: _Scope) -> None:
        """Visit what a node holds, each part in the scope where it is evaluated."""
        if isinstance(node, _FUNCTION):
            self._visit_function(node, scope)
        elif isinstance(node, ast.ClassDef):
            scope.bound.add(node.name)
            self._visit_all([*node.decorator_list, *node.bases, *node.keywords], scope)
            self._visit_all([*getattr(node, "type_params", ()), *node.body], _Scope(scope, is_class=True))
        elif isinstance(node, _COMPREHENSION):
            first, *others = node.generators
            self._visit(first.iter, scope)
            inner = _Scope(scope, is_comprehension=True)
            self._visit_all([first.target, *first.ifs, *others], inner)
            values = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
            self._visit_all(values, inner)
        elif isinstance(node, ast.AnnAssign) and self.skips_annotations:
            self._visit_all([node.target, *([node.value] if node.value else [])], scope)
        else:
            if type(node).__name__ in {"TypeVar", "ParamSpec", "TypeVarTuple"}:
                scope.bound.add(node.name)  # type: ignore[attr-defined]  # of Python 3.12
            self._visit_all(ast.iter_child_nodes(node), scope)

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: _Scope) -> None:
        given = node.args
        names = [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, (given.vararg, given.kwarg))]
        inner = _Scope(scope, bound={each.arg for each in names})
        self._visit_all([*given.defaults, *(default for default in given.kw_defaults if default)], scope)
        if isinstance(node, ast.Lambda):
            self._visit(node.body, inner)
            return
        scope.bound.add(node.name)
        self._visit_all(node.decorator_list, scope)
        outer = _Scope(scope, is_comprehension=True)  # of type parameters, for which annotations look first
        self._visit_all(getattr(node, "type_params", ()), outer)
        inner.bound |= outer.bound
        if not self.skips_annotations:
            annotations = [*(each.annotation for each in names), node.returns]
            self._visit_all([each for each in annotations if each is not None], outer)
        self._visit_all(node.body, inner)

    def _visit_all(self, nodes: Iterable[ast.AST], scope: _Scope) -> None:
        for node in nodes:
            self._visit(node, scope)
