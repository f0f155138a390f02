"""`dlm-lsp samplers`: the samplers, caches and lengths that can be set, and the parameters of one.

In: a name, or none for all. Out: text on stdout; status 0. Says what `dlm_lsp/decoders.py` describes, and knows no more.
"""

import difflib
from collections.abc import Mapping

from dlm_lsp.decoders import CACHES, DECODERS, LENGTHS, ORACLE, Decoder
from dlm_lsp.errors import SettingsError

_TABLES: Mapping[str, Mapping[str, Decoder]] = {
    "sampler": DECODERS,
    "cache": CACHES,
    "length": {name: length for name, length in LENGTHS.items() if name != ORACLE},
}
"""By setting."""


def samplers(name: str | None) -> int:
    """Print one of them, or all."""
    if name is None:
        width = max(len(each) for table in _TABLES.values() for each in table)
        for setting, table in _TABLES.items():
            print(f"--{setting} NAME:")
            print(*(f"  {each:{width}}  {decoder.text}" for each, decoder in table.items()), sep="\n", end="\n\n")
        print("`dlm-lsp samplers NAME` shows where it is from and its parameters.")
        return 0
    name = name.partition(":")[0].strip()
    found = {setting: table[name] for setting, table in _TABLES.items() if name in table}
    if not found:
        every = [each for table in _TABLES.values() for each in table]
        nearest = difflib.get_close_matches(name, every, n=1, cutoff=0.0)[0]
        raise SettingsError(f"there is no sampler, cache or length {name!r}; the nearest name is {nearest!r}")
    print("\n\n".join(_about(f"--{setting} {name}", decoder) for setting, decoder in found.items()))
    return 0


def _about(title: str, decoder: Decoder) -> str:
    """Lay out one of them, with an example of how its parameters are written."""
    lines = [f"{title}: {decoder.text}"]
    if decoder.paper:
        lines.append(f"  source: {decoder.paper}")
    if decoder.takes_back:
        lines.append("  takes back what it has written")
    rows = [(key, str(each.default), each.allowed, each.text) for key, each in decoder.parameters.items()]
    if rows:
        key, default = rows[0][:2]
        lines.append(f"  parameters, as in `{title}:{key}={default}`; several with commas:")
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines += [f"    {row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]:{widths[2]}}  {row[3]}" for row in rows]
    return "\n".join(lines)
