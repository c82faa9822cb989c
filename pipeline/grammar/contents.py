"""Contents: activations, and quantities of the atoms of one substrate for those of another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from pipeline.grammar.substrates import CLASSES, INPUT, Substrate

FACTORS = "attribution.factors"  # the key of the configuration that only saliency depends on
BASELINE = "attribution.baseline"


class Content(Protocol):
    """A quantity computed for one photograph."""

    @property
    def path(self) -> str:
        """Its name in a photograph's file: of one dataset, or the first part of several names."""

    @property
    def substrates(self) -> tuple[Substrate, ...]:
        """The substrates it is about."""

    @property
    def requires(self) -> tuple[Content, ...]:
        """Contents that it is computed from, or that say what its atoms are."""

    def depends_on(self, key: str) -> bool:
        """Whether its numbers depend on a key of the configuration, such as "attribution.method".

        Those that only the contents it requires depend on do not count.
        """


@dataclass(frozen=True)
class Activation:
    """The response of a substrate to the photograph."""

    substrate: Substrate

    @property
    def path(self) -> str:
        """Name of the dataset. Spatial, channel and neuron are views of one cube."""
        if self.substrate == CLASSES:
            return "logits"
        if self.substrate.layer == INPUT:
            return "input"
        return self.substrate.atom.activation_path(self.substrate.layer)

    @property
    def substrates(self) -> tuple[Substrate, ...]:
        return (self.substrate,)

    @property
    def requires(self) -> tuple[Content, ...]:
        return ()

    def depends_on(self, key: str) -> bool:
        return self.substrate.atom.depends_on(key)


@dataclass(frozen=True)
class Between:
    """A quantity of each atom of `source` for each atom of `target`.

    Dimensions: the source's, then the target's. Where groups are at an end, the residual they leave
    is kept apart: `residual_of_source` has the target's dimensions, `residual_of_target` the
    source's, `residual_of_both` none.
    """

    source: Substrate
    target: Substrate

    folder: ClassVar[str]
    residual_folder: ClassVar[str]

    @property
    def path(self) -> str:
        """Name of the dataset."""
        return f"{self.folder}/{self.source}/{self.target}"

    @property
    def residual_of_source(self) -> str:
        """Name of the dataset: of what the source's atoms leave."""
        return f"{self.residual_folder}/{self.source}/{self.target}/of_source"

    @property
    def residual_of_target(self) -> str:
        """Name of the dataset: for what the target's atoms leave."""
        return f"{self.residual_folder}/{self.source}/{self.target}/of_target"

    @property
    def residual_of_both(self) -> str:
        """Name of the dataset: of the one residual for the other."""
        return f"{self.residual_folder}/{self.source}/{self.target}/of_both"

    @property
    def dims(self) -> tuple[str, ...]:
        """The source's dimensions, then the target's; names that both have are told apart."""
        shared = set(self.source.dims) & set(self.target.dims)
        return (
            *(f"source_{name}" if name in shared else name for name in self.source.dims),
            *(f"target_{name}" if name in shared else name for name in self.target.dims),
        )

    @property
    def substrates(self) -> tuple[Substrate, ...]:
        return (self.source, self.target)

    @property
    def requires(self) -> tuple[Content, ...]:
        return tuple(Activation(end) for end in self.substrates if end.atom.leaves_residual)


@dataclass(frozen=True)
class Attribution(Between):
    """How much each atom of `source` contributes to the score of each atom of `target`.

    With the method `shares`, atoms and residuals sum to the score less the score with the source's
    layer at its baseline.
    """

    folder = "attribution"
    residual_folder = "residual"

    @property
    def gap(self) -> str:
        """Name of the dataset [target's dimensions]: what the contributions lack to the whole."""
        return f"gap/{self.source}/{self.target}"

    def depends_on(self, key: str) -> bool:
        return key.startswith("attribution.") and key != FACTORS


def with_requirements(contents: tuple[Content, ...]) -> tuple[Content, ...]:
    """Return contents and all that they require, each name once, requirements first."""
    found: dict[str, Content] = {}

    def add(content: Content) -> None:
        for required in content.requires:
            add(required)
        found.setdefault(content.path, content)

    for content in contents:
        add(content)
    return tuple(found.values())
