"""What an atlas states of itself, and the same atlas made from that."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import build as builder
from pipeline.config import read
from pipeline.errors import AtlasError
from pipeline.fingerprints import fingerprint_of_file
from pipeline.progress import Reporter
from pipeline.survey import Options
from pipeline.upkeep import is_statement, restore
from tests.end_to_end.conftest import Copy, Workplace
from tests.files import contents, without_runs

OPTIONS = Options(output=Path("site"), root=Path("build"))
LONG = {"file": "x" * 300, "fingerprint": "12"}


@pytest.fixture
def work(built: Copy, tmp_path: Path) -> Workplace:
    return built(tmp_path / "original")


@pytest.fixture
def elsewhere(work: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """Another folder, with what the atlas was made from and the published site, and no more."""
    other = Workplace(tmp_path / "elsewhere")
    for name in ("my_models.py", "photos", "site"):
        copy = shutil.copytree if (work.folder / name).is_dir() else shutil.copy
        other.folder.mkdir(exist_ok=True)
        copy(work.folder / name, other.folder / ("published" if name == "site" else name))
    monkeypatch.chdir(other.folder)
    return other


def stated(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "made.json").read_text()))


def test_it_tells_what_the_atlas_was_made_from(work: Workplace) -> None:
    said = stated(work.site)
    assert said["configuration"]["features"] == {"size": 32, "steps": 4}
    assert said["settings"]["features"]["seed"] == 0
    assert said["files"] == {"my_models.py": fingerprint_of_file(work.folder / "my_models.py")}
    photograph = work.folder / "photos" / "first.png"
    assert said["photographs"]["first"] == {
        "file": "photos/first.png",
        "fingerprint": fingerprint_of_file(photograph),
    }
    run = said["run"]
    assert run["packages"]["torch"]
    assert run["machine"]["cores"] >= 1
    assert run["phases"]["photographs"]["computed"] == 2
    assert run["phases"]["photographs"]["seconds"] > 0
    assert 'href="made.json?' in (work.site / "index.html").read_text()


def test_store_and_site_state_the_same(work: Workplace) -> None:
    site, store = stated(work.site), stated(work.store)
    assert (work.site / site.pop("folder")).resolve() == work.folder
    assert (work.store / store.pop("folder")).resolve() == work.folder
    assert site == store


def test_what_was_computed_adds_up_and_stays(work: Workplace) -> None:
    before = stated(work.store)["run"]["phases"]
    work.edit("Small", "Other")
    work.build()
    assert stated(work.store)["run"]["phases"] == before
    assert stated(work.site)["settings"]["title"] == "Other"
    work.photograph("third", 3)
    work.build()
    after = stated(work.store)["run"]["phases"]["photographs"]
    assert after["computed"] == 3
    assert after["seconds"] >= before["photographs"]["seconds"]


def test_the_same_atlas_is_made_from_it(work: Workplace, elsewhere: Workplace) -> None:
    config, options = restore(Path("published"), OPTIONS, Reporter(-1))
    assert config == read(Path("atlas.toml"))
    assert config.settings == read(work.config).settings
    builder.build(config, options, Reporter(-1))
    for site in (work.site, elsewhere.site):
        assert stated(site)["run"]["phases"]["photographs"]["computed"] == 2
    first, second = without_runs(contents(work.site)), without_runs(contents(elsewhere.site))
    assert first.keys() == second.keys()
    assert [path for path in first if first[path] != second[path]] == []


def test_some_figures_stay_some(work: Workplace, elsewhere: Workplace) -> None:
    work.regenerate(figures=("predictions",))
    _, options = restore(work.site, OPTIONS, Reporter(-1))
    assert options.figures == ("predictions",)


def test_beside_its_own_configuration_nothing_is_written_or_computed(
    work: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(work.folder)
    before = contents(work.folder)
    for path in (Path("site"), Path("build/atlas"), Path("site/made.json")):
        assert is_statement(path)
        config, options = restore(path, OPTIONS, Reporter(-1))
        reporter = Reporter(-1)
        builder.build(config, options, reporter)
        assert not any(phase.computed for phase in reporter.phases)
    after = contents(work.folder)
    assert {path for path in after if after[path] != before.get(path)} <= {
        path for path in after if "__pycache__" in path or path.endswith(".lock")
    }


def rewrite(work: Workplace, change: Callable[[dict[str, Any]], object]) -> None:
    said = stated(Path("published"))
    change(said)
    (work.folder / "published" / "made.json").write_text(json.dumps(said))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda work: (work.folder / "photos/first.png").unlink(),
            r"photos/first.png: is not there; published/made.json names it \(fingerprint \w{12}…\)",
        ),
        (
            lambda work: work.photograph("second", 9),
            r"photos/second.png: is not the one of published/made.json \(fingerprint \w{12}…, not",
        ),
        (
            lambda work: work.photograph("third", 3),
            "photos/third.png: is no photograph of published/made.json; move it",
        ),
        (
            lambda work: (work.folder / "my_models.py").unlink(),
            "my_models.py: is not there; .*run the command in the folder that has it",
        ),
        (
            lambda work: (work.folder / "my_models.py").write_text("raise SystemExit"),
            r"my_models.py: is not the one of published/made.json \(SHA-256 \w{12}…, not \w{12}…",
        ),
        (
            lambda work: rewrite(work, lambda said: said.update(weights="0" * 64)),
            r"the network my_models.py:build: is another one than in published/made.json",
        ),
        (
            lambda work: (work.folder / "atlas.toml").write_text(
                (work.folder / "../original/atlas.toml").read_text().replace("Small", "Large")
            ),
            r'atlas.toml: is not that of published/made.json \(title: "Small" → "Large"\); rename',
        ),
        (
            lambda work: rewrite(work, lambda said: said.update(files={})),
            "my_models.py: is not among the files of published/made.json; move it to another fold",
        ),
        (
            lambda work: rewrite(work, lambda said: said.update(folder="/etc")),
            "published/made.json: \"folder\": '/etc' is no relative path; write it as seen from",
        ),
        (
            lambda work: rewrite(work, lambda said: said.update(name="x" * 300 + ".toml")),
            r"x.toml: cannot be looked up \(File name too long\)",
        ),
        (
            lambda work: rewrite(work, lambda said: said["photographs"].update(long=LONG)),
            r"x: is not there; published/made.json names it \(fingerprint 12",
        ),
        (
            lambda work: rewrite(work, lambda said: said["files"].update({"y" * 300: "12"})),
            r"y: is not there; published/made.json names it \(SHA-256 12",
        ),
        (
            lambda work: rewrite(work, lambda said: said["configuration"].update(colour="red")),
            'published/made.json: unknown key "colour"',
        ),
        (
            lambda work: rewrite(work, lambda said: said.update(name="../../x.toml")),
            r"\"name\": '../../x.toml' is no name of a configuration file",
        ),
        (
            lambda work: rewrite(work, lambda said: said.pop("weights")),
            r"published/made.json: is no statement of an atlas; another version",
        ),
    ],
)
def test_what_is_missing_or_different_is_named(
    elsewhere: Workplace, change: Callable[[Workplace], object], message: str
) -> None:
    change(elsewhere)
    with pytest.raises(AtlasError, match=message):
        restore(Path("published"), OPTIONS, Reporter(-1))
    assert not (elsewhere.folder / "build").exists()
    left = [path.name for path in elsewhere.folder.glob("*.toml")]
    assert left in ([], ["atlas.toml"] if "Large" in message else [])


def test_no_code_is_run_before_the_photographs_are_compared(elsewhere: Workplace) -> None:
    """Neither that of a file with the right fingerprint: its photographs are other ones."""
    (elsewhere.folder / "my_models.py").write_text("raise SystemExit")
    digest = fingerprint_of_file(elsewhere.folder / "my_models.py")
    rewrite(elsewhere, lambda said: said.update(files={"my_models.py": digest}))
    elsewhere.photograph("second", 9)
    with pytest.raises(AtlasError, match=r"photos/second.png: is not the one of"):
        restore(Path("published"), OPTIONS, Reporter(-1))


def test_a_key_written_at_its_default_means_the_same(work: Workplace, elsewhere: Workplace) -> None:
    elsewhere.config.write_text(work.config.read_text() + "seed = 0\n")
    config, _ = restore(Path("published"), OPTIONS, Reporter(-1))
    assert config.settings.features.seed == 0


def test_a_dry_run_writes_nothing(elsewhere: Workplace) -> None:
    before = contents(elsewhere.folder)
    config, _ = restore(Path("published"), OPTIONS, Reporter(-1), write=False)
    after = contents(elsewhere.folder)
    assert config.path == Path("atlas.toml")
    assert {path for path in after.keys() - before.keys() if "__pycache__" not in path} == set()


def test_what_can_be_no_file_is_no_statement() -> None:
    assert not is_statement(Path("x" * 300))
    assert not is_statement(Path("x" * 300 + ".json"))


def test_other_versions_are_told(elsewhere: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(elsewhere, lambda said: said["run"]["packages"].update(numpy="0.1"))
    restore(Path("published"), OPTIONS, Reporter())
    assert 'published/made.json: numpy: "0.1" → ' in capsys.readouterr().err
