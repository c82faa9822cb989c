"""Where the files of one atlas are, and feature visualizations by unit across a layer's files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.arrays import Array
from pipeline.fingerprints import fingerprint_of
from pipeline.slugs import slug
from pipeline.store.comparing import State, state
from pipeline.store.reading import File
from pipeline.store.recent import Recent
from pipeline.store.writing import write

# Kinds of files, as their attributes name them.
PHOTOGRAPHS = "image"
VISUALIZATIONS = "visualizations"
GRIDS = "grid"

OPEN = 24  # files of pictures at a time, since opening one takes longer than reading a picture


@dataclass(frozen=True)
class Visualization:
    """A feature visualization and how well it does. Its pixels are read when they are asked for.

    Attributes
    ----------
    read
        Reads the pixels, uint8 `[S, S, 3 or 4]`.
    side
        S, in pixels.
    objective
        The value that the optimizer reached.
    activation
        Of its unit, when the network is shown the finished pixels as they are.
    alive
        Whether it activates its unit at all.
    """

    read: Callable[[], np.ndarray]
    side: int
    objective: float
    activation: float
    alive: bool

    @property
    def pixels(self) -> np.ndarray:
        """uint8 `[S, S, 3 or 4]`."""
        return self.read()


@dataclass
class Store:
    """The files of one atlas below `root`."""

    root: Path
    _index: dict[tuple[str, str], dict[str, tuple[Path, int]]] = field(
        default_factory=dict, repr=False
    )
    _recent: Recent = field(default_factory=Recent, repr=False)
    _held: dict[Path, File] = field(default_factory=dict, repr=False)
    _open: dict[Path, File] = field(default_factory=dict, repr=False)

    @property
    def network_path(self) -> Path:
        return self.root / "network.h5"

    def photograph_path(self, photograph: str) -> Path:
        return self.root / "images" / f"{photograph}.h5"

    def visualization_folder(self, layer: str) -> Path:
        return self.root / "visualizations" / slug(layer)

    def grid_path(self, photograph: str, layer: str) -> Path:
        return self.root / "grids" / photograph / f"{slug(layer)}.h5"

    def files(self) -> list[Path]:
        """The paths of all files of HDF5 below the folder, sorted; none that is being written."""
        return sorted(self.root.rglob("[!.]*.h5"))

    def photograph(self, photograph: str) -> AbstractContextManager[File]:
        """Open a photograph's file; arrays read from it are kept for the next reader."""
        path = self.photograph_path(photograph)
        if path in self._held:
            return nullcontext(self._held[path])
        return File(path, self._recent)

    @contextmanager
    def holding(self, photograph: str) -> Iterator[None]:
        """Keep a photograph's file open for many readers: opening it takes longer than reading.

        What they have read is forgotten at the end.
        """
        path = self.photograph_path(photograph)
        if path in self._held:
            yield
            return
        with File(path, self._recent) as file:
            self._held[path] = file
            try:
                yield
            finally:
                del self._held[path]
                self._recent.forget(path)

    def network(self) -> File:
        """Open the network's file."""
        return File(self.network_path)

    # --------------------------------------------------------------------- feature visualizations
    def write_visualizations(
        self,
        layer: str,
        fingerprint: str,
        units: Sequence[str],
        arrays: Mapping[str, Array],
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """Add one batch of a layer's feature visualizations.

        The file's name follows from the units, so the same batch again replaces itself.
        """
        batch = fingerprint_of(list(units))[:12]
        path = self.visualization_folder(layer) / f"{fingerprint[:12]}-{batch}.h5"
        listed = {"units": Array(np.array(units), ("picture",)), **arrays}
        write(path, VISUALIZATIONS, fingerprint, listed, attributes)
        self._index.pop((layer, fingerprint), None)
        if path in self._open:
            self._open.pop(path).close()

    def visualization_index(self, layer: str, fingerprint: str) -> dict[str, tuple[Path, int]]:
        """Find each feature visualization: unit → (file, row). Damaged files are left out."""
        key = layer, fingerprint
        if key not in self._index:
            index: dict[str, tuple[Path, int]] = {}
            paths = self.visualization_folder(layer).glob(f"{fingerprint[:12]}-*.h5")
            for path in sorted(paths):
                if state(path, VISUALIZATIONS, fingerprint) is State.CURRENT:
                    with File(path) as file:
                        units = file.values("units")
                    index |= {str(unit): (path, row) for row, unit in enumerate(units)}
            self._index[key] = index
        return self._index[key]

    def visualizations(
        self, layer: str, fingerprint: str, units: Iterable[str]
    ) -> dict[str, Visualization]:
        """Find feature visualizations by unit; units that have none are left out."""
        index = self.visualization_index(layer, fingerprint)
        wanted: dict[Path, list[tuple[str, int]]] = {}
        for unit in units:
            if unit in index:
                path, row = index[unit]
                wanted.setdefault(path, []).append((unit, row))
        found: dict[str, Visualization] = {}
        for path, rows in wanted.items():
            with File(path) as file:
                side, objective = file.shape("pictures")[1], file.values("objective")
                activation, alive = file.values("activation"), file.values("alive")
            for unit, row in rows:
                how_well = float(objective[row]), float(activation[row]), bool(alive[row])
                found[unit] = Visualization(partial(self._picture, path, row), side, *how_well)
        return found

    def _picture(self, path: Path, row: int) -> np.ndarray:
        if path not in self._open:
            while len(self._open) >= OPEN:
                self._open.pop(next(iter(self._open))).close()
            self._open[path] = File(path)
        return self._open[path].row("pictures", row)
