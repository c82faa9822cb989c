"""What a network is loaded from, as bytes, for workers that do not see this machine's disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.config import Config
from pipeline.errors import AtlasError
from pipeline.luggage import Parcel

LARGEST = 20_000_000  # bytes of a Python file's neighbours


def parcel(config: Config) -> Parcel:
    """Gather the files that `[model]` names; of a Python file, also the Python files beside it.

    Networks that come with a package or from the net are loaded where they are needed: a worker
    has the same packages, and a cache of its own.

    Raises
    ------
    AtlasError
        When a file cannot be read.
    """
    model, changes = config.settings.model, dict[str, Any]()
    files: dict[str, bytes] = {}
    for key in ("weights", "classes"):
        text = getattr(model, key)
        path = config.resolve(text) if text else None
        if path is not None and path.is_file():
            changes[key] = f"{key}/{path.name}"
            files[changes[key]] = _read(path)
    stem, _, function = model.source.rpartition(".py")
    if stem:
        file = config.resolve(f"{stem}.py")
        changes["source"] = f"source/{file.name}{function}"
        for path in _with_neighbours(file):
            files[f"source/{path.relative_to(file.parent).as_posix()}"] = _read(path)
    settings = config.settings.model_copy(update={"model": model.model_copy(update=changes)})
    return Parcel(config.with_settings(settings), files)


def _with_neighbours(file: Path) -> Iterator[Path]:
    yield file
    left = LARGEST
    for path in sorted(file.parent.rglob("*.py")):
        hidden = any(part.startswith(".") for part in path.relative_to(file.parent).parts)
        if path != file and not hidden and (left := left - path.stat().st_size) > 0:
            yield path


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise AtlasError(f"{path}: cannot be read ({error.strerror})") from error
