"""A copied draft, looks at it by hidden folds, and the ordinary loop, written slowly into plain lists.

Imports only the other literal transcriptions: an error would have to be made twice to go unseen.
"""

from tests.sampling.literal.kfold import Answer, denoise, hidden_probability


def copied(tokens: list[int], hole: list[int], mask_id: int, reach: int) -> dict[int, int]:
    """What the text around goes on with, by place: the last place where the most tokens to the left agree, at least two."""
    text = [None if place in hole else token for place, token in enumerate(tokens)]
    given, draft = list(text), {}
    for place in hole:
        for size in range(reach, 1, -1):
            left = text[place - size : place] if size <= place else [None]
            found = [
                there
                for there in range(size, len(given))
                if given[there] is not None
                and given[there] != mask_id
                and given[there - size : there] == left
                and None not in left
            ]
            if found:
                draft[place] = text[place] = given[found[-1]]
                break
    return draft


def draft_then_denoise(
    tokens: list[int],
    hole: list[int],
    mask_id: int,
    answer: Answer,
    *,
    tau: float,
    reach: int,
    looks: int,
    folds: int,
    below: float,
) -> list[list[int]]:
    """The tokens after every call; all of `hole` is masked at the start."""
    tokens, history = list(tokens), []
    judged = copied(tokens, hole, mask_id, reach)
    for place, token in judged.items():
        tokens[place] = token
    for _ in range(looks):
        if not judged:
            break
        places = sorted(judged)
        doubted = [p for p in places if hidden_probability(tokens, p, places, mask_id, answer, k=folds) < below]
        for place in doubted:
            tokens[place] = mask_id
            del judged[place]
        history.append(list(tokens))
        if not doubted:
            break
    return [*history, *denoise(tokens, hole, mask_id, answer, tau)]
