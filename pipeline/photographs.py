"""Photographs: finding them, decoding them, and fitting them to a network's square input.

An entry of `[dataset] images` is a file, a glob, a folder, "skimage:NAME" or "sklearn:NAME"; the
last two are photographs that come with those packages. A decoded photograph is uint8 `[H, W, 3]`,
RGB, upright, with transparent parts on white.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from pipeline.config import Config
from pipeline.errors import AtlasError, did_you_mean
from pipeline.fingerprints import fingerprint_of_file
from pipeline.slugs import slug

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
SMALLEST = 16  # pixels a side; in a smaller photograph there is nothing that a network could see
GREY = (127, 127, 127)  # around a padded photograph


@dataclass(frozen=True)
class Package:
    """A Python package that brings photographs, in a folder below its module."""

    module: str
    folder: str
    distribution: str


PACKAGES = {
    "skimage": Package("skimage", "data", "scikit-image"),
    "sklearn": Package("sklearn", "datasets/images", "scikit-learn"),
}


@dataclass(frozen=True)
class PhotographFile:
    """A photograph to be read.

    Attributes
    ----------
    name
        Unique in the atlas, and safe in paths.
    title
        What the site calls it.
    source
        The entry of the configuration that named it.
    """

    name: str
    title: str
    source: str
    path: Path

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the file's bytes, read once: many fingerprints are made of it."""
        return fingerprint_of_file(self.path)


# --------------------------------------------------------------------------------------- finding
def find(config: Config) -> tuple[list[PhotographFile], list[AtlasError]]:
    """Find the photographs that `[dataset] images` names, in its order, each file once.

    Returns
    -------
    tuple
        The photographs, and an error for each entry that names none.
    """
    dataset = config.settings.dataset
    found: dict[Path, PhotographFile] = {}
    errors: list[AtlasError] = []
    names: set[str] = set()
    if not dataset.images:
        advice = 'name a file, a folder, a glob or "skimage:chelsea"'
        errors.append(AtlasError(f'{config.path}: "dataset.images" is empty; {advice}'))
    for entry in dataset.images:
        try:
            paths = _paths(config, entry)
        except AtlasError as error:
            errors.append(error)
            continue
        for path in paths:
            if path.resolve() not in found:
                name = _unique(slug(path.stem), names)
                title = dataset.titles.get(name, _title(entry, path))
                found[path.resolve()] = PhotographFile(name, title, entry, path)
    for name in sorted(set(dataset.titles) - names):
        problem = f"no photograph of that name{did_you_mean(name, names)}"
        errors.append(AtlasError(f'{config.path}: "dataset.titles.{name}": {problem}'))
    return list(found.values()), errors


def _unique(name: str, taken: set[str]) -> str:
    # On some file systems, names that differ only in upper and lower case are the same.
    candidate, count = name, 1
    while candidate.lower() in {each.lower() for each in taken}:
        count += 1
        candidate = f"{name}-{count}"
    taken.add(candidate)
    return candidate


def _title(entry: str, path: Path) -> str:
    packaged = entry.partition(":")[0] in PACKAGES
    return path.stem.replace("_", " ") if packaged else path.stem


def _paths(config: Config, entry: str) -> list[Path]:
    where = f'{config.path}: "dataset.images": {entry}'
    package, _, name = entry.partition(":")
    if package in PACKAGES and name:
        return [_packaged(where, PACKAGES[package], name)]
    path = config.resolve(entry)
    if path.is_dir():
        return _in_folder(where, path)
    if path.is_file():
        return [path]
    if any(character in entry for character in "*?["):
        return _matching(where, path, config.path.parent)
    beside = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    hint = did_you_mean(path.name, beside) or "; paths are relative to the configuration file"
    raise AtlasError(f"{where}: no such file or folder ({path}){hint}")


def _in_folder(where: str, folder: Path) -> list[Path]:
    found = [each for each in _pictures(folder.iterdir()) if not each.name.startswith(".")]
    if not found:
        endings = f"a photograph's file ends in {', '.join(sorted(SUFFIXES))}"
        raise AtlasError(f"{where}: no photographs in this folder; {endings}")
    return found


def _pictures(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if path.suffix.lower() in SUFFIXES)


