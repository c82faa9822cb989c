"""Sprite sheets: pictures in order, with their transparency, and layers kept apart."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.atlas import Layer
from pipeline.store import Visualization
from pipeline.units import Unit
from pipeline.website import sprites
from pipeline.website.generate import generate
from pipeline.website.sprite_sheets import SpriteSheet
from pipeline.website.surpassed import surpassed
from tests import synthetic


def decoded(part: Image.Image) -> np.ndarray:
    """A part as it comes out of its file."""
    return np.asarray(Image.open(io.BytesIO(sprites.encode(part))))


def visualization(activation: float, *, alive: bool = True) -> Visualization:
    return Visualization(
        lambda: np.zeros((2, 2, 3), np.uint8), 2, activation, activation, alive=alive
    )


def test_sprites_hold_the_pictures_in_order() -> None:
    colours = [(int(i * 8), 255 - int(i * 8), 128) for i in range(30)]
    pictures = [np.full((40, 40, 3), colour, np.uint8) for colour in colours]
    parts = [decoded(part) for part in sprites.parts(pictures, 32)]
    assert [part.shape for part in parts] == [(128, 192, 3), (32, 192, 3)]
    for i, colour in enumerate(colours):
        part, index = divmod(i, sprites.PART)
        row, column = divmod(index, sprites.COLUMNS)
        pixel = parts[part][row * 32 + 16, column * 32 + 16]
        assert np.abs(pixel.astype(int) - colour).max() <= 6


def test_sprites_keep_transparency() -> None:
    opaque = np.full((8, 8, 3), 200, np.uint8)
    soft = np.dstack([opaque, np.full((8, 8), 60, np.uint8)])
    (part,) = sprites.parts([opaque, soft], 8)
    pixels = decoded(part)
    assert pixels[4, 4, 3] == 255
    assert abs(int(pixels[4, 12, 3]) - 60) <= 6


def test_crops_are_where_the_parts_hold_them() -> None:
    units = [Unit.channel(i) for i in range(sprites.PART + 7)]
    visualizations = {unit: visualization(1.0, alive=unit.key != "3") for unit in units}
    layer = Layer("a", "one", (64, 7, 7))
    sprite_sheet = SpriteSheet(layer, "1-a", visualizations)
    parts = dict(sprite_sheet.parts())
    assert list(parts) == ["sprites/1-a-0.webp", "sprites/1-a-1.webp"]
    for index, path, column, row in (
        (3, "sprites/1-a-0.webp", 3, 0),
        (30, "sprites/1-a-1.webp", 0, 1),
    ):
        crop = sprite_sheet.crop(f"channel:{index}")
        assert crop is not None
        assert crop == sprite_sheet.crop(Unit.channel(index))
        assert crop["path"] == path
        assert (crop["x"], crop["y"]) == (column * crop["size"], row * crop["size"])
        assert (crop["height"], crop["width"]) == decoded(parts[path]).shape[:2]
        assert crop["alive"] == (index != 3)
    assert sprite_sheet.crop("channel:99") is None
    assert sprite_sheet.dead == (Unit.channel(3),)


def test_feature_visualizations_are_compared_with_the_photographs() -> None:
    means = np.array([[0.0, 1.0], [0.5, 3.0], [2.0, 5.0]], np.float32)
    channel, direction = Unit.channel, Unit.parse("direction:ab")
    visualizations = {
        channel(0): visualization(1.0),
        channel(1): visualization(9.0),
        channel(1).with_variant(2): visualization(1.0),
        direction: visualization(4.0),
        direction.with_variant(1): visualization(0.5),
        Unit.parse("direction:cd"): visualization(9.0),  # whose vector is not known
    }
    vectors = {direction: np.array([1.0, 1.0], np.float32)}
    assert surpassed(visualizations, means, vectors) == {
        channel(0): 2,
        channel(1): 3,
        channel(1).with_variant(2): 0,
        direction: 2,
        direction.with_variant(1): 0,
    }


def test_layers_whose_names_look_alike_in_files_keep_their_own_sprites(tmp_path: Path) -> None:
    layers = (Layer("a/b", "one", (6, 7, 7)), Layer("a:b", "two", (6, 7, 7)))
    atlas = synthetic.make(tmp_path / "store", layers=layers)
    generate(atlas, tmp_path / "site")
    names = sorted(path.name for path in (tmp_path / "site" / "sprites").glob("*b-0.webp"))
    assert len(names) == len(set(names)) == 2
