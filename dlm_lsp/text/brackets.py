"""Which brackets belong together: the one table of them.

In: nothing. Out: two mappings. It does not know in which language, string or comment a bracket stands.
"""

CLOSERS = {"(": ")", "[": "]", "{": "}"}
"""Opening to closing."""
OPENERS = {close: opening for opening, close in CLOSERS.items()}
"""Closing to opening."""
