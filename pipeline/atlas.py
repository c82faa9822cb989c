"""The atlas as the figures and the site see it: facts about network and photographs, and the store to read from.

Built from the configuration and the store alone; torch is not needed. `layers` are the display layers in the order in
which they run; a picture is asked for by layer and unit, where a unit reads "channel:12", "group:<digest>", ….
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from pipeline.config import Settings
from pipeline.store import File, Picture, State, Store, slug, state


@dataclass(frozen=True)
class Layer:
    """A display layer. `shape` is [C, H, W] for the network's own input size."""

    name: str
    title: str
    shape: tuple[int, int, int]

    @property
    def slug(self) -> str:
        """The name as it stands in file names and addresses."""
        return slug(self.name).replace(".", "-")


@dataclass(frozen=True)
class Photograph:
    """A photograph of the atlas: `name` in files and addresses, `title` for people, `source` as configured."""

    name: str
    title: str
    source: str


@dataclass(frozen=True)
class NetworkFacts:
    """What the site says about the network. `classes`: K names; `size`: side of its input in pixels."""

    title: str
    classes: tuple[str, ...]
    size: int
    parameters: int
    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class Atlas:
    """Everything that figures and templates may read."""

    settings: Settings
    network: NetworkFacts
    photographs: tuple[Photograph, ...]
    store: Store
    picture_fingerprints: dict[str, str]  # layer → fingerprint of its feature visualizations
    fingerprint: str  # of all that the site is baked from; data files of another build are told by it
    grid_fingerprints: dict[tuple[str, str], str] = field(default_factory=dict)  # (photograph, layer) → fingerprint of its grid

    def layer(self, name: str) -> Layer:
        return next(layer for layer in self.network.layers if layer.name == name)

    def image(self, photograph: Photograph) -> File:
        """Open a photograph's file (a context manager)."""
        return self.store.image(photograph.name)

    def has_grid(self, photograph: Photograph, layer: str) -> bool:
        """Whether the activation grid of a layer has been rendered, and from what is configured now."""
        wanted = self.grid_fingerprints.get((photograph.name, layer))
        return wanted is not None and state(self.store.grid_path(photograph.name, layer), "grid", wanted) is State.CURRENT

    def grid(self, photograph: Photograph, layer: str) -> np.ndarray | None:
        """The activation grid of a layer, uint8 `[H, W, S, S, 3]`: a picture of every position; None if there is none."""
        if not self.has_grid(photograph, layer):
            return None
        with File(self.store.grid_path(photograph.name, layer)) as file:
            return file.values("cells")

    def pictures(self, layer: str, units: Iterable[str]) -> dict[str, Picture]:
        """The feature visualizations of some units; those that were never made are left out."""
        return self.store.pictures(layer, self.picture_fingerprints[layer], units)
