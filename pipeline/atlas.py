"""The atlas as figures and templates see it: the network, the photographs, and the store to read.

It is made from the configuration and the store alone; torch is not needed. `layers` are the display
layers in the order in which they run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import numpy as np

from pipeline.config import Settings
from pipeline.grammar import Interface
from pipeline.slugs import slug
from pipeline.store import GRIDS, VISUALIZATIONS, File, State, Store, Visualization, state
from pipeline.units import Unit

Key = tuple[str, ...]


@dataclass(frozen=True)
class Layer:
    """A display layer.

    Attributes
    ----------
    shape
        [C, H, W] for the network's own input size.
    bottleneck
        Whether everything passes through it; otherwise it is bypassed.
    """

    name: str
    title: str
    shape: tuple[int, int, int]
    bottleneck: bool = True

    @property
    def slug(self) -> str:
        """The name as it stands in file names and addresses."""
        return slug(self.name).replace(".", "-")


@dataclass(frozen=True)
class Photograph:
    """A photograph.

    Attributes
    ----------
    name, title, source
        In files and addresses; for people; as configured.
    label
        The index of its true class, where that is known.
    """

    name: str
    title: str
    source: str
    label: int | None = None


@dataclass(frozen=True)
class ShownNetwork:
    """The network as the site shows it.

    Attributes
    ----------
    classes
        K names.
    size
        Side of the input in pixels.
    probabilities
        How they are made of logits: "softmax"; "sigmoid", of each class by itself, where classes do
        not exclude each other; or "one output", the sigmoid of a single number.
    """

    title: str
    classes: tuple[str, ...]
    size: int
    parameters: int
    layers: tuple[Layer, ...]
    probabilities: str = "softmax"

    @property
    def exclusive(self) -> bool:
        """Whether classes exclude each other, so that their probabilities add up to 1."""
        return self.probabilities != "sigmoid"


@dataclass(frozen=True)
class Atlas:
    """Everything that figures and templates may read.

    Attributes
    ----------
    interfaces
        Figure → what it shows of this network, for all figures there are, in page order.
    fingerprint
        Of all that the site is baked from. Data files of another build are recognised by it.
    fingerprints
        Kind of what the store holds → key → fingerprint. The kinds are those of the phases; keys
        are (layer,) for feature visualizations, (photograph, layer) for activation grids.
    left_out
        Titles of photographs that could not be read or computed.
    unfinished
        What is still being computed, for people, where this is the atlas so far.
    """

    settings: Settings
    network: ShownNetwork
    photographs: tuple[Photograph, ...]
    store: Store
    interfaces: Mapping[str, Interface]
    fingerprint: str
    fingerprints: Mapping[str, Mapping[Key, str]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()

    def layer(self, name: str) -> Layer:
        """Return the display layer of a name."""
        return next(layer for layer in self.network.layers if layer.name == name)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The names of the display layers."""
        return tuple(layer.name for layer in self.network.layers)

    def open(self, photograph: Photograph) -> AbstractContextManager[File]:
        """Open a photograph's file (a context manager)."""
        return self.store.photograph(photograph.name)

    def visualizations(self, layer: str, units: Iterable[Unit]) -> dict[Unit, Visualization]:
        """Return the feature visualizations of some units, as far as there are any."""
        wanted = {str(unit): unit for unit in units}
        fingerprint = self.fingerprints[VISUALIZATIONS][(layer,)]
        found = self.store.visualizations(layer, fingerprint, wanted)
        return {wanted[name]: visualization for name, visualization in found.items()}

    def has_grid(self, photograph: Photograph, layer: str) -> bool:
        """Whether the store holds a layer's activation grid as it is configured now."""
        wanted = self.fingerprints.get(GRIDS, {}).get((photograph.name, layer))
        if wanted is None:
            return False
        path = self.store.grid_path(photograph.name, layer)
        return state(path, GRIDS, wanted) is State.CURRENT

    def grid(self, photograph: Photograph, layer: str) -> np.ndarray | None:
        """Return a layer's activation grid, uint8 `[H, W, S, S, 3]`; None if there is none."""
        if not self.has_grid(photograph, layer):
            return None
        with File(self.store.grid_path(photograph.name, layer)) as file:
            return file.values("cells")
