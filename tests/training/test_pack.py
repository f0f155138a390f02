"""What travels arrives whole or not at all."""

import hashlib
import json

import pytest
import torch

from training import pack
from training.recipe import Recipe
from training.stream import SPLITS, read
from training.train import Progress, initialised, optimisers_of, save_state, start_from


@pytest.fixture
def archive(data, tmp_path):
    """The small corpus, packed, with the manifest that names its streams."""
    digests = {split: hashlib.sha256((data / f"{split}.u16").read_bytes()).hexdigest() for split in SPLITS}
    (tmp_path / "manifest.json").write_text(json.dumps({"totals": {"streams_sha256": digests}}))
    pack.pack_data(data, tmp_path / "manifest.json", tmp_path / "stream.tar.xz")
    return tmp_path / "stream.tar.xz"


def test_a_stream_arrives_whole(archive, data, tmp_path) -> None:
    """Fails if a file that the trainer needs stays behind."""
    pack.unpack_data(archive, tmp_path / "there")
    for split in SPLITS:
        here, there = read(data, split), read(tmp_path / "there", split)
        assert here.names == there.names
        assert (here.ids == there.ids).all()
    assert (tmp_path / "there" / "tokenizer" / "tokenizer.json").exists()


def test_a_stream_that_changed_on_the_way_is_not_read(archive, data, tmp_path) -> None:
    """Fails if training could start on tokens that are not those of the manifest."""
    (tmp_path / "manifest.json").write_text(json.dumps({"totals": {"streams_sha256": {"train": "0" * 64}}}))
    pack.pack_data(data, tmp_path / "manifest.json", archive)
    with pytest.raises(SystemExit, match="not the one of its manifest"):
        pack.unpack_data(archive, tmp_path / "there")
    with pytest.raises(SystemExit, match=r"holds no train\.json"):
        read(tmp_path / "there", "train")


@pytest.fixture
def trunk(tiny, tmp_path):
    """A state of a tiny model after 7 steps."""
    network = initialised(tiny, 0)
    progress = Progress(step=7, tokens=1792, seconds=70.0)
    save_state(tmp_path / "trunk.pt", network, optimisers_of(network, Recipe()), progress, Recipe())
    return tmp_path / "trunk.pt"


def test_a_trunk_travels_in_parts(trunk, tiny, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if a part is lost or out of order, the head is not tied again, or the run would begin anew in its data."""
    monkeypatch.setattr(pack, "PART_BYTES", 100_000)
    pack.split_trunk(trunk, tmp_path / "parts")
    assert 2 < len(list((tmp_path / "parts").glob("*.part")))
    pack.join_trunk(tmp_path / "parts", tmp_path / "start.pt")
    network = initialised(tiny, 1)
    assert Progress(7, 1792, 70.0, warmed_from=7) == start_from(tmp_path / "start.pt", network, extend=True)
    for name, weight in torch.load(trunk, weights_only=True)["weights"].items():
        assert torch.equal(weight.bfloat16().float(), network.state_dict()[name]), name


def test_a_damaged_part_is_named(trunk, tmp_path) -> None:
    """Fails if a part that was cut short becomes weights."""
    pack.split_trunk(trunk, tmp_path / "parts")
    part = next((tmp_path / "parts").glob("*.part"))
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(SystemExit, match="fetch it again"):
        pack.join_trunk(tmp_path / "parts", tmp_path / "start.pt")
    assert not (tmp_path / "start.pt").exists()
