"""The design space: the grammar in which figures are written, and a diagram of each figure in it.

A figure's `Interface` names contents of substrates. A `Diagram` draws them on a grid of atoms (rows) by layers (columns:
the input, the hidden layers taken together, the output): a mark where activations of a substrate are shown, an arrow
where attribution from one substrate to another is, each with the letters of its presentations. Nothing here is drawn by
hand: a figure whose interface changes has another diagram.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline import figures
from pipeline.atlas import Atlas, Photograph
from pipeline.config import Settings
from pipeline.grammar import CLASSES, INPUT, OUTPUT, Atom, Attribution, Content, Interface, Presentation, Substrate

NAME = "design_space"
TITLE = "How the figures are made"

HIDDEN = "hidden"
ROWS = (Atom.GROUP, Atom.SPATIAL, Atom.CHANNEL, Atom.NEURON, Atom.WHOLE)
COLUMNS = (INPUT, HIDDEN, OUTPUT)
LETTERS = {Presentation.FEATURE_VIS: "F", Presentation.INFO_VIS: "I"}
ATOM_NAMES = {Atom.GROUP: "groups", Atom.SPATIAL: "places", Atom.CHANNEL: "channels", Atom.NEURON: "neurons", Atom.WHOLE: "the whole"}

# In units of the drawing: the first cell's centre, and the size of a cell.
LEFT, TOP, WIDTH, HEIGHT = 128, 46, 96, 42

Place = tuple[Atom, str]  # a cell of the grid: row and column
Kind = Place | tuple[Place, Place]  # what a diagram tells apart: activation of a cell, or attribution between two


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return nothing: this figure shows no content of the network, only how the others are made."""
    return Interface(NAME, ())


def units(atlas: Atlas, photograph: Photograph) -> dict[str, set[str]]:
    """Return no pictures."""
    return {}


# ------------------------------------------------------------------------------------------------------------ diagrams
@dataclass(frozen=True)
class Mark:
    """Activation of a substrate: `x`, `y` of its cell, and the letters of its presentations, in order."""

    x: float
    y: float
    letters: tuple[str, ...]


@dataclass(frozen=True)
class Arrow:
    """Attribution from a cell to another, or to the same cell of a later layer: an SVG path, and where its letters stand."""

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


def place(substrate: Substrate) -> Place:
    """Return the cell that a substrate lies in; hidden layers share a column."""
    return substrate.atom, substrate.layer if substrate.layer in (INPUT, OUTPUT) else HIDDEN


def kind(content: Content) -> Kind:
    """Return what a diagram keeps of a content."""
    if isinstance(content, Attribution):
        return place(content.source), place(content.target)
    return place(content.substrate)


def diagram(interfaces: Iterable[Interface]) -> Diagram:
    """Draw one figure, or several together."""
    shown: dict[Kind, dict[Presentation, None]] = {}
    layers: dict[Kind, set[tuple[str, ...]]] = {}
    for element in (element for each in interfaces for element in each.elements):
        content = element.content
        shown.setdefault(kind(content), {})[element.presentation] = None
        ends = (content.source, content.target) if isinstance(content, Attribution) else (content.substrate,)
        layers.setdefault(kind(content), set()).add(tuple(end.layer for end in ends))
    marks, arrows, sentences = [], [], []
    for what, presentations in shown.items():
        letters = tuple(letter for each, letter in LETTERS.items() if each in presentations)
        if isinstance(what[0], tuple):
            arrows.append(_arrow(what[0], what[1], letters))
        else:
            marks.append(Mark(*_centre(what), letters))
        sentences.append(_sentence(what, list(presentations), len(layers[what])))
    return Diagram(tuple(marks), tuple(arrows), tuple(sentences))


def _centre(cell: Place) -> tuple[float, float]:
    return LEFT + COLUMNS.index(cell[1]) * WIDTH, TOP + ROWS.index(cell[0]) * HEIGHT


