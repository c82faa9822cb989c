"""A synthetic atlas of very many photographs that all look alike: one stored file, linked.

Its titles and names differ. Where `mistakes` says so, a photograph's true class is another than the
network's.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.fingerprints import fingerprint_of
from pipeline.views.classes import top_classes
from tests import synthetic

LAYER = Layer("only", "only", (8, 7, 7))
FIGURES = ("predictions",)  # what to generate of it; most others would take minutes


def make(root: Path, count: int, mistakes: Collection[int] = ()) -> Atlas:
    """Write a store below `root` and return the atlas that reads it.

    Parameters
    ----------
    mistakes
        Numbers of the photographs that the network gets wrong; it gets all others right.
    """
    first = Photograph("p0000", "Photograph number 0", "p0000.jpg")
    small = synthetic.make(root, photographs=[first], layers=[LAYER])
    right = top_classes(small, first, 1)[0].index
    stored = small.store.photograph_path(first.name)
    photographs = []
    for i in range(count):
        label = (right + (i in mistakes)) % len(small.network.classes)
        found = Photograph(f"p{i:04d}", f"Photograph number {i}", f"p{i:04d}.jpg", label)
        if i:
            small.store.photograph_path(found.name).hardlink_to(stored)
        photographs.append(found)
    fingerprint = fingerprint_of(small.fingerprint, count, sorted(mistakes))
    return replace(small, photographs=tuple(photographs), fingerprint=fingerprint)
