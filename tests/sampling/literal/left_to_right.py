"""Left to right, slowly: the leftmost masks get their likeliest token.

Imports nothing of dlm_lsp: an error would have to be made twice to go unseen.
"""


def left_to_right(
    tokens: list[int], hole: list[int], mask_id: int, answers: list[list[list[float]]], count: int
) -> list[list[int]]:
    """The tokens after every call."""
    tokens = list(tokens)
    states = []
    for logits in answers:
        if mask_id not in [tokens[place] for place in hole]:
            break
        written = 0
        for place, row in zip(hole, logits, strict=True):
            if tokens[place] == mask_id and written < count:
                tokens[place] = row.index(max(row))  # the lowest id of equals
                written += 1
        states.append(list(tokens))
    return states
