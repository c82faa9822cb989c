"""The store: HDF5 files, written whole, never changed, and recognised by a fingerprint.

This is the only module that touches HDF5. A file is written under a temporary name, synced and renamed, so a reader
sees a whole file or none. Its root attributes carry `kind`, `schema`, `fingerprint` (a SHA-256 over all that the
contents depend on) and `created_by`; every dataset carries `dims` and `units`.

    <root>/network.h5                    what is known of the network: its layers and shapes, the class names
    <root>/images/<image>.h5             input uint8 [H, W, 3] · logits f4 [K] · activation/<layer> f2 [C, H, W] ·
                                         attribution/<layer>.<atom>/<layer>.<atom> f2 (f4 for groups), source dims then
                                         target dims, for groups [n]
        group/<layer>/<grouping>/…       spatial f4 [n, H, W] · channels f4 [n, C] · magnitude f4 [n] · what the groups
                                         leave: residual f4 [H, W] (norm), explained, negative f4 (shares); for groups
                                         compatible with an upper layer's: concentration,
                                         concentration_independent f4 [n]
        residual/<source>/<target>/…     where groups are the source or the target of an attribution, that of (and to) what
                                         they leave: of_source [target dims] · of_target [source dims] · of_both; groups
                                         and residual add up to the whole
        saliency/…                       classes i4 [k], the most probable ones · {for,against}/classes f4 [factors, k] ·
                                         {for,against}/<layer>/{spatial f4 [factors, H, W], colours uint8 [H, W, 3]}
        compare/…                        other methods, for a few classes: classes i4 [k] · <method>/<layer>/gap f4 [k] ·
                                         <method>/<layer>.<atom>/{mean, spread} f2 [source dims, k],
                                         for groups residual f4 [k]
    <root>/visualizations/<layer>/<settings>-<batch>.h5
                                         pictures uint8 [B, S, S, 3 or 4] · units [B] · objective f4 [B] · …

    <root>/grids/<image>/<layer>.h5      cells uint8 [H, W, S, S, 3]: an activation grid, one picture a position

C: channels, H and W: height and width, K: classes, n: groups, B: pictures of a batch, S: side in pixels.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np

from pipeline import __version__
from pipeline.errors import AtlasError, did_you_mean

SCHEMA = 1
CREATED_BY = f"building-blocks {__version__}"
FLOAT16_MAX = float(np.finfo(np.float16).max)


class State(Enum):
    """What stands at a path, compared with the fingerprint that is wanted."""

    CURRENT = "current"
    ABSENT = "absent"
    STALE = "stale"  # whole, but computed from something else
    DAMAGED = "damaged"  # not one of ours, or cut off


@dataclass(frozen=True)
class Array:
    """A dataset: values with the names of their dimensions and the unit they are in (`""` for a pure number)."""

    values: np.ndarray
    dims: tuple[str, ...]
    units: str = ""

    def __post_init__(self) -> None:
        if len(self.dims) != self.values.ndim:
            raise ValueError(f"dims {self.dims} for an array of shape {self.values.shape}")


def float16(values: np.ndarray) -> np.ndarray:
    """Round to half precision, keeping magnitudes beyond its range at the largest finite value instead of infinity."""
    return np.clip(values, -FLOAT16_MAX, FLOAT16_MAX).astype(np.float16)


def fingerprint_of(*parts: Any) -> str:
    """SHA-256 (hex) over values: str, bytes, numbers, None, arrays, and lists and mappings of them."""
    digest = hashlib.sha256()
    for part in parts:
        _feed(digest, part)
    return digest.hexdigest()


def _feed(digest: Any, part: Any) -> None:
    # Every value is preceded by its kind and length, so that no two different lists of parts read the same.
    if isinstance(part, np.ndarray):
        values = np.ascontiguousarray(part)
        _feed(digest, ["array", values.dtype.str, list(values.shape), values.tobytes()])
    elif isinstance(part, bytes):
        digest.update(b"b%d:" % len(part))
        digest.update(part)
    elif isinstance(part, Mapping):
        digest.update(b"m%d:" % len(part))
        for key in sorted(part, key=str):
            _feed(digest, str(key))
            _feed(digest, part[key])
    elif isinstance(part, list | tuple):
        digest.update(b"l%d:" % len(part))
        for item in part:
            _feed(digest, item)
    else:
        text = json.dumps(part).encode()
        digest.update(b"j%d:" % len(text))
        digest.update(text)


def fingerprint_of_file(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write(
    path: Path,
    kind: str,
    fingerprint: str,
    arrays: Mapping[str, Array],
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Write one file whole: under a temporary name, synced, renamed.

    Parameters
    ----------
    path
        Where the file shall stand; its folder is made.
    kind
        What the file holds, for `inspect` and for the check of foreign files: "image", "visualizations", "network".
    fingerprint
        Of everything that the contents depend on.
    arrays
        Dataset path → array.
    attributes
        JSON-able values kept beside the datasets, read back by `File.attributes`.

    Raises
    ------
    AtlasError
        When the disk is full or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".part", dir=path.parent)
        os.close(descriptor)
    except OSError as error:
        raise AtlasError(f"{path.parent}: cannot write here ({error.strerror}); choose another place with --output") from error
    try:
        with h5py.File(temporary, "w") as file:
            file.attrs.update(kind=kind, schema=SCHEMA, fingerprint=fingerprint, created_by=CREATED_BY)
            file.attrs["attributes"] = json.dumps(dict(attributes or {}))
            for name, array in arrays.items():
                _write_array(file, name, array)
        with open(temporary, "rb+") as stream:
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise AtlasError(f"{path}: could not be written ({error}); free some space, then run the command again") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def _write_array(file: h5py.File, name: str, array: Array) -> None:
    values = array.values
    options: dict[str, Any] = {}
    if values.dtype.kind in "US":
        dataset = file.create_dataset(name, data=[str(value) for value in values.ravel()], dtype=h5py.string_dtype())
    else:
        if values.size > 1024:
            options = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
        dataset = file.create_dataset(name, data=values, **options)
    dataset.attrs["dims"] = list(array.dims)
    dataset.attrs["units"] = array.units


def state(path: Path, kind: str, fingerprint: str) -> State:
    """Compare the file at `path` with what is wanted, reading its attributes and its closing structure only."""
    if not path.exists():
        return State.ABSENT
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("kind") != kind:
                return State.DAMAGED
            if file.attrs.get("schema") != SCHEMA or file.attrs.get("fingerprint") != fingerprint:
                return State.STALE
            # A file cut short can still open; every dataset must lie within what is left of it.
            file.visititems(lambda _, item: item.shape if isinstance(item, h5py.Dataset) else None)
    except (OSError, KeyError, RuntimeError, ValueError):
        return State.DAMAGED
    return State.CURRENT


class Recent:
    """Arrays read lately, so that figures that share them read them once; at most `limit` bytes, the oldest go first.

    Files of the store are never changed, so a file's path and fingerprint say what an array is.
    """

    def __init__(self, limit: int = 256 << 20) -> None:
        self.limit = limit
        self._held: OrderedDict[tuple[Path, str, str], Array] = OrderedDict()
        self._bytes = 0

    def get(self, key: tuple[Path, str, str]) -> Array | None:
        """Return an array and count it as the latest."""
        if key in self._held:
            self._held.move_to_end(key)
        return self._held.get(key)

    def put(self, key: tuple[Path, str, str], array: Array) -> None:
        """Keep an array, from now on read-only because several readers share it."""
        array.values.setflags(write=False)
        self._held[key] = array
        self._bytes += array.values.nbytes
        while self._bytes > self.limit:
            _, oldest = self._held.popitem(last=False)
            self._bytes -= oldest.values.nbytes


class File:
    """One file of the store, open for reading; a context manager.

    Parameters
    ----------
    path
        Of the file.
    recent
        Where arrays are kept for the next reader, if anywhere.

    Raises
    ------
    AtlasError
        From the constructor when there is no whole file of this store; from `array` when a dataset is missing.
    """

    def __init__(self, path: Path, recent: Recent | None = None) -> None:
        self.path = path
        self._recent = recent
        try:
            self._file = h5py.File(path, "r")
            self.kind = str(self._file.attrs["kind"])
            self.fingerprint = str(self._file.attrs["fingerprint"])
            self.created_by = str(self._file.attrs["created_by"])
            self.schema = int(self._file.attrs["schema"])
            self.attributes: dict[str, Any] = json.loads(self._file.attrs["attributes"])
        except FileNotFoundError as error:
            raise AtlasError(f'{path}: no such file; "building-blocks build CONFIG" computes it') from error
        except (OSError, KeyError, ValueError) as error:
            raise AtlasError(f'{path}: not a whole file of this store; "building-blocks build CONFIG" replaces it') from error

    def __enter__(self) -> File:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def __contains__(self, name: str) -> bool:
        return name in self._file

    def names(self) -> list[str]:
        """The paths of all datasets, sorted."""
        found: list[str] = []
        self._file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
        return sorted(found)

    def array(self, name: str) -> Array:
        """Read one dataset with its dimensions and units."""
        if self._recent is None:
            return self._read(name)
        key = (self.path, self.fingerprint, name)
        array = self._recent.get(key)
        if array is None:
            array = self._read(name)
            self._recent.put(key, array)
        return array

    def _read(self, name: str) -> Array:
        try:
            dataset = self._file[name]
            values = dataset.asstr()[()] if h5py.check_string_dtype(dataset.dtype) else dataset[()]
            return Array(np.asarray(values), tuple(dataset.attrs["dims"]), str(dataset.attrs["units"]))
        except KeyError as error:
            hint = did_you_mean(name, self.names())
            raise AtlasError(f'{self.path}: holds no "{name}"{hint or ";"} "building-blocks inspect FILE" lists what it holds') from error
        except OSError as error:
            raise AtlasError(f'{self.path}: "{name}" cannot be read ({error}); build again to replace the file') from error

    def values(self, name: str) -> np.ndarray:
        """Read one dataset's values."""
        return self.array(name).values

    def describe(self) -> Iterator[tuple[str, tuple[int, ...], str, tuple[str, ...], str]]:
        """Yield name, shape, type, dims and units of every dataset without reading its values."""
        for name in self.names():
            dataset = self._file[name]
            kind = "text" if h5py.check_string_dtype(dataset.dtype) else str(dataset.dtype)
            yield name, dataset.shape, kind, tuple(dataset.attrs["dims"]), str(dataset.attrs["units"])


