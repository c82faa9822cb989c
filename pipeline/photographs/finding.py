"""Finding photographs: from the entries of `[dataset] images` to files with names and titles."""

from __future__ import annotations

import importlib.util
import os
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, zip_longest
from pathlib import Path

from pipeline.config import Config
from pipeline.errors import AtlasError, did_you_mean
from pipeline.fingerprints import fingerprint_of, fingerprint_of_file
from pipeline.photographs.decoding import HEIF, foreign_profile, opened
from pipeline.slugs import slug

SUFFIXES = {
    *(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"),
    *HEIF,
}
LONGEST = 80  # characters of a name; a file's name has 255 bytes at most


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
    path
        Its file.
    folder
        The name of the folder that holds its class; empty where folders are no classes.
    """

    name: str
    title: str
    source: str
    path: Path
    folder: str = ""

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the file's bytes, read once: many fingerprints are made of it.

        A file with colours other than sRGB's tells by its fingerprint that they are turned into
        sRGB's.
        """
        digest = fingerprint_of_file(self.path)
        try:
            with opened(self.path) as image:
                foreign = foreign_profile(image) is not None
        except Exception:  # what cannot be read is reported where it is decoded
            return digest
        return fingerprint_of(digest, "to sRGB") if foreign else digest


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
    taken: set[str] = set()  # names, in lower case
    if not dataset.images:
        advice = 'name a file, a folder, a glob or "skimage:chelsea"'
        errors.append(AtlasError(f'{config.path}: "dataset.images" is empty; {advice}'))
    for entry in dataset.images:
        try:
            paths, classes = _paths(config, entry)
        except AtlasError as error:
            errors.append(error)
            continue
        chosen = _sampled(paths, dataset.sample, f"{dataset.seed} {entry}")
        for path in chosen:
            if path.resolve() not in found:
                name = _unique(slug(_text(path.stem))[:LONGEST], taken)
                title = dataset.titles.get(name, _title(entry, path))
                folder = _text(path.parent.name) if classes else ""
                found[path.resolve()] = PhotographFile(name, title, _text(entry), path, folder)
    shown = list(found.values())[: dataset.limit]
    names = {each.name for each in shown}
    for name in sorted(set(dataset.titles) - names):
        problem = f"no photograph of that name{did_you_mean(name, names)}"
        errors.append(AtlasError(f'{config.path}: "dataset.titles.{name}": {problem}'))
    return shown, errors


def _sampled(paths: Sequence[Path], count: int | None, seed: str) -> Sequence[Path]:
    """Choose some paths at random, as many from each folder as can be; all, where count is None."""
    if count is None or len(paths) <= count:
        return paths
    folders: dict[Path, list[Path]] = {}
    for path in paths:
        folders.setdefault(path.parent, []).append(path)
    generator = random.Random(seed)
    shuffled = [generator.sample(each, len(each)) for each in folders.values()]
    in_turn = (each for each in chain.from_iterable(zip_longest(*shuffled)) if each is not None)
    chosen = {path for path, _ in zip(in_turn, range(count), strict=False)}
    return [path for path in paths if path in chosen]


def _unique(name: str, taken: set[str]) -> str:
    # On some file systems, names that differ only in upper and lower case are the same.
    candidate, count = name, 1
    while candidate.lower() in taken:
        count += 1
        candidate = f"{name}-{count}"
    taken.add(candidate.lower())
    return candidate


def _text(name: str) -> str:
    """Return a file's name as text that can be written: bytes that are no UTF-8 are replaced."""
    return os.fsencode(name).decode("utf-8", "replace")


def is_packaged(entry: str) -> bool:
    """Whether an entry names a photograph that comes with a package, as "skimage:chelsea" does."""
    return entry.partition(":")[0] in PACKAGES


def _title(entry: str, path: Path) -> str:
    stem = _text(path.stem)
    return stem.replace("_", " ") if is_packaged(entry) else stem


# ------------------------------------------------------------------------------------------ entries
def _paths(config: Config, entry: str) -> tuple[list[Path], bool]:
    """Return the files that an entry names, and whether their folders are classes."""
    where = f'{config.path}: "dataset.images": {_text(entry)}'
    package, _, name = entry.partition(":")
    if package in PACKAGES and name:
        return [_packaged(where, PACKAGES[package], name)], False
    path = config.resolve(entry)
    try:
        if path.is_dir():
            return _in_folder(where, path)
        if path.is_file():
            return [path], False
        if any(character in entry for character in "*?["):
            return _matching(where, path, config.path.parent), _folders_vary(path)
        beside = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    except (OSError, ValueError, NotImplementedError) as error:
        advice = "name a file, a folder or a pattern such as photos/*.jpg"
        raise AtlasError(f"{where}: cannot be looked up ({error}); {advice}") from error
    hint = did_you_mean(path.name, beside) or "; paths are relative to the configuration file"
    raise AtlasError(f"{where}: no such file or folder ({path}){hint}")


def _in_folder(where: str, folder: Path) -> tuple[list[Path], bool]:
    """Return a folder's photographs; where it holds only folders, theirs, a class in each."""
    found = _pictures(folder.iterdir())
    if found:
        return found, False
    folders = [each for each in sorted(folder.iterdir()) if each.is_dir() and _shown(each)]
    inside = [path for each in folders for path in _pictures(each.iterdir())]
    if not inside:
        endings = f"a photograph's file ends in {', '.join(sorted(SUFFIXES))}"
        raise AtlasError(f"{where}: no photographs in this folder; {endings}")
    return inside, True


def _folders_vary(pattern: Path) -> bool:
    """Whether a pattern such as `photos/*/*.jpg` has a folder for each class."""
    parent = pattern.parent.name
    return parent != "**" and any(character in parent for character in "*?[")


def _pictures(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if path.suffix.lower() in SUFFIXES and _shown(path))


def _shown(path: Path) -> bool:
    return not path.name.startswith(".")


def _matching(where: str, path: Path, folder: Path) -> list[Path]:
    base = Path(path.anchor) if path.is_absolute() else Path()
    pattern = path.relative_to(path.anchor) if path.is_absolute() else path
    found = sorted(each for each in base.glob(str(pattern)) if each.is_file() and _shown(each))
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
