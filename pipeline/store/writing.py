"""Writing files of the store: under a temporary name, synced, renamed."""

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
from pipeline.store.comparing import SCHEMA, State, datasets, state

CREATED_BY = f"building-blocks {__version__}"
COMPRESSED_FROM = 1024  # values; compressing fewer saves nothing


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
    with _new_file(path, kind, fingerprint, attributes) as file:
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
    keep = state(path, kind, fingerprint) is State.CURRENT
    with _new_file(path, kind, fingerprint, attributes) as file:
        if keep:
            _copy_others(path, file, contents)
        for content, computed in contents.items():
            for name, array in computed.arrays.items():
                dataset = _write_array(file, name, array)
                dataset.attrs.update(content=content, fingerprint=computed.fingerprint)


def _copy_others(path: Path, file: h5py.File, replaced: Mapping[str, Computed]) -> None:
    try:
        with h5py.File(path, "r") as previous:
            for name, dataset in datasets(previous).items():
                if dataset.attrs.get("content") not in replaced:
                    file.require_group(os.path.dirname(f"/{name}"))
                    previous.copy(dataset, file, name)
    except (OSError, RuntimeError, ValueError) as error:
        advice = "delete the file, then run the command again"
        raise AtlasError(f"{path}: cannot be read or copied ({error}); {advice}") from error


@contextmanager
def _new_file(
    path: Path, kind: str, fingerprint: str, attributes: Mapping[str, Any] | None
) -> Iterator[h5py.File]:
    """Give a new file to fill; put it at `path` when it is whole, remove it otherwise."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(".part", f".{path.stem}-", path.parent)
        os.close(descriptor)
    except OSError as error:
        advice = "choose another folder with --store"
        raise AtlasError(
            f"{path.parent}: cannot write here ({error.strerror}); {advice}"
        ) from error
    try:
        with h5py.File(temporary, "w") as file:
            file.attrs.update(
                kind=kind, schema=SCHEMA, fingerprint=fingerprint, created_by=CREATED_BY
            )
            file.attrs["attributes"] = json.dumps(dict(attributes or {}))
            yield file
        with open(temporary, "rb+") as stream:
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        advice = "free some space, then run the command again"
        raise AtlasError(f"{path}: could not be written ({error}); {advice}") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def _write_array(file: h5py.File, name: str, array: Array) -> h5py.Dataset:
    values = array.values
    if values.dtype.kind in "US":
        texts = [str(value) for value in values.ravel()]
        dataset = file.create_dataset(name, data=texts, dtype=h5py.string_dtype())
    else:
        compressed = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
        options: dict[str, Any] = compressed if values.size > COMPRESSED_FROM else {}
        dataset = file.create_dataset(name, data=values, **options)
    dataset.attrs["dims"] = list(array.dims)
    dataset.attrs["units"] = array.units
    return dataset
