"""Mutants: a sampler whose source has one named mistake in it, to see whether a comparison would notice."""

import importlib
import inspect
import sys
import types
from typing import Any


def mutant(sampler: Any, right: str, wrong: str, *, module: str = "") -> Any:
    """Give `sampler`, a class or a function, as it would be if its source said `wrong` instead of `right`.

    `module` is where the mistake is, if not in the sampler's own file but in one that it takes names from, such as
    `dlm_lsp.sampling.belief`. The source must say `right` exactly once: a mutation of a line that was rewritten is rewritten too.
    """
    home = sys.modules[sampler.__module__]
    where = importlib.import_module(module) if module else home
    source = inspect.getsource(where)
    assert 1 == source.count(right), f"the mutated line was rewritten; rewrite the mutation: {right!r}"
    changed = _run(source.replace(right, wrong))
    if where is not home:
        mutated, changed = changed, _run(inspect.getsource(home))
        taken = [name for name, value in changed.items() if getattr(value, "__module__", None) == where.__name__]
        assert taken, f"{home.__name__} takes nothing from {where.__name__}"
        changed.update({name: mutated[name] for name in taken})
    return changed[sampler.__name__]


def _run(source: str) -> dict[str, Any]:
    module = types.ModuleType("mutated")
    exec(source, module.__dict__)
    return module.__dict__
