"""The grammar of the article's footnote 7, as types: what can be shown, of what, and how.

A hidden layer's response to one photograph is a cube of activations `a[C, H, W]`. A `Substrate` is a layer cut into
atoms; a `Content` is either the `Activation` of a substrate or the `Attribution` from one substrate to another; an
`Element` presents a content, and an `Interface`, one figure, is a set of elements. Contents know their place in an
image's HDF5 file (`content.path`), so the plan, the computation, the store and the figures all speak of the same thing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

INPUT = "input"
OUTPUT = "output"


class Atom(StrEnum):
    """How a cube `a[C, H, W]` is cut."""

    NEURON = "neuron"  # one number a[c, y, x]; in "output", one class
    SPATIAL = "spatial"  # all channels at one position: a[:, y, x]
    CHANNEL = "channel"  # one channel at all positions: a[c]
    GROUP = "group"  # one factor of a matrix factorization
    WHOLE = "whole"  # the cube


class Presentation(StrEnum):
    """How a content meets the eye."""

    FEATURE_VIS = "feature visualization"
    INFO_VIS = "information visualization"


@dataclass(frozen=True, order=True)
class Grouping:
    """Which factorization of a layer is meant.

    Parameters
    ----------
    count
        The number of groups.
    aligned_to
        `(layer, count)` of the upper layer whose groups this factorization is made compatible with; empty for an
        independent one.
    """

    count: int
    aligned_to: tuple[str, int] | None = None

    def __str__(self) -> str:
        if self.aligned_to is None:
            return str(self.count)
        layer, count = self.aligned_to
        return f"{self.count}@{layer}@{count}"

    @classmethod
    def parse(cls, text: str) -> Grouping:
        """Read what `str` writes."""
        count, *rest = text.split("@")
        if not rest:
            return cls(int(count))
        layer, upper = rest
        return cls(int(count), (layer, int(upper)))


@dataclass(frozen=True)
class Substrate:
    """A layer cut into atoms: `Substrate("mixed4d", Atom.SPATIAL)`. A class is a neuron of "output"."""

    layer: str
    atom: Atom
    grouping: Grouping | None = None

    def __post_init__(self) -> None:
        if (self.atom is Atom.GROUP) != (self.grouping is not None):
            raise ValueError(f"{self.layer}: a grouping goes with the atom 'group' and with no other")

    def __str__(self) -> str:
        return f"{self.layer}.{self.atom}" + (f".{self.grouping}" if self.grouping else "")

    @classmethod
    def parse(cls, text: str) -> Substrate:
        """Read what `str` writes."""
        match = _SUBSTRATE.fullmatch(text)
        if match is None:
            raise ValueError(f'"{text}" names no substrate; one looks like "mixed4d.spatial" or "mixed4d.group.6"')
        layer, atom, grouping = match.groups()
        return cls(layer, Atom(atom), Grouping.parse(grouping) if grouping else None)


# A layer's name may itself contain dots, so the atom is looked for from the right.
_SUBSTRATE = re.compile(rf"(.+)\.({'|'.join(Atom)})(?:\.(\d+(?:@.+@\d+)?))?")

CLASSES = Substrate(OUTPUT, Atom.NEURON)


@dataclass(frozen=True)
class Activation:
    """The response of a substrate to the photograph."""

    substrate: Substrate

    @property
    def path(self) -> str:
        """Name of the dataset in an image's file. Spatial, channel and neuron are views of one cube."""
        if self.substrate == CLASSES:
            return "logits"
        if self.substrate.layer == INPUT:
            return "input"
        if self.substrate.atom is Atom.GROUP:
            return f"group/{self.substrate.layer}/{self.substrate.grouping}"
        return f"activation/{self.substrate.layer}"


@dataclass(frozen=True)
class Attribution:
    """How much each atom of `source` contributes to each atom of `target`; dimensions: source's, then target's."""

    source: Substrate
    target: Substrate

    @property
    def path(self) -> str:
        """Name of the dataset in an image's file."""
        return f"attribution/{self.source}/{self.target}"


Content = Activation | Attribution


@dataclass(frozen=True)
class Element:
    """A content and how it is presented."""

    content: Content
    presentation: Presentation


@dataclass(frozen=True)
class Interface:
    """One figure: what it shows, as the article's grammar writes it."""

    name: str
    elements: tuple[Element, ...]

    @property
    def contents(self) -> tuple[Content, ...]:
        """The contents named, each once, in order of first mention."""
        return tuple(dict.fromkeys(element.content for element in self.elements))


def show(content: Content, *presentations: Presentation) -> tuple[Element, ...]:
    """Elements of one content: `show(Activation(s), FEATURE_VIS, INFO_VIS)`; information visualization by default."""
    return tuple(Element(content, each) for each in presentations or (Presentation.INFO_VIS,))
