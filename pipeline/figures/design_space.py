"""The design space: the grammar in which figures are written, and a diagram of each figure in it.

A figure's `Interface` names contents of substrates. A `Diagram` draws them on a grid of atoms (its
rows) by layers (its columns: the input, the hidden layers taken together, the output). A content of
one substrate is a mark, its activations; a content of several is an arrow from each to the last:
attribution or what is derived from it, or, measured, the effect of removing atoms. Each carries the
letters of its presentations. All of this is read from the interfaces, so a figure whose interface
changes gets another diagram.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from pipeline.atlas import Atlas, Photograph
from pipeline.atoms import ATOMS
from pipeline.config import Settings
from pipeline.grammar import (
    CLASSES,
    INPUT,
    OUTPUT,
    WHOLE,
    AtBaseline,
    Atom,
    Coalitions,
    Content,
    Interface,
    Presentation,
    Removal,
    Substrate,
)

NAME = "design_space"
TITLE = "How the figures are made"

HIDDEN = "hidden"
COLUMNS = (INPUT, HIDDEN, OUTPUT)
LETTERS = {Presentation.FEATURE_VIS: "F", Presentation.INFO_VIS: "I"}

# In units of the drawing: the first cell's centre, and the size of a cell.
LEFT, TOP, WIDTH, HEIGHT = 128, 46, 96, 42
ASIDE = 7  # from an arrow to that of another relation between the same cells

# The rows from top to bottom; atoms that are not named here come below them.
_TOPMOST = ("group", "spatial", "channel", "neuron", "whole")


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return nothing: this figure shows how the others are made, and no content of the network."""
    return Interface(NAME, ())


def rows() -> tuple[type[Atom], ...]:
    """Return the atoms, from the top row to the bottom one."""
    order = dict.fromkeys((*_TOPMOST, *ATOMS))
    return tuple(ATOMS[name] for name in order if name in ATOMS)


# ------------------------------------------------------------------------------------------- cells
class Cell(NamedTuple):
    """A cell of the grid. Groups of all counts share one, and so do all hidden layers."""

    atom: type[Atom]
    column: str

    @property
    def centre(self) -> tuple[int, int]:
        """Where it is in the drawing."""
        x = LEFT + COLUMNS.index(self.column) * WIDTH
        return x, TOP + rows().index(self.atom) * HEIGHT

    def __str__(self) -> str:
        """Return it in words: "the classes", "channels of hidden layers"."""
        if self == cell(CLASSES):
            return "the classes"
        if self == cell(Substrate(INPUT, WHOLE)):
            return "the photograph"
        names = {INPUT: "the photograph", HIDDEN: "hidden layers", OUTPUT: "the output"}
        return f"{self.atom.plural} of {names[self.column]}"


class Relation(StrEnum):
    """What an arrow stands for, in words."""

    ATTRIBUTION = "attribution from {} to {}"
    REMOVAL = "effect of removing {} on {}"
    SUBSETS = "effect of removing {}, in every combination, on {}"


# What a diagram tells apart: a mark, or an arrow with its ends.
Kind = tuple[Cell] | tuple[Relation, Cell, Cell]


def cell(substrate: Substrate) -> Cell:
    """Return the cell of a substrate."""
    column = substrate.layer if substrate.layer in (INPUT, OUTPUT) else HIDDEN
    return Cell(type(substrate.atom), column)


def drawn(content: Content) -> Iterator[tuple[Kind, tuple[str, ...]]]:
    """Yield what is drawn of a content, each with the layers at its ends."""
    *sources, last = content.substrates
    if not sources:
        yield (cell(last),), (last.layer,)
    for source in sources:
        yield (relation(content), cell(source), cell(last)), (source.layer, last.layer)


def relation(content: Content) -> Relation:
    """Return how a content of several substrates relates them."""
    match content:
        case Removal() | AtBaseline():
            return Relation.REMOVAL
        case Coalitions():
            return Relation.SUBSETS
    return Relation.ATTRIBUTION


# ---------------------------------------------------------------------------------------- diagrams
@dataclass(frozen=True)
class Mark:
    """Activations of a cell: where it is, and the letters of its presentations, in order."""

    x: float
    y: float
    letters: tuple[str, ...]


@dataclass(frozen=True)
class Arrow:
    """From a cell to another, or to the same cell of a later layer.

    Attributes
    ----------
    relation
        "attribution", "removal" or "subsets".
    path
        Of an SVG.
    x, y
        Where its letters are.
    letters
        Of its presentations, in order.
    """

    relation: str
    path: str
    x: float
    y: float
    letters: tuple[str, ...]


@dataclass(frozen=True)
class Diagram:
    """A figure on the grid, and the same in words."""

    marks: tuple[Mark, ...]
    arrows: tuple[Arrow, ...]
    sentences: tuple[str, ...]


@dataclass
class _Uses:
    """How figures use one kind of content: its presentations, and the layers at its ends."""

    presentations: set[Presentation] = field(default_factory=set)
    layers: set[tuple[str, ...]] = field(default_factory=set)

    @property
    def letters(self) -> tuple[str, ...]:
        return tuple(letter for each, letter in LETTERS.items() if each in self.presentations)


