"""Writing files of the store: made in memory, sealed, written under a temporary name, renamed."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from pipeline import __version__
from pipeline.arrays import Array
from pipeline.errors import AtlasError
from pipeline.store import room
from pipeline.store.comparing import SCHEMA, State, compare, datasets, opened
from pipeline.store.seal import damage_of, seal

CREATED_BY = f"building-blocks {__version__}"
COMPRESSED_FROM = 1024  # values; compressing fewer saves nothing
CHUNK = 1 << 16  # bytes that are compressed together, as far as rows divide so
PICTURE = "picture"  # a first dimension whose rows are read one at a time
GROWTH = 1 << 22  # bytes by which a file grows in memory
PART = ".part"  # how the name of a file ends that is not whole yet


@dataclass(frozen=True)
class Computed:
    """A content ready to be stored: its datasets, and the fingerprint of what they depend on."""

    fingerprint: str
    arrays: Mapping[str, Array]


def write(
    path: Path,
    kind: str,
    fingerprint: str,
    arrays: Mapping[str, Array],
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Write a whole file; one that is there already is replaced.

    Parameters
    ----------
    path
        Of the file; its folder is made.
    kind
        What the file holds, so that a foreign file is recognised: "network", "visualizations", ….
    fingerprint
        Of everything that the file depends on.
    arrays
        Name → dataset.
    attributes
        Values for JSON, kept beside the datasets and read back as `File.attributes`.

    Raises
    ------
    AtlasError
        When the disk is full or the folder cannot be written.
    """
    with _new_file(path, kind, fingerprint, attributes, {}) as file:
        for name, array in arrays.items():
            _write_array(file, name, array)


def join(
    path: Path,
    kind: str,
    fingerprint: str,
    contents: Mapping[str, Computed],
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Add contents to a file; it keeps what it holds, except contents of the same names.

    Parameters
    ----------
    path, kind, attributes
        As for `write`.
    fingerprint
        Of what all contents of the file depend on. A file with another fingerprint is replaced.
    contents
        Name of a content → its datasets.

    Raises
    ------
    AtlasError
        When the disk is full, the folder cannot be written, or the file cannot be read.
    """
    found, held = compare(path, kind, fingerprint)
    marks = {name: computed.fingerprint for name, computed in contents.items()}
    with _new_file(path, kind, fingerprint, attributes, {**held, **marks}) as file:
        if found is State.CURRENT:
            _copy_others(path, file, contents)
        for content, computed in contents.items():
            for name, array in computed.arrays.items():
                dataset = _write_array(file, name, array)
                dataset.attrs.update(content=content, fingerprint=computed.fingerprint)


def _copy_others(path: Path, file: h5py.File, replaced: Mapping[str, Computed]) -> None:
    damage = damage_of(path)  # HDF5 may abort the process where copying meets a read that fails
    if damage is not None:
        raise damage
    with opened(path) as (previous, *_):
        for name, dataset in datasets(previous).items():
            if dataset.attrs.get("content") not in replaced:
                file.require_group(os.path.dirname(f"/{name}"))
                previous.copy(dataset, file, name)


@contextmanager
def _new_file(
    path: Path,
    kind: str,
    fingerprint: str,
    attributes: Mapping[str, Any] | None,
    contents: Mapping[str, str],
) -> Iterator[h5py.File]:
    """Give a new file to fill, and write it to `path`, unless there is an exception."""
    facts = {
        "kind": kind,
        "schema": SCHEMA,
        "fingerprint": fingerprint,
        "created_by": CREATED_BY,
    }
    memory = {"driver": "core", "backing_store": False, "block_size": GROWTH}
    with h5py.File(str(path), "w", **memory) as file:
        file.attrs.update(**facts, attributes=json.dumps(dict(attributes or {})))
        yield file
        file.flush()
        image = file.id.get_file_image()
    replace_file(path, image, seal(image, {**facts, "contents": dict(sorted(contents.items()))}))


def replace_file(path: Path, *parts: bytes) -> None:
    """Write a file under a temporary name, sync it and rename it.

    Raises
    ------
    AtlasError
        When the disk is full or the folder cannot be written.
    """
    size = sum(map(len, parts))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(PART, f".{path.stem}-", path.parent)
    except OSError as error:
        advice = "choose another folder with --store"
        reason = error.strerror or error
        raise AtlasError(f"{path.parent}: cannot write here ({reason}); {advice}") from error
    try:
        with open(descriptor, "wb") as stream:
            for part in parts:
                stream.write(part)
            stream.flush()
            os.fsync(descriptor)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
        room.note_written(size)
        _sync(path.parent)
    except IsADirectoryError as error:
        problem = "a folder is where a file should be; remove or rename it"
        raise AtlasError(f"{path}: {problem}") from error
    except OSError as error:
        raise _unwritten(path, size, error) from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Make a renaming outlast a power cut, where the file system can."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network drives cannot; the file is whole either way
    finally:
        os.close(descriptor)


def _unwritten(path: Path, size: int, error: OSError) -> AtlasError:
    problem = f"{path}: could not be written ({error.strerror or error})"
    if error.errno not in room.FULL:
        advice = "see whether its disk is connected and whether you may write there, then try again"
        return AtlasError(f"{problem}; {advice}")
    needed = f"it needs {size} bytes{room.free_text(path.parent)}"
    advice = "free some space or choose another folder with --store, then run the command again"
    return AtlasError(f"{problem}; {needed}; {advice}")


def _compressed(array: Array) -> dict[str, Any]:
    """How a dataset is stored: by whole rows of its first dimension, pictures one by one."""
    first, *rest = array.values.shape
    row = array.values.nbytes // first
    together = 1 if array.dims[0] == PICTURE else min(first, max(1, CHUNK // row))
    chunks = (together, *rest)
    return {"chunks": chunks, "compression": "gzip", "compression_opts": 1, "shuffle": True}


def _write_array(file: h5py.File, name: str, array: Array) -> h5py.Dataset:
    values = array.values
    if values.dtype.kind in "US":
        texts = [str(value) for value in values.ravel()]
        dataset = file.create_dataset(name, data=texts, dtype=h5py.string_dtype())
    else:
        options = _compressed(array) if values.size > COMPRESSED_FROM else {}
        dataset = file.create_dataset(name, data=values, **options)
    dataset.attrs["dims"] = list(array.dims)
    dataset.attrs["units"] = array.units
    return dataset