@dataclass(frozen=True)
class Picture:
    """A feature visualization and how far it got.

    `pixels` uint8 [S, S, 3 or 4]; `objective`: the value that the optimizer reached; `activation`: what the finished
    picture causes in its unit when shown untransformed; `alive`: whether it activates its unit at all.
    """

    pixels: np.ndarray
    objective: float
    activation: float
    alive: bool


def slug(text: str) -> str:
    """A name that is safe in a path and an address: letters, digits, dots, dashes; never with a leading dot."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in ".-_") else "-" for c in text).strip("-._")
    return kept or "unnamed"


@dataclass
class Store:
    """The files of one atlas below `root`."""

    root: Path
    _pictures: dict[str, dict[str, tuple[Path, int]]] = field(default_factory=dict, repr=False)
    _recent: Recent = field(default_factory=Recent, repr=False)

    @property
    def network_path(self) -> Path:
        return self.root / "network.h5"

    def image_path(self, image: str) -> Path:
        return self.root / "images" / f"{image}.h5"

    def visualization_folder(self, layer: str) -> Path:
        return self.root / "visualizations" / slug(layer)

    def grid_path(self, image: str, layer: str) -> Path:
        return self.root / "grids" / image / f"{slug(layer)}.h5"

    def image(self, image: str) -> File:
        """Open an image's file; what is read of it stays at hand for the next reader."""
        return File(self.image_path(image), self._recent)

    def network(self) -> File:
        """Open the network's file."""
        return File(self.network_path)

    # ----------------------------------------------------------------------------------------- feature visualizations
    def write_pictures(
        self, layer: str, fingerprint: str, units: list[str], arrays: Mapping[str, Array], attributes: Mapping[str, Any]
    ) -> None:
        """Add one batch of pictures of a layer. The batch's place follows from its units, so a repetition replaces itself."""
        batch = fingerprint_of(units)[:12]
        path = self.visualization_folder(layer) / f"{fingerprint[:12]}-{batch}.h5"
        listed = {"units": Array(np.array(units), ("picture",)), **arrays}
        write(path, "visualizations", fingerprint, listed, attributes)
        self._pictures.pop(f"{layer}\0{fingerprint}", None)

    def picture_index(self, layer: str, fingerprint: str) -> dict[str, tuple[Path, int]]:
        """Where each picture with this fingerprint is: unit → (file, row). Damaged files are left out."""
        key = f"{layer}\0{fingerprint}"
        if key not in self._pictures:
            index: dict[str, tuple[Path, int]] = {}
            for path in sorted(self.visualization_folder(layer).glob(f"{fingerprint[:12]}-*.h5")):
                if state(path, "visualizations", fingerprint) is State.CURRENT:
                    with File(path) as file:
                        for row, unit in enumerate(file.values("units")):
                            index[str(unit)] = (path, row)
            self._pictures[key] = index
        return self._pictures[key]

    def pictures(self, layer: str, fingerprint: str, units: Iterable[str]) -> dict[str, Picture]:
        """Read pictures by unit ("channel:12"); units without a picture are left out."""
        index = self.picture_index(layer, fingerprint)
        wanted: dict[Path, list[tuple[str, int]]] = {}
        for unit in units:
            if unit in index:
                path, row = index[unit]
                wanted.setdefault(path, []).append((unit, row))
        found: dict[str, Picture] = {}
        for path, rows in wanted.items():
            with File(path) as file:
                pixels, objective = file.values("pictures"), file.values("objective")
                activation, alive = file.values("activation"), file.values("alive")
            for unit, row in rows:
                found[unit] = Picture(pixels[row], float(objective[row]), float(activation[row]), bool(alive[row]))
        return found


def describe(path: Path) -> Iterator[str]:
    """Yield lines for people: a file's attributes, then every dataset with shape, type, dims and units."""
    with File(path) as file:
        yield f"{path}: {file.kind}, schema {file.schema}, {file.created_by}, {path.stat().st_size / 1e6:.2f} MB"
        yield f"fingerprint {file.fingerprint}"
        for key, value in file.attributes.items():
            text = json.dumps(value, ensure_ascii=False)
            yield f"{key}: {text if len(text) <= 120 else text[:117] + '…'}"
        rows = [
            (name, " × ".join(map(str, shape)) or "scalar", kind, ", ".join(dims), units)
            for name, shape, kind, dims, units in file.describe()
        ]
    heading = ("dataset", "shape", "type", "dims", "units")
    widths = [max(len(row[column]) for row in [heading, *rows]) for column in range(len(heading))]
    for row in [heading, *rows] if rows else []:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