def diagram(interfaces: Iterable[Interface]) -> Diagram:
    """Draw one figure, or several together."""
    found = _uses(interfaces)
    marks = [Mark(*kind[0].centre, uses.letters) for kind, uses in found.items() if len(kind) == 1]
    arrows = [_arrow(*kind, uses.letters) for kind, uses in found.items() if len(kind) == 3]
    sentences = [_sentence(kind, uses) for kind, uses in found.items()]
    return Diagram(tuple(marks), tuple(arrows), tuple(sentences))


def _uses(interfaces: Iterable[Interface]) -> dict[Kind, _Uses]:
    found: dict[Kind, _Uses] = {}
    for element in (element for each in interfaces for element in each.elements):
        for kind, layers in drawn(element.content):
            uses = found.setdefault(kind, _Uses())
            uses.presentations.add(element.presentation)
            uses.layers.add(layers)
    return found


def _arrow(relation: Relation, source: Cell, target: Cell, letters: tuple[str, ...]) -> Arrow:
    name = relation.name.lower()
    aside = ASIDE * list(Relation).index(relation)  # so that arrows between two cells lie apart
    (x0, y0), (x1, y1) = source.centre, target.centre
    if source == target:  # a loop: from one hidden layer to a later one
        bend = x0 - 34 + aside
        path = f"M {x0 - 5} {y0 + 6} C {bend} {y0 + 26} {bend} {y0 - 26} {x0 - 6} {y0 - 7}"
        return Arrow(name, path, bend, y0, letters)
    middle = (y0 + y1) / 2
    if x0 == x1:
        bend = x0 - 40 + aside
        path = f"M {x0 - 6} {y0} C {bend} {y0} {bend} {y1} {x1 - 8} {y1}"
        return Arrow(name, path, bend + 8, middle, letters)
    # Arrows to one cell arrive from the side of their own row, clear of the letters of the marks.
    start, end = x0 + 32, x1 - 10
    y0, y1 = y0 + aside, y1 + aside
    path = f"M {start} {y0} C {start + 26} {y0} {end - 26} {y1} {end} {y1}"
    return Arrow(name, path, (start + end) / 2, middle + aside, letters)


def _sentence(kind: Kind, uses: _Uses) -> str:
    presented = " and as ".join(str(each) for each in LETTERS if each in uses.presentations)
    ends = kind if len(kind) == 1 else kind[1:]
    text = f"activation of {kind[0]}" if len(kind) == 1 else kind[0].format(*ends)
    text = f"{text}, as {presented}"
    count = len(uses.layers)
    between_layers = len(ends) == 2 and all(end.column == HIDDEN for end in ends)
    counted = "pairs of layers" if between_layers else "layers"
    return f"{text}; {count} {counted}" if count > 1 else text


# ------------------------------------------------------------------------------------- page, data
def page(atlas: Atlas) -> dict[str, Any]:
    """Return each figure's diagram, one of several together, the grid, and the grammar's words."""
    interfaces = {name: each for name, each in atlas.interfaces.items() if each.elements}

    def chosen(names: Sequence[str]) -> list[Interface]:
        return [each for name, each in interfaces.items() if name in names]

    atoms = rows()
    right, bottom = LEFT + len(COLUMNS) * WIDTH, TOP + len(atoms) * HEIGHT
    return {
        "diagrams": {name: diagram([each]) for name, each in interfaces.items()},
        "together": lambda names: diagram(chosen(names)),
        "rows": [(atom.plural, TOP + i * HEIGHT) for i, atom in enumerate(atoms)],
        "columns": [(column, LEFT + i * WIDTH) for i, column in enumerate(COLUMNS)],
        "cell": (WIDTH, HEIGHT),
        "size": (right - WIDTH // 2 + 16, bottom - HEIGHT // 2 + 2),
        "atoms": list(ATOMS),
        "presentations": [(letter, str(each)) for each, letter in LETTERS.items()],
        "unused": lambda names: _unused(chosen(names)),
    }


def _unused(interfaces: Sequence[Interface]) -> list[str]:
    """Name the atoms of hidden layers that no figure shows, or none attributes to or from."""
    contents = [content for each in interfaces for content in each.contents]
    shown = {kind for content in contents for kind, _ in drawn(content)}
    attributed = [kind for kind in shown if len(kind) == 3 and kind[0] is Relation.ATTRIBUTION]
    ends = {end for _, *both in attributed for end in both}
    cells = [Cell(atom, HIDDEN) for atom in rows()]
    return [
        *(str(each) for each in cells if (each,) not in shown),
        *(f"attribution to or from {each}" for each in cells if each not in ends),
    ]


def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return the arrays behind each figure: path, shape, units, letters of its presentations."""
    with atlas.open(photograph) as file:
        held = {path: (shape, units) for path, shape, _, _, units in file.describe()}
    return {"figures": {name: _behind(each, held) for name, each in atlas.interfaces.items()}}


def _behind(shown: Interface, held: Mapping[str, tuple[tuple[int, ...], str]]) -> list[list[Any]]:
    # A content may be kept in the folder of another, as a concentration in that of its groups.
    folder: dict[str, str] = {}
    found = []
    for content in shown.contents:
        letters = sorted(LETTERS[e.presentation] for e in shown.elements if e.content == content)
        for path, (shape, units) in held.items():
            inside = path == content.path or path.startswith(f"{content.path}/")
            if inside and folder.setdefault(path, content.path) == content.path:
                found.append([path, list(shape), units, "".join(letters)])
    return found
