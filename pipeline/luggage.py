"""What a job takes along to a worker that does not see this machine's disk: the files it names.

A job is a dataclass. Its fields that are paths, or mappings of names to paths, travel as bytes, and
so does what the network is loaded from, once for all jobs. A worker writes each file once, under
a name made of its contents.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.errors import AtlasError
from pipeline.memory import with_kept_memory


@dataclass(frozen=True)
class Parcel:
    """A configuration, and the files that its network is loaded from.

    Attributes
    ----------
    config
        Has a `path`, which its other paths are relative to, and `model_copy`. Its paths are those
        of `files`.
    files
        Path relative to the configuration → bytes.
    """

    config: Any
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class Packed:
    """A job and the bytes of the files that it names: path here → bytes."""

    job: Any
    files: Mapping[Path, bytes]


def pack(job: Any) -> Packed:
    """Read the files that a job names.

    Raises
    ------
    OSError
        When one cannot be read.
    """
    return Packed(job, {path: path.read_bytes() for path in _paths(job)})


def _paths(job: Any) -> Iterator[Path]:
    for field in fields(job) if is_dataclass(job) else ():
        value = getattr(job, field.name)
        values = value.values() if isinstance(value, Mapping) else (value,)
        yield from (each for each in values if isinstance(each, Path))


def carried(function: Callable[[Any], Any], packed: Packed, parcel: Parcel | None) -> Any:
    """Compute a packed job on a worker.

    Raises
    ------
    AtlasError
        As the function does, about the files of the machine that the job comes from.
    """
    moved = {path: _written(path.suffix, data) for path, data in packed.files.items()}
    try:
        return with_kept_memory(function, _unpacked(packed.job, moved, parcel))
    except AtlasError as error:
        text = str(error)
        for here, there in moved.items():
            text = text.replace(str(there), str(here))
        raise AtlasError(text) from error


def _unpacked(job: Any, moved: Mapping[Path, Path], parcel: Parcel | None) -> Any:
    changes: dict[str, Any] = {}
    for field in fields(job) if is_dataclass(job) else ():
        value = getattr(job, field.name)
        if isinstance(value, Path):
            changes[field.name] = moved[value]
        elif isinstance(value, Mapping) and any(isinstance(each, Path) for each in value.values()):
            changes[field.name] = {name: moved[each] for name, each in value.items()}
        elif parcel is not None and field.name == "config":
            changes["config"] = _opened(parcel)
    return replace(job, **changes) if changes else job


def _opened(parcel: Parcel) -> Any:
    """Write a parcel's files; return its configuration with the path that they are beside."""
    digest = hashlib.sha256()
    for name, data in sorted(parcel.files.items()):
        digest.update(f"{name} {len(data)} ".encode() + data)
    folder = _folder() / digest.hexdigest()[:32]
    for name, data in parcel.files.items():
        _write(folder / name, data)
    return parcel.config.model_copy(update={"path": folder / parcel.config.path.name})


def _folder() -> Path:
    # One for each process: a worker that has ended leaves no other half a file.
    global _own
    if _own is None:
        _own = tempfile.TemporaryDirectory(prefix="building-blocks-", ignore_cleanup_errors=True)
    return Path(_own.name)


_own: tempfile.TemporaryDirectory[str] | None = None


def _written(suffix: str, data: bytes) -> Path:
    path = _folder() / f"{hashlib.sha256(data).hexdigest()[:32]}{suffix}"
    _write(path, data)
    return path


def _write(path: Path, data: bytes) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, part = tempfile.mkstemp(dir=path.parent)
    with open(descriptor, "wb") as stream:
        stream.write(data)
    os.replace(part, path)  # threads of a worker may write the same at the same time
