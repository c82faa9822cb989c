"""The contact sheet: aligned columns, variants on one line, crosses that stay on pictures."""

from __future__ import annotations

import numpy as np

from pipeline.contact_sheet import Row, draw, spread


def row(
    count: int,
    side: int,
    shade: int,
    variants: int = 1,
    dead: tuple[int, ...] = (),
    channels: int = 3,
) -> Row:
    pictures = [np.full((side, side, channels), shade, np.uint8) for _ in range(count)]
    alive = [index not in dead for index in range(count)]
    return Row("a caption", pictures, alive, 1.0, variants)


def test_pictures_of_all_rows_stand_in_the_same_columns() -> None:
    rows = [row(3, 40, 10), row(3, 64, 20), row(3, 40, 30, channels=4)]
    drawn = np.asarray(draw(rows, columns=3))
    for shade in (10, 20):
        columns = np.flatnonzero((drawn == shade).all(2).any(0))
        edges = [columns[0], columns[39], columns[40], columns[-1]]
        assert edges == [4, 43, 48, 4 + 3 * 44 - 5]
    assert drawn.shape[1] == 3 * 44 + 4


def test_variants_of_a_unit_stay_on_one_line() -> None:
    six, four = (draw([row(8, 40, 10, variants=4)], columns=columns).size for columns in (6, 4))
    assert six == four
    assert draw([row(4, 40, 10, variants=4)], columns=2).size[0] == 4 * 44 + 4


def test_the_cross_of_a_dead_picture_stays_on_it() -> None:
    drawn = np.asarray(draw([row(2, 40, 10, dead=(0,)), row(2, 64, 10)], columns=2))
    red = (drawn == (255, 0, 0)).all(2)
    rows, columns = red.nonzero()
    assert len(rows)
    assert columns.max() <= 4 + 41
    assert rows.max() <= 4 + 16 + 41


def test_channels_are_spread_over_a_layer() -> None:
    assert spread(10, 3) == [0, 4, 9]
    assert spread(3, 10) == [0, 1, 2]
