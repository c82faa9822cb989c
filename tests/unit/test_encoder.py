"""Pictures encoded in threads: all there when the context is left, in order, and no error lost."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from PIL import Image

from pipeline.website import encoder, sprites
from pipeline.website.encoder import Encoder
from pipeline.website.output import Site


def picture(grey: int) -> Image.Image:
    return Image.new("RGB", (8, 8), (grey, grey, grey))


def test_all_pictures_are_there_in_their_order_when_it_is_left(tmp_path: Path) -> None:
    site = Site(tmp_path, "build")
    with Encoder(site) as pictures:
        for index in range(20):
            pictures.write(f"{index}.webp", picture(10 * index))
    assert list(site.sizes) == [f"{index}.webp" for index in range(20)]
    for index in range(20):
        assert (tmp_path / f"{index}.webp").read_bytes() == sprites.encode(picture(10 * index))


def test_quality_is_a_pictures_own(tmp_path: Path) -> None:
    site, noise = Site(tmp_path, "build"), Image.effect_noise((64, 64), 80).convert("RGB")
    with Encoder(site) as pictures:
        pictures.write("coarse.webp", noise.copy(), 5)
        pictures.write("fine.webp", noise.copy(), 95)
    assert site.sizes["coarse.webp"] < site.sizes["fine.webp"]


def test_a_picture_that_cannot_be_encoded_is_not_passed_over(tmp_path: Path) -> None:
    too_large = Image.new("RGB", (20_000, 1))  # WebP ends at 16,383 pixels
    with pytest.raises(ValueError, match="exceeds"), Encoder(Site(tmp_path, "build")) as pictures:
        pictures.write("large.webp", too_large)


def test_few_pictures_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    going, waited = threading.Event(), []
    encode = sprites.encode

    def slowly(image: Image.Image, quality: int) -> bytes:
        going.wait(10)
        return encode(image, quality)

    monkeypatch.setattr(sprites, "encode", slowly)
    with Encoder(Site(tmp_path, "build")) as pictures:
        for index in range(3 * encoder.AHEAD):
            waited.append(len(pictures._pending))
            if len(pictures._pending) == encoder.AHEAD:
                going.set()
            pictures.write(f"{index}.webp", picture(index))
    assert max(waited) == encoder.AHEAD


def test_nothing_more_is_written_after_an_error(tmp_path: Path) -> None:
    site = Site(tmp_path, "build")

    def interrupted() -> None:
        with Encoder(site) as pictures:
            pictures.write("one.webp", picture(1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()
    assert not site.sizes
