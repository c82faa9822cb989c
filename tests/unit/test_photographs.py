"""Photographs: which are found, what is decoded and refused, and how they are fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline import photographs
from pipeline.config import Config, Settings
from pipeline.errors import AtlasError


def config(folder: Path, *entries: str, **titles: str) -> Config:
    settings = Settings.model_validate({"dataset": {"images": entries, "titles": titles}})
    return Config(path=folder / "atlas.toml", settings=settings)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photos" / "more").mkdir(parents=True)
    for name in ("photos/b.jpg", "photos/a.PNG", "photos/more/b.jpg", "photos/.hidden.jpg"):
        Image.new("RGB", (40, 30), (200, 10, 10)).save(tmp_path / name)
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    return tmp_path


def names(found: list[photographs.PhotographFile]) -> list[str]:
    return [each.name for each in found]


# --------------------------------------------------------------------------------------- finding
def test_files_globs_folders_and_packages(folder: Path) -> None:
    entries = ("photos", "photos/*.jpg", "photos/**/*.jpg", "skimage:chelsea", "sklearn:china")
    found, errors = photographs.find(config(folder, *entries))
    assert not errors
    assert names(found) == ["a", "b", "b-2", "chelsea", "china"]
    assert found[2].path.parent.name == "more"


def test_absolute_globs(folder: Path) -> None:
    found, errors = photographs.find(config(folder, f"{folder}/photos/*.jpg"))
    assert (names(found), errors) == (["b"], [])


def test_titles(folder: Path) -> None:
    found, errors = photographs.find(config(folder, "photos/b.jpg", b="The <b> one", c="x"))
    assert found[0].title == "The <b> one"
    assert "dataset.titles.c" in str(errors[0])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("photos/*.gif", "no file matches"),
        ("photos/bb.jpg", 'did you mean "b.jpg"'),
        ("nowhere", "no such file or folder"),
        ("skimage:chelsae", 'did you mean "chelsea"'),
        ("empty", "no photographs in this folder"),
    ],
)
def test_entries_that_name_nothing(folder: Path, entry: str, message: str) -> None:
    (folder / "empty").mkdir()
    found, errors = photographs.find(config(folder, entry, "photos/b.jpg"))
    assert names(found) == ["b"]
    assert message in str(errors[0])
    assert "dataset.images" in str(errors[0])


def test_no_entries(folder: Path) -> None:
    found, errors = photographs.find(config(folder))
    assert not found
    assert '"dataset.images" is empty; name a file' in str(errors[0])


# -------------------------------------------------------------------------------------- decoding
def saved(path: Path, image: Image.Image, **options: object) -> np.ndarray:
    image.save(path, **options)
    return photographs.decode(path)


def test_odd_pictures(tmp_path: Path) -> None:
    red = (204, 51, 51)
    colours = {
        "cmyk.jpg": Image.new("RGB", (32, 32), red).convert("CMYK"),
        "palette.png": Image.new("RGB", (32, 32), red).convert("P"),
        "animated.gif": Image.new("RGB", (32, 32), red),
    }
    for name, image in colours.items():
        pixels = saved(tmp_path / name, image)
        assert pixels.shape == (32, 32, 3)
        assert pixels.dtype == np.uint8
        assert np.abs(pixels[5, 5].astype(int) - red).max() < 12, name
    grey = saved(tmp_path / "grey.png", Image.new("L", (32, 20), 100))
    assert grey[3, 3].tolist() == [100, 100, 100]
    one = saved(tmp_path / "one.png", Image.new("1", (32, 32), 1))
    assert one[3, 3].tolist() == [255, 255, 255]
    clear = saved(tmp_path / "clear.png", Image.new("RGBA", (32, 32), (0, 0, 0, 0)))
    assert clear[3, 3].tolist() == [255, 255, 255]
    deep = Image.fromarray(np.full((32, 32), 32768, np.uint16))
    assert saved(tmp_path / "deep.png", deep)[3, 3].tolist() == [128, 128, 128]


def test_pictures_are_turned_upright(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 20), (0, 0, 0))
    image.paste((255, 255, 255), (0, 0, 20, 20))  # white on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° clockwise: the left goes to the top
    pixels = saved(tmp_path / "turned.jpg", image, exif=exif, quality=95)
    assert pixels.shape == (40, 20, 3)
    assert pixels[5, 10].min() > 240
    assert pixels[35, 10].max() < 15


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"just text\n", "looks like text"),
        (b"", "it is empty"),
        (b"\x00\x01\x02\x03", "no known kind"),
        (b"\x89PNG\r\n\x1a\nrubbish", "not a picture|cannot be decoded"),
    ],
)
def test_what_is_no_picture(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(AtlasError, match=message) as caught:
        photographs.decode(path)
    assert str(path) in str(caught.value)


def test_a_picture_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(AtlasError, match="cut off"):
        photographs.decode(path)


def test_too_small_and_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "dot.png"
    Image.new("RGB", (1, 1)).save(path)
    with pytest.raises(AtlasError, match="1 × 1 pixels is too small"):
        photographs.decode(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    Image.new("RGB", (40, 40)).save(path)
    with pytest.raises(AtlasError, match="too many pixels"):
        photographs.decode(path)


# --------------------------------------------------------------------------------------- fitting
def test_fitting() -> None:
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, :10] = 255  # the left quarter is white
    assert photographs.fit(pixels, 16, "crop").shape == (16, 16, 3)
    assert photographs.fit(pixels, 16, "crop")[8, 3:].max() < 10
    squeezed = photographs.fit(pixels, 16, "squeeze")
    assert squeezed[8, 1].min() > 240
    assert squeezed[8, 8].max() < 10
    padded = photographs.fit(pixels, 16, "pad")
    assert padded[0, 8].tolist() == [127, 127, 127]
    assert padded[8, 1].min() > 240
