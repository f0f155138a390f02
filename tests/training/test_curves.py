"""The picture of a run's curves."""

from xml.etree import ElementTree as ET

from training.curves import picture

HISTORY = [
    {"tokens": 1e6, "loss": 8.0, "rate": 0.5},
    {"tokens": 2e6, "loss": 6.0, "rate": 1.0, "held_out_dense": 6.5, "held_out_holes": 7.0},
    {"tokens": 4e6, "loss": 5.0, "rate": 0.0, "held_out_dense": 5.5, "held_out_holes": 5.6},
]


def test_every_series_is_drawn_to_scale() -> None:
    """Fails if a series is left out, runs backwards, or leaves the frame."""
    root = ET.fromstring(picture({"a <run>": HISTORY}))
    lines = [
        [tuple(map(float, corner.split(","))) for corner in line.attrib["points"].split()]
        for line in root.iter("{http://www.w3.org/2000/svg}polyline")
    ]
    assert [3, 3, 2, 2] == [len(line) for line in lines]  # rate, loss, both held-out ones
    _, loss, *_ = lines
    assert [60, 360] == [loss[0][1], loss[2][1]], "the highest value stands at the top, the lowest at the bottom"
    assert loss == sorted(loss), "tokens run to the right"
    assert 700 == loss[2][0]
