"""What the text around makes likely, against the formula written out with lists."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dlm_lsp.errors import ModelError
from dlm_lsp.models.denoiser import Vocabulary
from dlm_lsp.sampling.canvas import Canvas, join
from dlm_lsp.sampling.copy_prior import CONFIDENCES, SHAPE, CopyPrior, make_prior, read_shares

VOCABULARY = Vocabulary(12, mask_id=1, forbidden=torch.arange(12) < 4)
ONLY_MODEL = torch.tensor([1.0, 0, 0, 0, 0]).expand(SHAPE)
ONLY_COPIES = torch.tensor([1e-6, 0, 0.5, 0.5, 0]).expand(SHAPE)


def prior(parts: list[list[int]], shares: Tensor) -> CopyPrior:
    """Make a prior that has something to say."""
    made = make_prior(parts, shares, VOCABULARY)
    assert made is not None, "the parts hold tokens that may be copied"
    return made


def written_out(parts: list[list[int]], canvas: Canvas, logits: Tensor, shares: Tensor) -> Tensor:
    """The module's formula, slowly, from its docstring: no tensor is indexed by another."""
    places = [
        (part[at], part[:at][::-1], part[at + 1 :])
        for part in parts
        for at in range(len(part))
        if part[at] not in {0, 1, 2, 3}
    ]
    tokens, masked = canvas.tokens.tolist(), canvas.masked.tolist()
    out = logits.clone()
    for row, place in enumerate(canvas.rows.tolist()):
        if not masked[place]:
            continue
        sides = ([], [])  # type: tuple[list[int], list[int]]
        for side, step, most in ((0, -1, 4), (1, 1, 3)):
            at = place + step
            while 0 <= at < len(tokens) and not masked[at] and len(sides[side]) < most:
                sides[side].append(tokens[at])
                at += step
        said = [[0.0] * 12 for _ in range(5)]
        said[0] = logits[row].softmax(-1).tolist()
        best = [0, 0]
        for token, *around in places:
            said[1][token] += 1
            weight = []
            for side in (0, 1):
                agreed = 0
                for mine, theirs in zip(sides[side], around[side], strict=False):
                    if mine != theirs:
                        break
                    agreed += 1
                best[side] = max(best[side], agreed)
                weight.append(8**agreed - 1)
            said[2][token] += weight[0]
            said[3][token] += weight[1]
            said[4][token] += weight[0] * weight[1]
        sure = sum(max(said[0]) > border for border in CONFIDENCES)
        share = shares[best[0], best[1], sure].tolist()
        known = [share[k] if any(said[k]) else 0 for k in range(5)]
        for token in range(12):
            p = sum(known[k] * said[k][token] / (sum(said[k]) or 1) for k in range(5)) / sum(known)
            if logits[row, token] > -torch.inf:
                out[row, token] = float(torch.tensor(p).log())
    return out


@pytest.mark.parametrize("seed", range(60))
def test_the_formula(seed: int) -> None:
    """Fails if neighbours are counted across a gap, from the wrong side or past the end, or a share goes to the wrong source."""
    rng = torch.Generator().manual_seed(seed)
    parts = [torch.randint(0, 8, (int(n),), generator=rng).tolist() for n in torch.randint(1, 15, (3,), generator=rng)]
    parts[0].append(7)
    canvas = join(parts, [4, 3], [0, 0], 1)
    open_rows = torch.rand(len(canvas.rows), generator=rng) < 0.5
    canvas = canvas.apply(canvas.commit(open_rows, torch.randint(4, 8, (7,), generator=rng), torch.ones(7)))
    logits = 2 * torch.randn(7, 12, generator=rng)
    logits[:, 2] = -torch.inf
    shares = torch.rand(SHAPE, generator=rng) + 0.01
    expected = written_out(parts, canvas, logits, shares)
    torch.testing.assert_close(prior(parts, shares)(canvas, logits), expected, rtol=1e-4, atol=1e-5)


def test_a_model_alone_keeps_its_probabilities() -> None:
    """Fails if the mixture changes what it has nothing to add to."""
    canvas = join([[5, 6], [7]], [2], [0], 1)
    logits = torch.randn(2, 12, generator=torch.Generator().manual_seed(0))
    mixed = prior([[5, 6], [7]], ONLY_MODEL)(canvas, logits.clone())
    torch.testing.assert_close(mixed.softmax(-1), logits.softmax(-1))


def test_the_length_is_the_models_alone() -> None:
    """Fails if copying takes from, or gives to, what makes a hole longer or shorter."""
    vocabulary = Vocabulary(12, mask_id=1, forbidden=torch.arange(12) < 4, expand_id=3, delete_id=0)
    copy = make_prior([[5, 6, 5], [6, 7]], ONLY_COPIES, vocabulary)
    assert copy is not None
    canvas = join([[5, 6, 5], [6, 7]], [3], [0], 1)
    logits = torch.randn(3, 12, generator=torch.Generator().manual_seed(1))
    mixed = copy(canvas, logits.clone()).softmax(-1)
    torch.testing.assert_close(mixed[:, [0, 3]], logits.softmax(-1)[:, [0, 3]])
    torch.testing.assert_close(mixed.sum(-1), torch.ones(3))
    assert not torch.allclose(mixed, logits.softmax(-1))


def test_what_followed_before_follows_again() -> None:
    """Fails if the token behind the same two tokens is not the one that is copied."""
    text = [4, 5, 6, 9, 8, 5, 7]
    canvas = join([[*text, 4, 5], []], [1], [0], 1)
    mixed = prior([[*text, 4, 5]], ONLY_COPIES)(canvas, torch.zeros(1, 12))
    assert 6 == int(mixed.argmax())  # 5 alone was also followed by 7, but 4 5 by 6 only


def test_what_is_decided_is_left_alone() -> None:
    """Fails if rows that hold a token already, or a finished canvas, are touched."""
    canvas = join([[5, 6], [7]], [2], [0], 1)
    logits = torch.randn(2, 12, generator=torch.Generator().manual_seed(0))
    half = canvas.apply(canvas.commit(torch.tensor([True, False]), torch.tensor([5, 5]), torch.ones(2)))
    done = canvas.apply(canvas.commit(torch.tensor([True, True]), torch.tensor([5, 5]), torch.ones(2)))
    copy = prior([[5, 6], [7]], ONLY_COPIES)
    assert torch.equal(copy(half, logits.clone())[0], logits[0])
    assert torch.equal(copy(done, logits.clone()), logits)


def test_nothing_to_copy() -> None:
    """Fails if a document of nothing, or of special tokens only, is divided by its length."""
    assert make_prior([[], []], ONLY_MODEL, VOCABULARY) is None
    assert make_prior([[0], [3]], ONLY_MODEL, VOCABULARY) is None


def test_the_file_of_shares(tmp_path: Path) -> None:
    """Fails if a table that is cut short or of another shape is used, or its absence is an error."""
    file = tmp_path / "copy_prior.json"
    assert read_shares(file) is None
    assert read_shares(Path(__file__) / "copy_prior.json") is None  # the folder of a script is a file
    good = {"confidences": CONFIDENCES, "shares": ONLY_MODEL.flatten().tolist()}
    file.write_text(json.dumps(good))
    read = read_shares(file)
    assert read is not None
    assert torch.equal(read, ONLY_MODEL)
    for text in ("{", "[]", json.dumps(good | {"shares": [1.0]}), json.dumps(good | {"confidences": [0.5]})):
        file.write_text(text)
        with pytest.raises(ModelError, match="fit it anew"):
            read_shares(file)
