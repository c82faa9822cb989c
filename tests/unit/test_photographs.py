"""Photographs: which are found, what is decoded and refused, and how they are fitted."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

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


def test_odd_names(tmp_path: Path) -> None:
    odd = ["a b.png", "a#b.png", "100%.png", "..png.png", "🐈.png", "猫.png", "A B.PNG", "x" * 200]
    odd[-1] += ".png"
    for name in odd:
        Image.new("RGB", (20, 20)).save(tmp_path / name)
    undecodable = os.fsdecode(b"caf\xe9.png")
    with suppress(OSError):
        Image.new("RGB", (20, 20)).save(tmp_path / undecodable)
    (tmp_path / ".hidden.png").write_bytes(b"")
    found, errors = photographs.find(config(tmp_path, "*.png", "*.PNG"))
    assert not errors
    safe = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,90}")
    assert len(found) >= len(odd) - 1  # "..png.png" is hidden
    assert all(safe.fullmatch(each.name) for each in found)
    assert len({each.name.lower() for each in found}) == len(found)
    for each in found:
        each.title.encode()  # can be written
        assert photographs.decode(each.path).shape == (20, 20, 3)


def test_equal_names_in_two_folders_stay_two(folder: Path) -> None:
    found, _ = photographs.find(config(folder, "photos/b.jpg", "photos/more/b.jpg"))
    assert names(found) == ["b", "b-2"]
    linked = folder / "linked.jpg"
    linked.symlink_to(folder / "photos" / "b.jpg")
    assert names(photographs.find(config(folder, "photos/b.jpg", "linked.jpg"))[0]) == ["b"]


# ------------------------------------------------------------------------------ folders of classes
@pytest.fixture
def classes(tmp_path: Path) -> Path:
    for name in ("tabby-cat", "Dog", "7", "n01440764"):
        (tmp_path / "all" / name).mkdir(parents=True)
        for each in range(6):
            Image.new("RGB", (20, 20)).save(tmp_path / "all" / name / f"{each}.png")
    return tmp_path


def names_of_classes(count: int) -> list[str]:
    return ["dog", "fish", "tabby cat, tabby", *(f"class {i}" for i in range(3, count))]


def test_folders_are_classes(classes: Path) -> None:
    for entry in ("all", "all/*/*.png"):
        found, errors = photographs.find(config(classes, entry))
        assert (len(found), errors) == (24, [])
        ours = [each for each in found if each.folder != "n01440764"]
        known, errors = photographs.labels(ours, names_of_classes(10), {}, "a.toml")
        assert errors == []
        by_folder = {each.folder: known[each.name] for each in ours}
        assert by_folder == {"7": 7, "Dog": 0, "tabby-cat": 2}
    synsets, _ = photographs.labels(found, names_of_classes(1000), {}, "a.toml")
    assert {synsets[each.name] for each in found if each.folder == "n01440764"} == {0}


def test_folders_that_are_no_classes(classes: Path) -> None:
    found, _ = photographs.find(config(classes, "all"))
    none = photographs.labels(found, ["a", "b"], {}, "a.toml")
    assert none == ({}, [])
    flat, _ = photographs.find(config(classes, "all/Dog", "all/**/1.png"))
    assert all(each.folder == "" for each in flat)
    known, errors = photographs.labels(found, names_of_classes(10), {"n01440764": "fish"}, "a.toml")
    assert errors == []
    assert {known[each.name] for each in found if each.folder == "n01440764"} == {1}


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({}, 'folder n01440764: the network has no class "n01440764"'),
        ({"n01440764": "fsh"}, '"dataset.labels.n01440764": the network has no class "fsh"; did'),
        ({"n01440764": "fish", "dg": "dog"}, '"dataset.labels.dg": no folder of that name'),
    ],
)
def test_labels_that_stand_for_nothing(classes: Path, named: dict[str, str], message: str) -> None:
    found, _ = photographs.find(config(classes, "all"))
    _, errors = photographs.labels(found, names_of_classes(10), named, "a.toml")
    assert [message in str(error) for error in errors] == [True]


def chosen(folder: Path, **keys: int) -> list[str]:
    tables = {"dataset": {"images": ("all",), **keys}}
    settings = Settings.model_validate(tables)
    found, errors = photographs.find(Config(path=folder / "atlas.toml", settings=settings))
    assert not errors
    return [f"{each.folder}/{each.path.name}" for each in found]


def test_some_of_many(classes: Path) -> None:
    everything = chosen(classes)
    assert chosen(classes, limit=5) == everything[:5]
    some = chosen(classes, sample=8, seed=1)
    assert some == chosen(classes, sample=8, seed=1)
    assert some == sorted(some, key=everything.index)
    assert some != chosen(classes, sample=8, seed=2)
    folders = [each.partition("/")[0] for each in some]
    assert {folders.count(each) for each in folders} == {2}
    assert len(chosen(classes, sample=100)) == 24


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


def test_sixteen_bits_and_transparency(tmp_path: Path) -> None:
    import tifffile

    half = np.full((32, 40, 4), 32896, np.uint16)
    half[..., 3] = 65535
    for name, values in {"rgb.tif": half[..., :3], "rgba.tiff": half}.items():
        tifffile.imwrite(tmp_path / name, values, photometric="rgb")
        assert photographs.decode(tmp_path / name)[3, 3].tolist() == [128, 128, 128]
    clear = Image.new("P", (32, 32), 1)
    clear.putpalette([255, 0, 0, 0, 0, 255])
    pixels = saved(tmp_path / "clear.gif", clear, transparency=1)
    assert pixels[3, 3].tolist() == [255, 255, 255]
    veil = saved(tmp_path / "veil.webp", Image.new("RGBA", (32, 32), (0, 0, 0, 127)), lossless=True)
    assert veil[3, 3].tolist() == [128, 128, 128]


def wide_gamut() -> bytes:
    """A profile whose red and green lie outside sRGB, as cameras write them: Adobe RGB."""
    (rocket,) = photographs.find(config(Path(), "skimage:rocket"))[0]
    with Image.open(rocket.path) as image:
        profile = image.info["icc_profile"]
    assert isinstance(profile, bytes)
    return profile


def test_colours_of_other_spaces_become_srgbs(tmp_path: Path) -> None:
    """Adobe RGB's (128, 64, 64) is (146, 64, 64) in sRGB: in linear light 0.22 and 0.048, mixed."""
    image = Image.new("RGB", (32, 32), (128, 64, 64))
    linear = (np.array([128, 64, 64]) / 255) ** (563 / 256)
    to_srgb = np.array([[1.39836, -0.39836, 0], [0, 1, 0], [0, -0.04293, 1.04293]])
    light = to_srgb @ linear
    expected = 255 * (1.055 * light ** (1 / 2.4) - 0.055)
    for name, options in {"a.jpg": {"quality": 100}, "b.png": {}}.items():
        found = saved(tmp_path / name, image, icc_profile=wide_gamut(), **options)
        assert np.abs(found[5, 5] - expected).max() < 2.5
    seen = saved(tmp_path / "veil.png", image.convert("RGBA"), icc_profile=wide_gamut())
    assert np.abs(seen[5, 5] - expected).max() < 2.5
    broken = saved(tmp_path / "broken.png", image, icc_profile=b"no profile")
    assert broken[5, 5].tolist() == [128, 64, 64]