def _arrow(source: Place, target: Place, letters: tuple[str, ...]) -> Arrow:
    (x0, y0), (x1, y1) = _centre(source), _centre(target)
    if source == target:  # from one hidden layer to a later one
        return Arrow(f"M {x0 - 5} {y0 + 6} C {x0 - 34} {y0 + 26} {x0 - 34} {y0 - 26} {x0 - 6} {y0 - 7}", x0 - 34, y0, letters)
    if x0 == x1:
        bend = x0 - 40
        return Arrow(f"M {x0 - 6} {y0} C {bend} {y0} {bend} {y1} {x1 - 8} {y1}", bend + 8, (y0 + y1) / 2, letters)
    # Arrows to the same cell come in from their own side, beside the letters of the marks.
    start, end = x0 + 32, x1 - 10
    return Arrow(f"M {start} {y0} C {start + 26} {y0} {end - 26} {y1} {end} {y1}", (start + end) / 2, (y0 + y1) / 2, letters)


def name_of(cell: Place) -> str:
    """Say a cell in words: "the classes", "channels of the hidden layers"."""
    if cell == place(CLASSES):
        return "the classes"
    atom, column = cell
    if column == INPUT:
        return "the photograph" if atom is Atom.WHOLE else f"{ATOM_NAMES[atom]} of the photograph"
    return f"{ATOM_NAMES[atom]} of {'hidden layers' if column == HIDDEN else 'the output'}"


def _sentence(what: Kind, presentations: Sequence[Presentation], count: int) -> str:
    how = " and as ".join(str(each) for each in LETTERS if each in presentations)
    if isinstance(what[0], tuple):
        text = f"attribution from {name_of(what[0])} to {name_of(what[1])}"
        both = what[0][1] == what[1][1] == HIDDEN
        where = f"{count} pairs of layers" if both else f"{count} layers"
    else:
        text, where = f"activation of {name_of(what)}", f"{count} layers"
    return f"{text}, as {how}" + (f"; {where}" if count > 1 else "")


# ---------------------------------------------------------------------------------------------------------- page, data
def _interfaces(atlas: Atlas) -> dict[str, Interface]:
    layers = [layer.name for layer in atlas.network.layers]
    return {name: figures.load(name).interface(layers, atlas.settings) for name in figures.FIGURES}


def page(atlas: Atlas) -> dict[str, Any]:
    """Return each figure's diagram, that of several together, the grid, and the words of the grammar."""
    interfaces = {name: each for name, each in _interfaces(atlas).items() if each.elements}
    return {
        "diagrams": {name: diagram([each]) for name, each in interfaces.items()},
        "together": lambda names: diagram(each for name, each in interfaces.items() if name in names),
        "rows": [(ATOM_NAMES[atom], TOP + i * HEIGHT) for i, atom in enumerate(ROWS)],
        "columns": [(column, LEFT + i * WIDTH) for i, column in enumerate(COLUMNS)],
        "cell": (WIDTH, HEIGHT),
        "size": (LEFT + len(COLUMNS) * WIDTH - WIDTH // 2 + 16, TOP + len(ROWS) * HEIGHT - HEIGHT // 2 + 2),
        "atoms": [str(atom) for atom in Atom],
        "presentations": [(letter, str(each)) for each, letter in LETTERS.items()],
        "unused": lambda names: _unused(interfaces, names),
    }


def _unused(interfaces: dict[str, Interface], names: Sequence[str]) -> list[str]:
    """Hidden layers' atoms that none of the figures uses, or uses in attribution."""
    contents = [content for name, each in interfaces.items() if name in names for content in each.contents]
    kinds = {kind(content) for content in contents}
    ends = {end for each in kinds if isinstance(each[0], tuple) for end in each}
    missing = [f"{name_of((atom, HIDDEN))}" for atom in ROWS if (atom, HIDDEN) not in kinds]
    return missing + [f"attribution to or from {name_of((atom, HIDDEN))}" for atom in ROWS if (atom, HIDDEN) not in ends]


def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return what stands behind each figure in the photograph's file: content, presentations, shape, units."""
    with atlas.image(photograph) as file:
        held = {name: (shape, units) for name, shape, _, _, units in file.describe()}
    found = {}
    for name, each in _interfaces(atlas).items():
        rows = []
        for content in each.contents:
            how = [LETTERS[element.presentation] for element in each.elements if element.content == content]
            parts = {path: facts for path, facts in held.items() if path == content.path or path.startswith(f"{content.path}/")}
            rows += [[path, list(shape), units, "".join(sorted(how))] for path, (shape, units) in parts.items()]
        found[name] = rows
    return {"figures": found}
