"""Points in the plane."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """A point with two coordinates."""

    x: float
    y: float

    def __add__(self, other: "Point") -> "Point":
        return Point(self.x + other.x, self.y + other.y)

    def __sub__(self, other: "Point") -> "Point":
        return Point(, self.y - other.y)

    def distance(self, other: "Point") -> float:
        """Measure the straight line between two points."""
        return math.hypot(self.x - other.x, self.y - other.y)
