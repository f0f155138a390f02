"""Blocks: a hole that is decoded piece by piece from the left, as LLaDA and what descends from it do (arXiv 2502.09992, appendix B).

In: a canvas and the length of a block. Out: the rows of the block whose turn it is. Does not know what is done with them.
"""

import torch
from torch import Tensor

from dlm_lsp.sampling.canvas import Canvas


def leftmost_block(canvas: Canvas, block: int) -> Tensor:  # [L] bool
    """Give the rows of the leftmost block of so many rows with a mask in it, 0 is one block of all; all rows of the holes where there is no mask.

    Blocks are counted over the rows that were masked when the decode began, so a sampler with blocks must hand on its memory.
    Where a hole grows or shrinks, what lies behind moves into the next or the last block.
    """
    own = canvas.remember().own  # [H] bool
    number = (own.cumsum(0) - 1) // block if block else torch.zeros(len(own))  # [H]
    masked = canvas.undecided
    inside = canvas.holes.clone()
    if bool(masked.any()):
        inside[canvas.rows] = own & (number == number[masked].min())
    return inside
