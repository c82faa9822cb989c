"""What a file of the store holds, compared with what is wanted; only its summary is read for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

import h5py

from pipeline.errors import AtlasError
from pipeline.store.seal import FOREIGN, DamagedFile, Sealed, Unsealed

SCHEMA = 3  # 2 had no seal


class State(Enum):
    """What is at a path, compared with what is wanted."""

    CURRENT = "current"
    ABSENT = "absent"
    STALE = "stale"  # whole, but computed from something else
    DAMAGED = "damaged"  # changed or cut short since it was written, or not of this store


@contextmanager
def opened(path: Path) -> Iterator[tuple[h5py.File, dict[str, Any], bytes]]:
    """Open a sealed file; give it, its summary, and the digest that changes with any of it.

    Raises
    ------
    AtlasError
        When there is none, when it is damaged, as far as it is read inside the context too, or
        when the disk cannot be read.
    """
    try:
        with Sealed(path) as sealed, h5py.File(sealed, "r", rdcc_nbytes=0) as file:
            yield file, sealed.summary, sealed.digest
    except (FileNotFoundError, NotADirectoryError) as error:
        advice = '"building-blocks build CONFIG" computes it'
        raise AtlasError(f"{path}: no such file; {advice}") from error
    except Unsealed as error:
        raise DamagedFile(path, FOREIGN) from error
    except OSError as error:
        if error.errno:  # otherwise it is HDF5's
            raise unreadable(path, error) from error
        raise DamagedFile(path, FOREIGN) from error


def unreadable(path: Path, error: OSError) -> AtlasError:
    """Make the error for a file that is there and cannot be read: nothing is known about it."""
    if isinstance(error, IsADirectoryError):
        return AtlasError(f"{path}: a folder is where a file should be; remove or rename it")
    advice = "see whether its disk is connected and whether you may read it, then try again"
    return AtlasError(f"{path}: cannot be read ({error.strerror}); {advice}")


def compare(path: Path, kind: str, fingerprint: str) -> tuple[State, dict[str, str]]:
    """Compare the file at `path` with what is wanted.

    Returns
    -------
    tuple
        Its state, and what it holds: content → fingerprint. Empty unless it is current.

    Raises
    ------
    AtlasError
        When a folder is in its place, or the disk cannot be read.
    """
    try:
        with Sealed(path) as sealed:
            summary = sealed.summary
    except (FileNotFoundError, NotADirectoryError):
        return State.ABSENT, {}
    except Unsealed:
        return State.STALE if _is_older(path, kind) else State.DAMAGED, {}
    except DamagedFile:
        return State.DAMAGED, {}
    except OSError as error:
        raise unreadable(path, error) from error
    if summary.get("kind") != kind:
        return State.DAMAGED, {}
    if (summary.get("schema"), summary.get("fingerprint")) != (SCHEMA, fingerprint):
        return State.STALE, {}
    return State.CURRENT, dict(summary["contents"])


def state(path: Path, kind: str, fingerprint: str) -> State:
    """Compare the file at `path` with what is wanted; errors as of `compare`."""
    return compare(path, kind, fingerprint)[0]


def held(path: Path, kind: str, fingerprint: str) -> dict[str, str]:
    """Name the contents that a file holds; errors as of `compare`.

    Returns
    -------
    dict
        Content → its fingerprint. Empty where there is no whole file of this kind and fingerprint.
    """
    return compare(path, kind, fingerprint)[1]


def _is_older(path: Path, kind: str) -> bool:
    """Whether a file without a seal is whole, of this kind, and of a version that had none."""
    try:
        with h5py.File(path, "r") as file:
            return bool(file.attrs["kind"] == kind and int(file.attrs["schema"]) < SCHEMA)
    except (KeyError, RuntimeError, ValueError, TypeError, OSError):
        return False


def datasets(file: h5py.File) -> dict[str, h5py.Dataset]:
    """Return all datasets of an open file by their names."""
    found: dict[str, h5py.Dataset] = {}

    def add(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item

    file.visititems(add)
    return found
