"""The site's folder: whole or untouched, ours or refused, and what its owner adds survives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.atlas import Atlas
from pipeline.errors import AtlasError
from pipeline.figures import semantic_dictionary
from pipeline.website.generate import generate, is_current
from pipeline.website.output import Site, replacing
from tests import synthetic
from tests.files import contents


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("output") / "store")


FIGURES = ["predictions", "semantic_dictionary"]  # few, for speed


def written(output: Path, *names: str) -> None:
    """Write a site of a few files, much quicker than a real one."""
    with replacing(output) as folder:
        site = Site(folder, "build")
        for name in names:
            site.write(name, name)
        site.write_manifest("title", "network")


def failing(error: type[BaseException]) -> Callable[..., dict[str, object]]:
    def bake(*arguments: object) -> dict[str, object]:
        raise error

    return bake


def test_a_failed_run_leaves_the_previous_site_as_it_was(
    atlas: Atlas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "site"
    generate(atlas, output, FIGURES)
    before = contents(output)
    monkeypatch.setattr(semantic_dictionary, "bake", failing(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        generate(atlas, output, FIGURES)
    assert contents(output) == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_run_cut_off_between_the_renames_is_mended_by_the_next(
    atlas: Atlas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "site"
    generate(atlas, output, FIGURES)
    (output / "CNAME").write_text("example.org")
    before = contents(output)
    output.rename(tmp_path / ".site.previous")
    monkeypatch.setattr(semantic_dictionary, "bake", failing(ZeroDivisionError))
    with pytest.raises(ZeroDivisionError):
        generate(atlas, output, FIGURES)
    assert contents(output) == before
    monkeypatch.undo()
    generate(atlas, output, FIGURES)
    assert (output / "CNAME").read_text() == "example.org"


def test_a_run_cut_off_after_the_renames_loses_nothing_of_the_owners(tmp_path: Path) -> None:
    output, previous = tmp_path / "site", tmp_path / ".site.previous"
    written(output, "index.html", "old.js")
    (output / ".git").mkdir()
    (output / ".git" / "HEAD").write_text("ref")
    output.rename(previous)
    written(tmp_path / "elsewhere", "index.html", "new.js")
    (tmp_path / "elsewhere").rename(output)
    written(output, "index.html", "newer.js")
    assert set(contents(output)) == {".git/HEAD", "atlas.json", "index.html", "newer.js"}
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_removal_that_was_cut_off_is_finished(tmp_path: Path) -> None:
    output, previous = tmp_path / "site", tmp_path / ".site.previous"
    written(output, "index.html", "old.js")
    output.rename(previous)
    (previous / "atlas.json").unlink()
    written(tmp_path / "elsewhere", "index.html", "new.js")
    (tmp_path / "elsewhere").rename(output)
    written(output, "index.html", "newer.js")
    assert set(contents(output)) == {"atlas.json", "index.html", "newer.js"}
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_folder_of_someone_elses_is_left_alone(atlas: Atlas, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "thesis.tex").write_text("years of work")
    with pytest.raises(AtlasError, match="left alone"):
        generate(atlas, tmp_path / "site")
    assert contents(tmp_path / "site") == {"thesis.tex": b"years of work"}
    with pytest.raises(AtlasError, match="is a file"):
        generate(atlas, tmp_path / "site" / "thesis.tex")


def test_what_an_owner_adds_to_a_site_survives(atlas: Atlas, tmp_path: Path) -> None:
    output = tmp_path / "site"
    generate(atlas, output, FIGURES)
    (output / "CNAME").write_text("example.org")
    (output / ".git" / "refs").mkdir(parents=True)
    (output / ".git" / "HEAD").write_text("ref")
    (output / "data" / "notes.txt").write_text("mine")
    (output / "data" / "coffee" / "predictions.js").write_text("changed")
    generate(atlas, output, ["predictions"])
    assert (output / "CNAME").read_text() == "example.org"
    assert (output / ".git" / "refs").is_dir()
    assert (output / "data" / "notes.txt").read_text() == "mine"
    assert "changed" not in (output / "data" / "coffee" / "predictions.js").read_text()
    assert not (output / "data" / "coffee" / "semantic_dictionary.js").exists()


def test_a_current_site_is_recognised(atlas: Atlas, tmp_path: Path) -> None:
    output = tmp_path / "site"
    assert not is_current(atlas, output, FIGURES)
    generate(atlas, output, FIGURES)
    assert is_current(atlas, output, FIGURES)
    assert not is_current(atlas, output)
    assert not is_current(atlas, output, ["predictions"])
    (output / "data" / "site.js").unlink()
    assert not is_current(atlas, output, FIGURES)
