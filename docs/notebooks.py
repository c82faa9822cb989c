"""Runs the sources in docs/notebooks and writes them as notebooks with what they show.

`make notebooks`. Pictures are kept in the notebooks, so that they can be read without running them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent / "notebooks"
sys.path.insert(0, str(FOLDER.parents[1]))

from pipeline.website.notebooks import notebook, split  # noqa: E402


def written(source: Path) -> nbformat.NotebookNode:
    """Return a source as a notebook that has not been run."""
    text = notebook(source.stem, list(split(source.read_text(encoding="utf-8"))))
    return nbformat.reads(text, as_version=4)


def main() -> None:
    """Run all of them, or those that are named."""
    names = sys.argv[1:] or [path.stem for path in sorted(FOLDER.glob("*.py"))]
    for name in names:
        made = written(FOLDER / f"{name}.py")
        where = {"metadata": {"path": str(FOLDER)}}
        NotebookClient(made, timeout=1800, resources=where).execute()
        for cell in made.cells:
            cell.metadata.pop("execution", None)  # when it ran
            if cell.cell_type == "code":  # warnings tell of this machine, not of the notebook
                cell.outputs = [each for each in cell.outputs if each.get("name") != "stderr"]
        nbformat.write(made, FOLDER / f"{name}.ipynb")
        print(f"docs/notebooks/{name}.ipynb")


if __name__ == "__main__":
    main()