def test_a_photograph_with_other_colours_has_another_fingerprint(tmp_path: Path) -> None:
    from pipeline.fingerprints import fingerprint_of_file

    image = Image.new("RGB", (32, 32), (128, 64, 64))
    image.save(tmp_path / "plain.png")
    image.save(tmp_path / "wide.png", icc_profile=wide_gamut())
    found, _ = photographs.find(config(tmp_path, "plain.png", "wide.png"))
    plain, wide = (each.fingerprint for each in found)
    assert plain == fingerprint_of_file(tmp_path / "plain.png")
    assert wide != fingerprint_of_file(tmp_path / "wide.png")


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
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
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


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_whatever_a_reader_raises_is_told(tmp_path: Path) -> None:
    """Of a file with a wrong number in its table of contents, AVIF's raises a RuntimeError."""
    path = tmp_path / "photo.avif"
    Image.new("RGB", (24, 24), (200, 10, 10)).save(path)
    content = bytearray(path.read_bytes())
    content[content.index(b"iloc") + 13] ^= 255  # the number of the item that is the picture
    path.write_bytes(content)
    with pytest.raises(AtlasError, match=r"cannot be decoded .*replace it") as caught:
        photographs.decode(path)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_too_small_and_too_large(tmp_path: Path) -> None:
    path = tmp_path / "dot.png"
    Image.new("RGB", (1, 1)).save(path)
    with pytest.raises(AtlasError, match="1 × 1 pixels is too small"):
        photographs.decode(path)
    Image.new("1", (12_000, 10_000)).save(path)
    message = r'120\.0 megapixels, more than "dataset.max_megapixels" allows \(100\)'
    with pytest.raises(AtlasError, match=message):
        photographs.decode(path)
    Image.new("RGB", (40, 30)).save(path)
    assert photographs.decode(path, megapixels=0.0012).shape == (30, 40, 3)
    with pytest.raises(AtlasError, match="scale it down, or raise that"):
        photographs.decode(path, megapixels=0.0011)


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
