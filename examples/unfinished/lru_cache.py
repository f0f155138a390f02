"""A cache that forgets what was not used for the longest time."""

from collections import OrderedDict
from typing import Any


class LRUCache:
    """Keep at most `capacity` values."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._values: OrderedDict[str, Any] = OrderedDict()

    def get(self, key: str, default: Any = None) -> Any:
        """Give the value of `key` and mark it as used."""
        

    def put(self, key: str, value: Any) -> None:
        """Store a value; throw the oldest one out where there is no room."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self.capacity:
            self._values.popitem(last=False)
