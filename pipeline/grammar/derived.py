"""Derived contents: what is found by looking at attributions together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pipeline.atoms import SPATIAL, Group
from pipeline.grammar.contents import FACTORS, Activation, Attribution
from pipeline.grammar.substrates import CLASSES, Substrate


class Sign(StrEnum):
    """Which part of an attribution is meant; the two are never mixed."""

    FOR = "for"
    AGAINST = "against"


@dataclass(frozen=True)
class Saliency:
    """Factors of the attribution of positions to the most probable classes.

    Parameters
    ----------
    layers
        In the order in which they run; the factors are fitted on the last.
    """

    layers: tuple[str, ...]

    @property
    def path(self) -> str:
        """First part of the names of its datasets."""
        return "saliency"

    @property
    def classes(self) -> str:
        """Name of the dataset [k]: the classes that were factorized."""
        return "saliency/classes"

    def shares(self, sign: Sign) -> str:
        """Name of the dataset [factor, k]: the share of each class in a factor."""
        return f"saliency/{sign}/classes"

    def spatial(self, sign: Sign, layer: str) -> str:
        """Name of the dataset [factor, y, x]: where in a layer a factor is."""
        return f"saliency/{sign}/{layer}/spatial"

    @property
    def substrates(self) -> tuple[Substrate, ...]:
        return (*(Substrate(layer, SPATIAL) for layer in self.layers), CLASSES)

    @property
    def requires(self) -> tuple[Attribution, ...]:
        return tuple(Attribution(Substrate(each, SPATIAL), CLASSES) for each in self.layers)

    def depends_on(self, key: str) -> bool:
        return key == FACTORS


@dataclass(frozen=True)
class Concentration:
    """The share of each group's attribution that goes to a single group of an upper layer.

    Parameters
    ----------
    lower
        Groups that are compatible with those of an upper layer.
    """

    lower: Substrate

    def __post_init__(self) -> None:
        if not isinstance(self.lower.atom, Group) or self.lower.atom.aligned_to is None:
            raise ValueError(f'"{self.lower}": concentration is of groups aligned to another layer')

    @property
    def path(self) -> str:
        """Name of the dataset [group]: of the compatible groups."""
        return f"{Activation(self.lower).path}/concentration"

    @property
    def independent(self) -> str:
        """Name of the dataset [group]: of as many groups that are not aligned."""
        return f"{self.path}_independent"

    @property
    def substrates(self) -> tuple[Substrate, ...]:
        return (self.lower, self.requires[0].target)

    @property
    def requires(self) -> tuple[Attribution, Attribution]:
        """The attributions of the compatible and of the independent groups to the upper ones."""
        assert isinstance(self.lower.atom, Group)
        assert self.lower.atom.aligned_to is not None
        layer, count = self.lower.atom.aligned_to
        upper = Substrate(layer, Group(count))
        independent = Substrate(self.lower.layer, self.lower.atom.independent)
        return Attribution(self.lower, upper), Attribution(independent, upper)

    def depends_on(self, key: str) -> bool:
        return False
