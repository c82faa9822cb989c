"""The grammar of the article's footnote 7, as types: what can be shown, of what, and how.

A hidden layer's response to one photograph is a cube of activations `a[C, H, W]`. A `Substrate` is
a layer cut into atoms (`pipeline.atoms`). A `Content` is a quantity computed for one photograph:
the `Activation` of a substrate, the `Attribution` from one substrate to another, or what is derived
from attributions, `Saliency` and `Concentration`. An `Element` presents a content, and an
`Interface`, one figure, is a set of elements. A content knows its name in a photograph's HDF5 file,
so the plan, the computation, the store and the figures refer to it in the same way; and it knows
what it depends on, so the build can tell what is missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from pipeline.atoms import ATOMS, CHANNEL, NEURON, SPATIAL, WHOLE, Atom, Group
from pipeline.errors import AtlasError

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.atoms import Cut
    from pipeline.factorization import Factorization

__all__ = [
    "CHANNEL",
    "CLASSES",
    "INPUT",
    "NEURON",
    "OUTPUT",
    "SPATIAL",
    "WHOLE",
    "Activation",
    "Atom",
    "Attribution",
    "Concentration",
    "Content",
    "Element",
    "Group",
    "Interface",
    "Presentation",
    "Saliency",
    "Sign",
    "Substrate",
    "show",
    "with_requirements",
]

INPUT = "input"
OUTPUT = "output"
FACTORS = "attribution.factors"  # the key of the configuration that only saliency depends on


# ------------------------------------------------------------------------------------- substrates
@dataclass(frozen=True)
class Substrate:
    """A layer cut into atoms: `Substrate("mixed4d", SPATIAL)`. A class is a neuron of "output"."""

    layer: str
    atom: Atom

    def __post_init__(self) -> None:
        if not isinstance(self.atom, Atom):
            known = "NEURON, SPATIAL, CHANNEL, WHOLE or Group(n)"
            raise TypeError(f"{self.layer}: {self.atom!r} is no atom; write {known}")

    def __str__(self) -> str:
        return f"{self.layer}.{self.atom}"

    @classmethod
    def parse(cls, text: str) -> Substrate:
        """Read what `str` writes."""
        match = _SUBSTRATE.fullmatch(text)
        try:
            if match is None:
                raise ValueError("no atom")
            layer, name, parameter = match.groups()
            return cls(layer, ATOMS[name].parse(parameter or ""))
        except ValueError as error:
            example = '"mixed4d.spatial" or "mixed4d.group.6"'
            raise ValueError(f'"{text}" names no substrate; one looks like {example}') from error

    def cut(self, a: Tensor, factorization: Factorization | None = None) -> Cut:
        """Cut the layer's activations for one photograph into this substrate's atoms.

        Parameters
        ----------
        a
            `[C, H, W]`, or the logits `[K]` for the output.
        factorization
            Of these activations, where the atom is a group.

        Raises
        ------
        AtlasError
            When the output is to be cut into positions, channels or groups, or the factorization
            does not fit the activations.
        """
        if self.layer == OUTPUT and self.atom not in (NEURON, WHOLE):
            raise AtlasError(f'"{self}": the output has classes only; write "{CLASSES}"')
        return self.atom.cut(a, factorization)

    @property
    def dims(self) -> tuple[str, ...]:
        """The names of the dimensions of a dataset with one value for each atom."""
        return ("class",) if self == CLASSES else self.atom.dims

    @property
    def units(self) -> str:
        """What the atoms' scores are measured in."""
        return "logits" if self == CLASSES else self.atom.units


# A layer's name may itself contain dots, so the atom is looked for from the right.
_SUBSTRATE = re.compile(rf"(.+)\.({'|'.join(ATOMS)})(?:\.([^.]*(?:@.+@[^.]*)?))?")

CLASSES = Substrate(OUTPUT, NEURON)


# --------------------------------------------------------------------------------------- contents
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
class Attribution:
    """How much each atom of `source` contributes to each atom of `target`.

    Dimensions: the source's, then the target's. Where groups are at an end, the residual they leave
    is kept apart: `residual_of_source` has the target's dimensions, `residual_of_target` the
    source's, `residual_of_both` none. Together they sum to the whole.
    """

    source: Substrate
    target: Substrate

    @property
    def path(self) -> str:
        """Name of the dataset."""
        return f"attribution/{self.source}/{self.target}"

    @property
    def residual_of_source(self) -> str:
        """Name of the dataset: the contribution of what the source's atoms leave."""
        return f"residual/{self.source}/{self.target}/of_source"

    @property
    def residual_of_target(self) -> str:
        """Name of the dataset: the contribution to what the target's atoms leave."""
        return f"residual/{self.source}/{self.target}/of_target"

    @property
    def residual_of_both(self) -> str:
        """Name of the dataset: the contribution of the one residual to the other."""
        return f"residual/{self.source}/{self.target}/of_both"

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

    def depends_on(self, key: str) -> bool:
        return key.startswith("attribution.") and key != FACTORS


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


# ------------------------------------------------------------------------------------- interfaces
class Presentation(StrEnum):
    """How a content is shown."""

    FEATURE_VIS = "feature visualization"
    INFO_VIS = "information visualization"


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
    """Elements of one content: `show(Activation(s), FEATURE_VIS, INFO_VIS)`.

    Without a presentation, information visualization is meant.
    """
    chosen = presentations or (Presentation.INFO_VIS,)
    return tuple(Element(content, each) for each in chosen)
