"""Find a value in a sorted list."""


def binary_search(values: list[int], target: int) -> int:
    """Return the index of target in values, or -1 if it is not there."""
    low = 0
    high = len(values) - 1
    while low <= high:
        
        if values[middle] == target:
            return middle
        if values[middle] < target:
            low = middle + 1
        else:
            high = middle - 1
    return -1
