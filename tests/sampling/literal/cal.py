"""CAL's search for a length and its bias, transcribed slowly from the paper (arXiv 2602.00476, algorithm 1 and appendix A).

Imports nothing of the project: an error would have to be made twice to go unseen.
"""

import math
from collections.abc import Callable


def bias(length: int) -> float:
    """B(L) with the paper's own numbers, fitted on LLaDA-8B-Base."""
    return 1.00 * math.exp(-1.77 * length) + 0.56 * math.exp(-0.06 * length) + 0.24


def cal(
    confidence: Callable[[int], float], l0: int, longest: int, patience: int, b: Callable[[int], float]
) -> tuple[int, list[int]]:
    """Give the best length and all lengths that were probed, in order; one probe is one model call."""
    probed = [l0]
    best_length = l0
    best_score = confidence(l0) / b(l0)
    decreases = 0
    length = l0 + 1
    while length <= longest:
        probed.append(length)
        score = confidence(length) / b(length)
        if score > best_score:
            best_score = score
            best_length = length
            decreases = 0
        else:
            decreases += 1
        if decreases == patience:
            break
        length += 1
    decreases = 0
    length = l0 - 1
    while length >= 1:
        probed.append(length)
        score = confidence(length) / b(length)
        if score > best_score:
            best_score = score
            best_length = length
            decreases = 0
        else:
            decreases += 1
        if decreases == patience:
            break
        length -= 1
    return best_length, probed
