"""The notebooks in docs/notebooks are their sources, run; and short, as their readers hope."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from pipeline.website.notebooks import split

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "notebooks"
SOURCES = sorted(FOLDER.glob("*.py"))
LONGEST = 10  # lines that a reader has to write


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_notebook_is_its_source_with_what_it_shows(source: Path) -> None:
    cells = list(split(source.read_text()))
    notebook = nbformat.reads(source.with_suffix(".ipynb").read_text(), as_version=4)
    nbformat.validate(notebook)
    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == cells
    outputs = [each for cell in notebook.cells for each in cell.get("outputs", [])]
    assert not [each for each in outputs if each.output_type == "error"]
    assert not [each for each in outputs if each.get("name") == "stderr"]
    assert any(set(each.get("data", {})) & {"text/html", "image/png"} for each in outputs)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_notebook_takes_few_lines(source: Path) -> None:
    code = [text for kind, text in split(source.read_text()) if kind == "code"]
    lines = [line for text in code for line in text.splitlines()]
    written = [line for line in lines if line and not line.startswith(("import", "from"))]
    assert len(written) <= LONGEST


def test_all_five_of_the_article_are_there() -> None:
    names = {path.stem for path in SOURCES}
    attribution = {"spatial_attribution", "channel_attribution"}
    assert names == {"semantic_dictionary", "activation_grid", "neuron_groups"} | attribution
