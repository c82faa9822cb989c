"""The notebooks of an atlas that was really built: run, their assertions compare the numbers."""

from __future__ import annotations

import os
import re
from pathlib import Path

import matplotlib as mpl
import nbformat
import pytest
from nbclient import NotebookClient

from pipeline.figures import FIGURES
from tests.end_to_end.conftest import Copy, Workplace

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture
def work(built: Copy, tmp_path: Path) -> Workplace:
    return built(tmp_path)


def cells(path: Path) -> list[str]:
    found = nbformat.reads(path.read_text(), as_version=4).cells
    return [each.source for each in found if each.cell_type == "code"]


def run(path: Path) -> None:
    names: dict[str, object] = {}
    for source in cells(path):
        exec(compile(source, path.name, "exec"), names)


def test_every_notebook_finds_the_numbers_of_its_page(
    work: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = work.site / "notebooks"
    monkeypatch.chdir(folder)
    mpl.use("Agg")
    notebooks = sorted(folder.glob("*.ipynb"))
    assert len(notebooks) == len(FIGURES)
    for path in notebooks:
        run(path)


def test_a_notebook_runs_where_notebooks_run(
    work: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    path = work.site / "notebooks" / "class_comparison.ipynb"
    notebook = nbformat.reads(path.read_text(), as_version=4)
    where = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=300, resources=where).execute()
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert pictures


def test_a_number_that_is_not_the_pages_is_noticed(
    work: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: one probability on the page is changed."""
    path = work.site / "data" / "first" / "predictions.js"
    first = re.compile(r'"probability":[0-9.e-]+')
    path.write_text(first.sub('"probability":0.123', path.read_text(), count=1))
    monkeypatch.chdir(work.site / "notebooks")
    mpl.use("Agg")
    with pytest.raises(AssertionError):
        run(Path("predictions.ipynb"))
