"""Notebooks that reproduce the figures: valid, complete, and about the files that they open."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import nbformat
import pytest

from pipeline.atlas import Atlas
from pipeline.figures import FIGURES, chosen
from pipeline.website import notebooks
from pipeline.website.generate import generate
from pipeline.website.page import templates_folder
from tests import synthetic

SOURCES = templates_folder() / notebooks.FOLDER


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("notebooks") / "store")


@pytest.fixture(scope="module")
def folder(atlas: Atlas) -> Path:
    above = atlas.store.root.parent
    (above / "a.toml").write_text("title = 'A'")
    return generate(atlas, above / "site", None, above / "a.toml").output


def test_every_figure_has_one() -> None:
    assert {path.stem for path in SOURCES.glob("*.py")} == set(FIGURES)


def test_they_are_valid_and_open_what_is_there(folder: Path, atlas: Atlas) -> None:
    found = sorted((folder / "notebooks").glob("*.ipynb"))
    assert len(found) == len(list(SOURCES.glob("*.py")))
    for path in found:
        nbformat.validate(nbformat.reads(path.read_text(), as_version=4))
        code = "".join(json.loads(path.read_text())["cells"][1]["source"])
        names = {
            target.id: ast.literal_eval(node.value)
            for node in ast.parse(code).body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name) and target.id.isupper()
        }
        there = path.parent
        assert (there / names["SITE"] / "index.html").is_file()
        photograph = f"images/{names['PHOTOGRAPH']}.h5"
        assert (there / names["STORE"] / photograph).resolve() == (
            atlas.store.photograph_path(names["PHOTOGRAPH"])
        )
        assert (there / names["CONFIG"]).is_file()


def test_the_page_links_to_them(folder: Path) -> None:
    page = (folder / "index.html").read_text()
    for path in (folder / "notebooks").glob("*.ipynb"):
        assert f'href="notebooks/{path.name}?' in page


def test_without_a_configuration_there_are_none(atlas: Atlas, tmp_path: Path) -> None:
    output = generate(atlas, tmp_path / "site", ["predictions"]).output
    assert not (output / "notebooks").exists()
    assert "notebooks/" not in (output / "index.html").read_text()


def test_data_are_published_where_the_configuration_asks(atlas: Atlas, tmp_path: Path) -> None:
    site = atlas.settings.site.model_copy(update={"data": True})
    config = tmp_path / "mine.toml"
    config.write_text("title = 'Mine'")
    published = Atlas(
        **{**vars(atlas), "settings": atlas.settings.model_copy(update={"site": site})}
    )
    output = generate(published, tmp_path / "site", ["predictions"], config).output
    for photograph in atlas.photographs:
        for kind in ("images", "trust/photographs"):
            stored = atlas.store.root / kind / f"{photograph.name}.h5"
            if kind == "images" or stored.is_file():
                assert (output / "store" / kind / stored.name).read_bytes() == stored.read_bytes()
    assert (output / "store" / "mine.toml").read_text() == "title = 'Mine'"
    notebook = (output / "notebooks" / "predictions.ipynb").read_text()
    assert "'../store/mine.toml'" in notebook


def test_cells_are_told_apart() -> None:
    source = "# %% [markdown]\n# One *text*,\n#\n# two lines\n\n# %%\nx = 1\n\n\ny = 2\n# %%\n"
    assert list(notebooks.split(source)) == [
        ("markdown", "One *text*,\n\ntwo lines"),
        ("code", "x = 1\n\n\ny = 2"),
    ]


def test_only_figures_that_are_shown_have_one(atlas: Atlas) -> None:
    paths = notebooks.Paths("a", "b", "c")
    made = dict(notebooks.notebooks(atlas, chosen(["predictions"]), templates_folder(), paths))
    assert list(made) == ["notebooks/predictions.ipynb"]
