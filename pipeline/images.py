"""Photographs in: finding, decoding, orienting, checking, and fitting them to a network's square input.

An entry of `[dataset] images` is a file, a glob, a folder, "skimage:NAME" or "sklearn:NAME" (photographs that come
with those packages). Decoded photographs are uint8 `[H, W, 3]`, RGB, upright, transparent parts on white.
"""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from pipeline.config import Config
from pipeline.errors import AtlasError, did_you_mean
from pipeline.store import fingerprint_of_file, slug

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
SMALLEST = 16  # pixels a side; below this a photograph has nothing that a network could see
PACKAGES = {"skimage": ("skimage", "data"), "sklearn": ("sklearn", "datasets/images")}


@dataclass(frozen=True)
class PhotographFile:
    """A photograph to be read: `name` is unique in the atlas and safe in paths, `source` is the entry that named it."""

    name: str
    title: str
    source: str
    path: Path

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the file's bytes, read once: many fingerprints are made of it."""
        return fingerprint_of_file(self.path)


def find(config: Config) -> tuple[list[PhotographFile], list[AtlasError]]:
    """Resolve the entries of `[dataset] images`, in their order, each file once.

    Returns
    -------
    The photographs found, and an error for each entry that names none.
    """
    dataset = config.settings.dataset
    found: dict[Path, PhotographFile] = {}
    errors: list[AtlasError] = []
    names: set[str] = set()
    if not dataset.images:
        errors.append(AtlasError(f'{config.path}: "dataset.images" is empty; name a file, a folder, a glob or "skimage:chelsea"'))
    for entry in dataset.images:
        try:
            paths = _paths(config, entry)
        except AtlasError as error:
            errors.append(error)
            continue
        for path in paths:
            if path.resolve() not in found:
                name = _unique(slug(path.stem), names)
                title = dataset.titles.get(name, path.stem if entry.partition(":")[0] not in PACKAGES else path.stem.replace("_", " "))
                found[path.resolve()] = PhotographFile(name, title, entry, path)
    for name in sorted(set(dataset.titles) - names):
        errors += [AtlasError(f'{config.path}: "dataset.titles.{name}": no photograph of that name{did_you_mean(name, names)}')]
    return list(found.values()), errors


def _unique(name: str, taken: set[str]) -> str:
    # Some file systems do not tell upper from lower case, so names that differ in nothing else are taken for one.
    candidate, count = name, 1
    while candidate.lower() in {each.lower() for each in taken}:
        count += 1
        candidate = f"{name}-{count}"
    taken.add(candidate)
    return candidate


def _paths(config: Config, entry: str) -> list[Path]:
    where = f'{config.path}: "dataset.images": {entry}'
    package, _, name = entry.partition(":")
    if package in PACKAGES and name:
        return [_packaged(where, package, name)]
    path = config.resolve(entry)
    if path.is_dir():
        found = sorted(each for each in path.iterdir() if each.suffix.lower() in SUFFIXES and not each.name.startswith("."))
        if not found:
            raise AtlasError(f"{where}: no photographs in this folder; endings looked for: {', '.join(sorted(SUFFIXES))}")
        return found
    if path.is_file():
        return [path]
    if any(c in entry for c in "*?["):
        pattern = path.relative_to(path.anchor) if path.is_absolute() else path
        base = Path(path.anchor) if path.is_absolute() else Path()
        found = sorted(each for each in base.glob(str(pattern)) if each.is_file() and not each.name.startswith("."))
        if not found:
            raise AtlasError(f"{where}: no file matches; paths are relative to the configuration file ({config.path.parent.resolve()})")
        return found
    beside = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    hint = did_you_mean(path.name, beside) or "; paths are relative to the configuration file"
    raise AtlasError(f"{where}: no such file or folder ({path}){hint}")


def _packaged(where: str, package: str, name: str) -> Path:
    module, folder = PACKAGES[package]
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise AtlasError(
            f"{where}: the package {module} is not installed; pip install scikit-{'image' if package == 'skimage' else 'learn'}"
        )
    pictures = [each for each in sorted((Path(spec.submodule_search_locations[0]) / folder).iterdir()) if each.suffix.lower() in SUFFIXES]
    for each in pictures:
        if name in (each.stem, each.name):
            return each
    known = [each.stem for each in pictures]
    raise AtlasError(f'{where}: {module} brings no photograph "{name}"{did_you_mean(name, known) or ";"} it has {", ".join(known)}')


def decode(path: Path) -> np.ndarray:
    """Read a photograph as uint8 `[H, W, 3]`: upright by its EXIF orientation, RGB, transparent parts on white.

    Raises
    ------
    AtlasError
        When the file is missing, no picture, cut off, too small, or too large to decode safely.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                image.load()
                upright = ImageOps.exif_transpose(image)
        pixels = _rgb(upright)
    except UnidentifiedImageError as error:
        raise AtlasError(f"{path}: not a picture in a format that can be read ({_looks_like(path)}); replace it or take it out") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise AtlasError(f"{path}: too many pixels to decode safely ({error}); scale it down first") from error
    except FileNotFoundError as error:
        raise AtlasError(f"{path}: no such file") from error
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        raise AtlasError(f"{path}: cannot be decoded ({error}); the file may be cut off: replace it or take it out") from error
    if min(pixels.shape[:2]) < SMALLEST:
        height, width = pixels.shape[:2]
        raise AtlasError(f"{path}: {width} × {height} pixels is too small; photographs need at least {SMALLEST} pixels a side")
    return pixels


def _looks_like(path: Path) -> str:
    with open(path, "rb") as stream:
        head = stream.read(256)
    if not head:
        return "it is empty"
    printable = all(byte in b"\t\n\r" or 32 <= byte < 127 or byte >= 128 for byte in head)
    return "it looks like text" if printable else "its first bytes are of no known kind"


def _rgb(image: Image.Image) -> np.ndarray:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values = np.asarray(image, dtype=np.float64)
        # 16-bit files use 0…65535 by definition; other wide modes carry no range, so theirs is stretched.
        low, high = (0.0, 65535.0) if image.mode.startswith("I;16") else (float(values.min()), float(values.max()))
        grey = np.clip((values - low) / max(high - low, 1e-12) * 255, 0, 255).round().astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return np.array(image.convert("RGB"))


def fit(pixels: np.ndarray, size: int, how: str) -> np.ndarray:
    """Fit uint8 `[H, W, 3]` to `[size, size, 3]`.

    Parameters
    ----------
    pixels
        The photograph.
    size
        Side of the result in pixels.
    how
        "crop": the middle square; "squeeze": the whole, its sides scaled apart; "pad": the whole, on grey.
    """
    image = Image.fromarray(pixels)
    if how == "crop":
        fitted = ImageOps.fit(image, (size, size), Image.Resampling.BICUBIC)
    elif how == "squeeze":
        fitted = image.resize((size, size), Image.Resampling.BICUBIC)
    else:
        fitted = ImageOps.pad(image, (size, size), Image.Resampling.BICUBIC, color=(127, 127, 127))
    return np.array(fitted)
