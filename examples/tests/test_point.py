from point import Point


def test_subtraction_undoes_addition() -> None:
    assert Point(1, 2) + Point(3, 5) - Point(3, 5) == Point(1, 2)
