from binary_search import binary_search


def test_finds_every_value() -> None:
    values = [1, 3, 5, 7, 9, 11]
    assert [binary_search(values, value) for value in values] == [0, 1, 2, 3, 4, 5]


def test_says_when_there_is_none() -> None:
    assert binary_search([1, 3, 5], 4) == -1
    assert binary_search([], 4) == -1
