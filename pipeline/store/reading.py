"""Reading files of the store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np

from pipeline.arrays import Array
from pipeline.errors import AtlasError, did_you_mean
from pipeline.store.comparing import datasets, opened, unreadable
from pipeline.store.recent import Recent


class File:
    """One file of the store, open for reading; a context manager.

    Parameters
    ----------
    path
        Of the file.
    recent
        Where values are kept for the next reader, if anywhere.

    Raises
    ------
    DamagedFile
        From the constructor and from `array`, when what is read is not what was written.
    AtlasError
        From the constructor, when there is no file of this store, or the disk cannot be read; from
        `array`, when there is no such dataset.
    """

    def __init__(self, path: Path, recent: Recent | None = None) -> None:
        self.path = path
        self._recent = recent
        self._datasets: dict[str, h5py.Dataset] = {}  # asked for before
        with ExitStack() as stack:
            self._file, summary, self._seal = stack.enter_context(opened(path))
            self._opened = stack.pop_all()
        self.kind = str(summary["kind"])
        self.fingerprint = str(summary["fingerprint"])
        self.created_by = str(summary["created_by"])
        self.schema = int(summary["schema"])
        self.attributes: dict[str, Any] = json.loads(self._file.attrs["attributes"])

    def __enter__(self) -> File:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; a context manager does so by itself."""
        self._datasets.clear()
        self._opened.close()

    def __contains__(self, name: str) -> bool:
        return name in self._file

    def names(self) -> list[str]:
        """The names of all datasets, sorted."""
        return sorted(datasets(self._file))

    def array(self, name: str) -> Array:
        """Read one dataset with its dimensions and units."""
        attributes = self._dataset(name).attrs
        try:
            dims, units = tuple(attributes["dims"]), str(attributes["units"])
        except OSError as error:
            raise unreadable(self.path, error) from error
        return Array(self.values(name), dims, units)

    def values(self, name: str) -> np.ndarray:
        """Read one dataset's values."""
        if self._recent is None:
            return self._read(name)
        key = (self.path, self._seal, name)
        values = self._recent.get(key)
        if values is None:
            values = self._read(name)
            self._recent.put(key, values)
        return values

    def _read(self, name: str) -> np.ndarray:
        try:
            opened = h5py.h5d.open(self._file.id, name.encode())
            if opened.dtype.kind == "O":  # texts
                return np.asarray(self._dataset(name).asstr()[()])
            # A third faster than through an h5py.Dataset; a photograph has dozens.
            values = np.empty(opened.shape, opened.dtype)
            opened.read(h5py.h5s.ALL, h5py.h5s.ALL, values)
            return values
        except KeyError:
            self._dataset(name)  # says what there is
            raise
        except OSError as error:
            raise unreadable(self.path, error) from error

    def _dataset(self, name: str) -> h5py.Dataset:
        if name in self._datasets:
            return self._datasets[name]
        try:
            found = self._file[name]
            if not isinstance(found, h5py.Dataset):
                raise KeyError(name)
            self._datasets[name] = found
            return found
        except KeyError as error:
            hint = did_you_mean(name, self.names()) or ";"
            advice = '"building-blocks inspect FILE" lists what it holds'
            raise AtlasError(f'{self.path}: holds no "{name}"{hint} {advice}') from error
        except OSError as error:
            raise unreadable(self.path, error) from error

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of one dataset, whose values are not read."""
        return tuple(self._dataset(name).shape)

    def row(self, name: str, row: int) -> np.ndarray:
        """Read one row of a dataset's first dimension."""
        try:
            return np.asarray(self._dataset(name)[row])
        except OSError as error:
            raise unreadable(self.path, error) from error

    def describe(self) -> Iterator[tuple[str, tuple[int, ...], str, tuple[str, ...], str]]:
        """Yield name, shape, type, dims and units of every dataset; reads no values."""
        for name, dataset in sorted(datasets(self._file).items()):
            kind = "text" if h5py.check_string_dtype(dataset.dtype) else str(dataset.dtype)
            dims, units = tuple(dataset.attrs["dims"]), str(dataset.attrs["units"])
            yield name, dataset.shape, kind, dims, units
