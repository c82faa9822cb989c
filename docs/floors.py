"""Draw the floors of the package, docs/floors.svg, from its imports: `make floors`.

The floors are those of the import contract in pyproject.toml. An arrow is an import of one room by
another; arrows that follow from two others are left out. A dot marks the rooms that import torch.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "floors.svg"
PACKAGE = "pipeline"

# In units of the drawing.
WIDTH, FLOOR, BOX, MARGIN = 980, 62, 32, 16
LETTER = 7.4  # width of a letter of the rooms' names

Edges = Mapping[str, set[str]]  # room → rooms that it imports

STYLE = """
  text { font: 13px ui-monospace, Menlo, Consolas, monospace; fill: #222 }
  .floor { fill: #f4f4f2 } .room { fill: #fff; stroke: #777 } .dot { fill: #c2512b }
  .import { fill: none; stroke: #4a7fb0; stroke-opacity: .55; stroke-width: 1.2 }
  .legend { font: 12px system-ui, sans-serif; fill: #555 }
  @media (prefers-color-scheme: dark) {
    text { fill: #eee } .floor { fill: #24262a } .room { fill: #16181b; stroke: #999 }
    .import { stroke: #8fbbe4 } .legend { fill: #bbb }
  }
"""


def floors() -> list[list[str]]:
    """Return the rooms of each floor, the uppermost first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    contract = next(each for each in settings["contracts"] if each["id"] == "floors")
    return [re.split(r"\s*[|:]\s*", layer) for layer in contract["layers"]]


def imports(rooms: Iterable[str]) -> Edges:
    """Return what the rooms import of one another; imports for type checkers alone do not count."""
    sys.path.insert(0, str(ROOT))  # the package beside this file, whichever is installed
    graph = grimp.build_graph(PACKAGE, exclude_type_checking_imports=True)
    names = set(rooms)
    found: dict[str, set[str]] = {room: set() for room in names}
    for module in graph.modules:
        importer = _room(module)
        if importer in names:
            imported = {_room(each) for each in graph.find_modules_directly_imported_by(module)}
            found[importer] |= imported & names - {importer}
    return found


def _room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def reduced(edges: Edges) -> Edges:
    """Leave out what follows: a → c where a → b and b → … → c."""

    def reach(room: str) -> set[str]:
        return edges[room].union(*(reach(each) for each in edges[room]), set())

    return {
        room: {
            each
            for each in imported
            if not any(each in reach(other) for other in imported - {each})
        }
        for room, imported in edges.items()
    }


def computes(room: str) -> bool:
    """Whether a room imports torch, at whatever time."""
    folder = ROOT / PACKAGE / room
    files = [*folder.rglob("*.py")] if folder.is_dir() else [folder.with_suffix(".py")]
    return any(_imports_torch(ast.parse(path.read_text())) for path in files)


def _imports_torch(tree: ast.Module) -> bool:
    typing = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing:
            continue
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        if any(name.split(".")[0] == "torch" for name in names):
            return True
    return False


def draw(shown: Sequence[Sequence[str]], edges: Edges) -> str:
    """Return the picture as SVG."""
    boxes: dict[str, tuple[float, float, float]] = {}  # room → left, top, width
    for row, rooms in enumerate(shown):
        for i, room in enumerate(rooms):
            width = len(room) * LETTER + 36
            centre = MARGIN + (i + 0.5) * (WIDTH - 2 * MARGIN) / len(rooms)
            boxes[room] = centre - width / 2, MARGIN + row * FLOOR + (FLOOR - 10 - BOX) / 2, width
    height = 2 * MARGIN + len(shown) * FLOOR + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'role="img" aria-labelledby="title">',
        "<title id='title'>The rooms of the package on their floors, and their imports</title>",
        f"<style>{STYLE}</style>",
    ]
    for row in range(len(shown)):
        top = MARGIN + row * FLOOR
        parts.append(
            f'<rect class="floor" x="{MARGIN}" y="{top}" width="{WIDTH - 2 * MARGIN}" '
            f'height="{FLOOR - 10}" rx="6"/>'
        )
    for room in sorted(edges):
        parts += [_arrow(boxes[room], boxes[other]) for other in sorted(edges[room])]
    parts += [_box(room, *boxes[room]) for room in boxes]
    legend = "An arrow is an import (what follows from two others is left out); ● imports torch."
    parts.append(f'<text class="legend" x="{MARGIN}" y="{height - 14}">{legend}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _arrow(start: tuple[float, float, float], end: tuple[float, float, float]) -> str:
    x0, y0 = start[0] + start[2] / 2, start[1] + BOX
    x1, y1 = end[0] + end[2] / 2, end[1]
    bend = (y1 - y0) / 2
    return (
        f'<path class="import" d="M{x0:.0f} {y0:.0f}C{x0:.0f} {y0 + bend:.0f} '
        f'{x1:.0f} {y1 - bend:.0f} {x1:.0f} {y1:.0f}"/>'
    )


def _box(room: str, left: float, top: float, width: float) -> str:
    centre, middle = left + width / 2, top + BOX / 2
    dot = ""
    if computes(room):
        dot = f'<circle class="dot" cx="{left + 12:.0f}" cy="{middle:.0f}" r="3.5"/>'
        centre += 6
    return (
        f'<rect class="room" x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{BOX}" '
        f'rx="4"/>{dot}<text text-anchor="middle" x="{centre:.0f}" y="{middle + 4.5:.0f}">'
        f"{escape(room)}</text>"
    )


def picture() -> str:
    """Return the picture of the package as it is now."""
    shown = floors()
    return draw(shown, reduced(imports(room for rooms in shown for room in rooms)))


if __name__ == "__main__":
    PICTURE.write_text(picture())
    sys.stdout.write(f"{PICTURE.relative_to(ROOT)} written\n")
