"""Decoding: a photograph's file becomes uint8 `[H, W, 3]`, in sRGB, upright, on white.

Pillow reads the formats; TIFF files with 16 bits a colour go through tifffile, which comes with
scikit-image, and HEIC files through the package pillow-heif where it is installed.
"""

from __future__ import annotations

import importlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from pipeline.errors import AtlasError

SMALLEST = 16  # pixels a side; in a smaller photograph there is nothing that a network could see
MEGAPIXELS = 100.0  # decoding takes up to ten bytes for each pixel
HEIF = (".heic", ".heif")
PLUGIN = "pillow_heif"

Image.MAX_IMAGE_PIXELS = None  # `decode` has a limit of its own, which a user can raise


def decode(path: Path, megapixels: float = MEGAPIXELS) -> np.ndarray:
    """Read a photograph as uint8 `[H, W, 3]`: sRGB, upright by its EXIF orientation, on white.

    Parameters
    ----------
    path
        Its file.
    megapixels
        The most pixels, in millions, that it may have.

    Raises
    ------
    AtlasError
        When the file is missing, no picture, cut off, too small, or too large.
    """
    with _reported(path):
        pixels = _sixteen_bits(path, megapixels)
        if pixels is None:
            pixels = _rgb(_upright(path, megapixels))
    height, width = pixels.shape[:2]
    if min(height, width) < SMALLEST:
        advice = f"photographs need at least {SMALLEST} pixels a side"
        raise AtlasError(f"{path}: {width} × {height} pixels is too small; {advice}")
    return pixels


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Turn what the readers raise into messages."""
    try:
        yield
    except UnidentifiedImageError as error:
        problem = f"not a picture in a format that can be read ({_looks_like(path)})"
        raise AtlasError(f"{path}: {problem}; replace it or take it out") from error
    except FileNotFoundError as error:
        raise AtlasError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise AtlasError(f"{path}: a folder, not a photograph's file") from error
    except AtlasError:
        raise
    except Exception as error:  # there is hardly any that no reader raises of a damaged file
        advice = "the file may be cut off: replace it or take it out"
        reason = str(error) or type(error).__name__
        raise AtlasError(f"{path}: cannot be decoded ({reason}); {advice}") from error


def _check_size(path: Path, size: tuple[int, int], megapixels: float) -> None:
    found = size[0] * size[1] / 1e6
    if found > megapixels:
        allowed = f'more than "dataset.max_megapixels" allows ({megapixels:g})'
        advice = "scale it down, or raise that"
        raise AtlasError(f"{path}: {found:.1f} megapixels, {allowed}; {advice}")


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture without decoding it; how large it may be is for the caller to decide."""
    if path.suffix.lower() in HEIF:
        with suppress(ImportError):
            importlib.import_module(PLUGIN).register_heif_opener()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # oddities of a file that can be read all the same
        with Image.open(path) as image:
            yield image


def _upright(path: Path, megapixels: float) -> Image.Image:
    with opened(path) as image:
        _check_size(path, image.size, megapixels)
        image.load()
        return ImageOps.exif_transpose(image)


def _looks_like(path: Path) -> str:
    if path.suffix.lower() in HEIF:
        return "HEIC needs a package: pip install pillow-heif"
    with open(path, "rb") as stream:
        head = stream.read(256)
    if not head:
        return "it is empty"
    if head.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS: git lfs pull"
    printable = all(byte in b"\t\n\r" or 32 <= byte < 127 or byte >= 128 for byte in head)
    return "it looks like text" if printable else "its first bytes are of no known kind"


# ------------------------------------------------------------------------------------------ colours
def _rgb(image: Image.Image) -> np.ndarray:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return np.repeat(_grey(image)[..., None], 3, axis=2)
    profile = foreign_profile(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        colours = _in_srgb(image.convert("RGB"), profile)
        white = Image.new("RGB", image.size, (255, 255, 255))
        return np.array(Image.composite(colours, white, image.getchannel("A")))
    return np.array(_in_srgb(image, profile).convert("RGB"))


def foreign_profile(image: Image.Image) -> bytes | None:
    """Return the ICC profile of a picture that is not in sRGB; None where there is none."""
    profile = image.info.get("icc_profile")
    if not isinstance(profile, bytes) or not profile:
        return None
    try:
        found = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        described = ImageCms.getProfileDescription(found)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None  # a damaged profile says nothing
    return None if "srgb" in described.lower() else profile


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Turn colours into sRGB by a profile, as far as it is one of such colours."""
    if profile is None:
        return image
    if image.mode == "P":
        image = image.convert("RGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        turned = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, ValueError):
        return image
    return turned or image


def _grey(image: Image.Image) -> np.ndarray:
    """Scale values of more than 8 bits to uint8 `[H, W]`.

    16-bit files use 0…65535 by definition; the other modes have no range of their own, so their
    values are stretched.
    """
    values = np.nan_to_num(np.asarray(image, dtype=np.float64), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if image.mode.startswith("I;16"):
        low, high = 0.0, 65535.0
    scaled = (values - low) / max(high - low, 1e-12) * 255
    return np.clip(scaled, 0, 255).round().astype(np.uint8)


def _sixteen_bits(path: Path, megapixels: float) -> np.ndarray | None:
    """Read a TIFF file with three or four colours of 16 bits, which Pillow does not; else None."""
    if path.suffix.lower() not in (".tif", ".tiff") or not path.is_file():
        return None
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages.first
            if page.dtype != np.uint16 or page.ndim != 3 or page.shape[2] not in (3, 4):
                return None
            _check_size(path, (page.shape[1], page.shape[0]), megapixels)
            values = page.asarray().astype(np.float32) / 257
    except AtlasError:
        raise
    except Exception:  # whatever is wrong with it, Pillow looks next, and reports it
        return None
    if values.shape[2] == 4:
        alpha = values[..., 3:] / 255
        values = values[..., :3] * alpha + 255 * (1 - alpha)
    return values.round().astype(np.uint8)