def _matching(where: str, path: Path, folder: Path) -> list[Path]:
    base = Path(path.anchor) if path.is_absolute() else Path()
    pattern = path.relative_to(path.anchor) if path.is_absolute() else path
    files = (each for each in base.glob(str(pattern)) if each.is_file())
    found = sorted(each for each in files if not each.name.startswith("."))
    if not found:
        advice = f"paths are relative to the configuration file ({folder.resolve()})"
        raise AtlasError(f"{where}: no file matches; {advice}")
    return found


def _packaged(where: str, package: Package, name: str) -> Path:
    spec = importlib.util.find_spec(package.module)
    if spec is None or not spec.submodule_search_locations:
        advice = f"pip install {package.distribution}"
        raise AtlasError(f"{where}: the package {package.module} is not installed; {advice}")
    folder = Path(spec.submodule_search_locations[0]) / package.folder
    there = _pictures(folder.iterdir())
    for path in there:
        if name in (path.stem, path.name):
            return path
    known = [path.stem for path in there]
    hint = did_you_mean(name, known) or ";"
    missing = f'{package.module} has no photograph "{name}"{hint} it has {", ".join(known)}'
    raise AtlasError(f"{where}: {missing}")


# -------------------------------------------------------------------------------------- decoding
def decode(path: Path) -> np.ndarray:
    """Read a photograph as uint8 `[H, W, 3]`: RGB, upright by its EXIF orientation, on white.

    Raises
    ------
    AtlasError
        When the file is missing, no picture, cut off, too small, or too large to decode safely.
    """
    try:
        pixels = _rgb(_upright(path))
    except UnidentifiedImageError as error:
        problem = f"not a picture in a format that can be read ({_looks_like(path)})"
        raise AtlasError(f"{path}: {problem}; replace it or take it out") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        problem = f"too many pixels to decode safely ({error})"
        raise AtlasError(f"{path}: {problem}; scale it down first") from error
    except FileNotFoundError as error:
        raise AtlasError(f"{path}: no such file") from error
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        advice = "the file may be cut off: replace it or take it out"
        raise AtlasError(f"{path}: cannot be decoded ({error}); {advice}") from error
    height, width = pixels.shape[:2]
    if min(height, width) < SMALLEST:
        advice = f"photographs need at least {SMALLEST} pixels a side"
        raise AtlasError(f"{path}: {width} × {height} pixels is too small; {advice}")
    return pixels


def _upright(path: Path) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(path) as image:
            image.load()
            return ImageOps.exif_transpose(image)


def _looks_like(path: Path) -> str:
    with open(path, "rb") as stream:
        head = stream.read(256)
    if not head:
        return "it is empty"
    printable = all(byte in b"\t\n\r" or 32 <= byte < 127 or byte >= 128 for byte in head)
    return "it looks like text" if printable else "its first bytes are of no known kind"


def _rgb(image: Image.Image) -> np.ndarray:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return np.repeat(_grey(image)[..., None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return np.array(image.convert("RGB"))


def _grey(image: Image.Image) -> np.ndarray:
    """Scale values of more than 8 bits to uint8 `[H, W]`.

    16-bit files use 0…65535 by definition; the other modes have no range of their own, so their
    values are stretched.
    """
    values = np.asarray(image, dtype=np.float64)
    low, high = float(values.min()), float(values.max())
    if image.mode.startswith("I;16"):
        low, high = 0.0, 65535.0
    scaled = (values - low) / max(high - low, 1e-12) * 255
    return np.clip(scaled, 0, 255).round().astype(np.uint8)


# --------------------------------------------------------------------------------------- fitting
def fit(pixels: np.ndarray, size: int, how: str) -> np.ndarray:
    """Fit uint8 `[H, W, 3]` to `[size, size, 3]`.

    Parameters
    ----------
    pixels
        The photograph.
    size
        Side of the result in pixels.
    how
        "crop": the middle square; "squeeze": the whole, width and height scaled independently;
        "pad": the whole, on grey.
    """
    image = Image.fromarray(pixels)
    if how == "crop":
        fitted = ImageOps.fit(image, (size, size), Image.Resampling.BICUBIC)
    elif how == "squeeze":
        fitted = image.resize((size, size), Image.Resampling.BICUBIC)
    else:
        fitted = ImageOps.pad(image, (size, size), Image.Resampling.BICUBIC, color=GREY)
    return np.array(fitted)
