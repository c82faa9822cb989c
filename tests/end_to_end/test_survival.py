"""What a build survives: bad photographs and units, flipped bytes, other builds, leftovers, and
folders and disks that take no file."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipeline.errors import AtlasError
from pipeline.locks import lock
from pipeline.phases import FEATURE_VISUALIZATIONS, PHASES
from pipeline.store import DamagedFile, File
from pipeline.units import Unit
from pipeline.website.output import damaged_files
from tests.end_to_end.conftest import Copy, Workplace
from tests.end_to_end.test_command_line import environment, interrupted, run
from tests.files import contents, without_runs

FIGURES = ("predictions", "semantic_dictionary")  # few, for speed
FEW = '[site]\nfigures = ["predictions", "semantic_dictionary"]\n'
PICKY = """
from torch import nn
from tests.unit.networks import Plain, network

class Picky(Plain):
    def forward(self, x):
        if x.shape[0] == 1 and float(x.mean()) > 0.99:
            raise RuntimeError("too bright for me")
        return super().forward(x)

def build():
    return network(Picky())
"""


# ----------------------------------------------------------------- one bad photograph, one bad unit
def test_an_unreadable_photograph_stops_no_other(workplace: Workplace) -> None:
    bad = workplace.folder / "photos" / "bad.png"
    bad.write_text("no picture")
    for _ in range(2):
        with pytest.raises(AtlasError, match=r"bad.png: not a picture(.|\n)*the same command"):
            workplace.build(figures=FIGURES)
        assert {path.stem for path in (workplace.store / "images").iterdir()} == {"first", "second"}
        assert not (workplace.site / "data" / "bad").exists()
        counts = workplace.build(figures=FIGURES, skip_bad_images=True)
        assert counts["photographs"] == (0, 2)
    workplace.regenerate(figures=FIGURES)
    workplace.photograph("bad", 3)
    assert workplace.build(figures=FIGURES)["photographs"] == (1, 2)
    assert (workplace.site / "data" / "bad").is_dir()


def test_a_photograph_that_the_network_fails_on_stops_no_other(workplace: Workplace) -> None:
    (workplace.folder / "my_models.py").write_text(PICKY)
    white = workplace.folder / "photos" / "white.png"
    Image.new("RGB", (64, 64), "white").save(white)
    message = r"photographs, white: RuntimeError: too bright for me"
    with pytest.raises(AtlasError, match=message):
        workplace.build(figures=FIGURES)
    page = (workplace.site / "index.html").read_text()
    assert "second" in page
    assert "Left out, since they could not be computed: <bdi>white</bdi>" in page
    before = workplace.stored()
    assert {path.stem for path in before} >= {"first", "second"}
    with pytest.raises(AtlasError, match=message):
        workplace.build(figures=FIGURES)
    assert before == workplace.stored()
    workplace.regenerate(figures=FIGURES)
    workplace.photograph("white", 4)
    assert workplace.build(figures=FIGURES)["photographs"] == (1, 2)


def test_nothing_is_left_without_photographs(workplace: Workplace) -> None:
    (workplace.folder / "my_models.py").write_text(PICKY)
    for path in (workplace.folder / "photos").iterdir():
        Image.new("RGB", (64, 64), "white").save(path)
    with pytest.raises(AtlasError, match=r"first: RuntimeError(.|\n)*second: RuntimeError"):
        workplace.build(figures=FIGURES)
    assert not workplace.site.exists()


def test_a_unit_that_fails_stops_no_other(workplace: Workplace) -> None:
    def compute(job: Any) -> Any:
        if job.layer == "late" and Unit.channel(3) in job.units:
            raise ValueError("not this one")
        return FEATURE_VISUALIZATIONS.compute(job)

    failing = replace(FEATURE_VISUALIZATIONS, compute=compute)
    phases = tuple(failing if each is FEATURE_VISUALIZATIONS else each for each in PHASES)
    workplace.write(more='channels = "all"\n')
    with pytest.raises(AtlasError, match="feature visualizations, late, channel:3: ValueError"):
        workplace.build(phases, figures=FIGURES)
    assert (workplace.site / "index.html").exists()
    assert workplace.build(figures=FIGURES)["feature visualizations"][0] == 1


# ------------------------------------------------------------------------------------ flipped bytes
def flip(path: Path, share: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(len(data) * share)] ^= 16
    path.write_bytes(bytes(data))


def test_flipped_bytes_are_found_and_computed_again(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    (work.store / "images" / "first.h5").unlink()  # which names the folder that it was made in
    work.build()
    files, site = work.stored(), without_runs(contents(work.site))
    layer = sorted((work.store / "visualizations" / "late").glob("*.h5"))[0]
    for number, path in enumerate(
        (work.store / "images" / "first.h5", work.store / "grids" / "second" / "late.h5", layer)
    ):
        flip(path, 0.3 + 0.2 * number)
    flip(work.store / "network.h5", 0.5)
    next(work.site.glob("data/first/*.js")).unlink()  # so that the site is made again
    with pytest.raises(AtlasError, match=r"first\.h5: damaged(.|\n)*building-blocks site"):
        work.verify()
    work.build()
    assert work.stored() == files
    assert without_runs(contents(work.site)) == site
    work.verify()


def test_a_site_alone_is_not_made_of_damaged_files(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    flip(work.store / "images" / "first.h5", 0.5)
    with pytest.raises(DamagedFile, match=r'first\.h5: damaged.*"building-blocks build'):
        work.regenerate()


def test_a_flipped_byte_of_the_site_is_found(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    assert list(damaged_files(work.site)) == []
    path = next(work.site.glob("data/first/*.js"))
    flip(path, 0.5)
    assert list(damaged_files(work.site)) == [(path, "damaged")]
    with pytest.raises(AtlasError, match=f'{path.name}: damaged; "building-blocks site'):
        work.verify()
    work.regenerate()
    work.verify()


# ----------------------------------------------------------------------------------- beside others
def test_a_second_build_in_a_folder_is_refused(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    before = contents(work.folder)
    with lock(work.store), pytest.raises(AtlasError, match="build/atlas: another build is writing"):
        work.build()
    assert contents(work.folder) == before
    assert {computed for computed, _ in work.build().values()} == {0}


def test_what_a_killed_build_left_is_removed(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    before = set(work.folder.rglob("*"))
    (work.store / "images" / ".first-x1.part").write_bytes(b"half")
    (work.folder / ".site-x1.part" / "data").mkdir(parents=True)
    (work.folder / ".site-x1.part" / "data" / "site.js").write_text("half")
    work.build()
    assert set(work.folder.rglob("*")) == before


def test_a_site_that_was_being_exchanged_is_back(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    before = contents(work.site)
    work.site.rename(work.folder / ".site.previous")
    work.build()
    assert contents(work.site) == before
    assert not (work.folder / ".site.previous").exists()


# ---------------------------------------------------------------------- disks that take no file
def test_a_folder_in_place_of_a_file(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    path = work.store / "images" / "first.h5"
    path.unlink()
    path.mkdir()
    with pytest.raises(AtlasError, match=r"first\.h5: a folder is where a file should be"):
        work.build()
    path.rmdir()
    assert work.build()["photographs"] == (1, 1)


@pytest.mark.parametrize("option", ["--store", "--output"])
def test_a_folder_that_takes_no_file(workplace: Workplace, option: str) -> None:
    workplace.write(more=FEW)
    file = workplace.folder / "a file"
    file.write_text("")
    done = run(workplace.folder, "build", "atlas.toml", option, str(file / "deeper"))
    assert done.returncode == 1
    assert f"{file}" in done.stderr
    assert "cannot write here" in done.stderr
    assert f"with {option}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_disk_that_is_full(workplace: Workplace) -> None:
    """A limit for the size of a file stands for the disk: writing fails in the same way."""
    workplace.write(more=FEW)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))

    command = [sys.executable, "-m", "pipeline", "build", "atlas.toml"]
    done = subprocess.run(
        command,
        cwd=workplace.folder,
        env=environment(),
        capture_output=True,
        text=True,
        preexec_fn=limit,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "images/first.h5: could not be written (File too large); it needs" in done.stderr
    assert "bytes" in done.stderr
    assert "are free on its disk" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(workplace.folder.rglob("*.part"))
    assert not list((workplace.store / "images").iterdir())
    with File(workplace.store / "network.h5") as file:  # it had room
        assert file.kind == "network"


# ---------------------------------------------------------------------------------- looking ahead
def dry_run(work: Workplace, *more: str) -> str:
    done = run(work.folder, "build", "atlas.toml", "--dry-run", *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_dry_run_names_what_changed_and_computes_nothing(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    work.write(steps=7)
    work.photograph("second", 9)
    work.photograph("third", 10)
    before = contents(work.folder)
    text = dry_run(work)
    assert contents(work.folder) == before
    for line in (
        "  photograph second: changed",
        "  photograph third: new",
        "  features.steps: 4 → 7",
    ):
        assert f"{line}\n" in text
    assert "weights" not in text
    assert "photographs: 2 to compute, about " in text
    assert "feature visualizations: at least " in text
    assert "This would take more than " in text


def test_a_dry_run_of_what_is_built(built: Copy, tmp_path: Path) -> None:
    text = dry_run(built(tmp_path))
    assert "Nothing would be computed." in text
    assert "Changed" not in text


def test_cleaning_removes_what_is_not_needed_and_nothing_else(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    needed = work.stored()
    work.clean()
    assert work.stored() == needed
    work.photograph("third", 3)
    work.write(steps=5)
    work.build()
    (work.store / "mine.h5").write_bytes(b"of another program")
    (work.folder / "photos" / "third.png").unlink()
    work.write()
    grown = work.stored()
    work.clean(pretend=True)
    assert work.stored() == grown
    work.clean()
    cleaned = work.stored()
    assert set(grown) - set(cleaned)
    assert cleaned.pop(work.store / "mine.h5")
    # A file that depends on all photographs had taken the place of the one that is needed again.
    assert {path.parts[-3] for path in set(needed) - set(cleaned)} <= {"trust"}
    assert cleaned.items() <= needed.items()
    assert not (work.store / "grids" / "third").exists()
    counts = work.build()
    assert counts["photographs"] == (0, 2)
    assert counts["feature visualizations"][0] == counts["activation grids"][0] == 0


def test_a_mistaken_configuration_cleans_nothing(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    before = work.stored()
    work.edit("photos/*.png", "absent/*.png")
    with pytest.raises(AtlasError, match="no file matches"):
        work.clean()
    assert work.stored() == before


def test_verifying_names_what_there_is_not(workplace: Workplace) -> None:
    with pytest.raises(AtlasError, match='nothing here to verify; "building-blocks build'):
        workplace.verify()


def test_workers_end_with_an_interruption(workplace: Workplace) -> None:
    """Their jobs would take minutes."""
    workplace.write(steps=10_000, more=FEW)
    interrupted(workplace, signal.SIGTERM, 143, "--workers", "2")
