"""A build of what has been built before: it computes what is missing, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline.arrays import Array
from pipeline.errors import AtlasError
from pipeline.executor import InProcess
from pipeline.phases import FEATURE_VISUALIZATIONS, PHASES, PHOTOGRAPHS
from pipeline.phases import feature_visualizations as visualizations
from pipeline.store import File
from pipeline.website import scripts
from tests.end_to_end.conftest import Copy, Workplace


def site_files(work: Workplace) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in work.site.rglob("*") if path.is_file()}


def computing(counts: dict[str, tuple[int, int]]) -> set[str]:
    """The phases that computed something."""
    return {name for name, (computed, _) in counts.items() if computed}


# --------------------------------------------------------------------------------- what is changed
def test_a_second_build_computes_nothing(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    before = work.stored()
    counts = work.build()
    assert {computed for computed, _ in counts.values()} == {0}
    assert counts["photographs"] == (0, 2)
    assert before == work.stored()


def test_a_changed_photograph_is_computed_alone(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    kept = (work.store / "images" / "first.h5").read_bytes()
    work.photograph("second", 5)
    counts = work.build()
    assert counts["photographs"] == (1, 1)
    assert counts["site"] == (1, 0)
    assert (work.store / "images" / "first.h5").read_bytes() == kept


def test_an_added_photograph_is_computed_alone(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    work.photograph("third", 3)
    assert work.build()["photographs"] == (1, 2)


def test_other_steps_render_but_compute_no_attribution(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    work.write(steps=5)
    counts = work.build()
    assert counts["photographs"] == (0, 2)
    computed, reused = counts["feature visualizations"]
    assert computed > 0
    assert reused == 0


def test_the_photographs_own_spectrum_follows_the_photographs(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    for spectrum in ("bundled", "photographs"):
        kept = work.config.read_text().partition("recipe")[0]
        work.config.write_text(f'{kept}recipe = "maco"\nspectrum = "{spectrum}"\n')
        assert work.build()["feature visualizations"][1] == 0
        work.photograph("second", 5 if spectrum == "bundled" else 6)
        reused = work.build()["feature visualizations"][1]
        assert bool(reused) == (spectrum == "bundled")


def test_another_title_only_generates_the_site(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    work.edit("Small", "Other")
    assert computing(work.build()) == {"site"}


def test_other_names_reach_the_site_and_compute_nothing(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    work.edit("[model]", '[model]\ntitle = "Renamed"')
    assert computing(work.build()) == {"site"}
    assert "Renamed" in (work.site / "index.html").read_text()


def test_changed_weights_compute_everything(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    code = tmp_path / "my_models.py"
    code.write_text(code.read_text().replace("Plain()", "Plain(), seed=1"))
    counts = work.build()
    assert counts["photographs"] == (2, 0)
    assert counts["feature visualizations"][1] == 0


# -------------------------------------------------------------------------- figures that are chosen
def contents_of(work: Workplace, name: str = "first") -> dict[str, tuple[str, Array]]:
    """Dataset → the fingerprint of its content, and its values."""
    path = work.store / "images" / f"{name}.h5"
    with h5py.File(path, "r") as raw, File(path) as file:
        return {
            dataset: (str(raw[dataset].attrs["fingerprint"]), file.array(dataset))
            for dataset in file.names()
        }


def same(first: tuple[str, Array], second: tuple[str, Array]) -> bool:
    (fingerprint, array), (other_fingerprint, other) = first, second
    values = np.array_equal(array.values, other.values)
    return fingerprint == other_fingerprint and array.dims == other.dims and values


@pytest.mark.parametrize("chosen", [("predictions",), ("class_comparison", "activation_grids")])
def test_a_site_of_some_figures_needs_no_build(
    built: Copy, tmp_path: Path, chosen: tuple[str, ...]
) -> None:
    work = built(tmp_path)
    before = work.stored()
    work.regenerate(figures=chosen)
    page = (work.site / "index.html").read_text()
    assert all(f"<atlas-{name.replace('_', '-')}" in page for name in chosen)
    assert "<atlas-group-flow" not in page
    assert before == work.stored()


@pytest.mark.parametrize("chosen", [("predictions",), ("class_comparison", "activation_grids")])
def test_a_build_of_some_figures_computes_nothing(
    built: Copy, tmp_path: Path, chosen: tuple[str, ...]
) -> None:
    work = built(tmp_path)
    before = work.stored()
    assert computing(work.build(figures=chosen)) == {"site"}
    assert before == work.stored()
    assert computing(work.build()) == {"site"}
    assert before == work.stored()


def test_a_new_figure_computes_what_its_photographs_lack(workplace: Workplace) -> None:
    workplace.build(figures=("predictions",))
    before = contents_of(workplace)
    assert set(before) == {"input", "logits"}
    asked: list[str] = []

    def compute(job: object) -> object:
        asked.extend(content.path for content in job.contents)  # type: ignore[attr-defined]
        return PHOTOGRAPHS.compute(job)

    observed = replace(PHOTOGRAPHS, compute=compute)
    watched = tuple(observed if phase is PHOTOGRAPHS else phase for phase in PHASES)
    workplace.build(watched, figures=("predictions", "class_comparison"))
    after = contents_of(workplace)
    # What sums of shares lack is kept with them, and is no content of its own.
    lacking = {name for name in set(after) - set(before) if not name.startswith("gap/")}
    assert any(name.startswith("attribution/") for name in lacking)
    assert sorted(asked) == sorted([*lacking, *lacking])  # of each photograph
    assert set(before) < set(after)
    assert all(same(before[name], after[name]) for name in before)


def test_another_method_replaces_attributions_and_keeps_the_rest(
    built: Copy, tmp_path: Path
) -> None:
    work = built(tmp_path)
    whole = contents_of(work)
    # What sums of shares lack goes with the shares: other methods do not keep it.
    before = {name: kept for name, kept in whole.items() if not name.startswith("gap/")}
    assert set(before) < set(whole)
    work.write(more='[attribution]\nmethod = "integrated"\nsteps = 3\n')
    counts = work.build()
    assert counts["photographs"] == (2, 0)
    assert counts["activation grids"][0] == 0
    after = contents_of(work)
    assert set(before) == set(after)
    kept = {name for name in before if before[name][0] == after[name][0]}
    assert all(same(before[name], after[name]) for name in kept)
    replaced = set(before) - kept
    assert {"input", "logits", "activation/late"} <= kept
    assert "attribution/late.channel/output.neuron" in replaced
    assert not any(name.startswith("attribution/") for name in kept)


# -------------------------------------------------------------------------- damage and interruption
@pytest.mark.parametrize("damage", ["remove", "cut", "rubbish", "foreign"])
@pytest.mark.parametrize(
    ("which", "phase"),
    [
        ("images/first.h5", "photographs"),
        ("visualizations/late", "feature visualizations"),
        ("grids/first/late.h5", "activation grids"),
        ("network.h5", None),
    ],
)
def test_a_damaged_file_is_replaced(
    built: Copy, tmp_path: Path, damage: str, which: str, phase: str | None
) -> None:
    work = built(tmp_path)
    path = work.store / which
    if path.is_dir():
        path = sorted(path.glob("*.h5"))[0]
    whole = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "rubbish":
        path.write_bytes(b"rubbish")
    elif damage == "foreign":
        with h5py.File(path, "w") as file:
            file["x"] = 1
    counts = work.build()
    if phase is not None:
        assert counts[phase][0] > 0
    with File(path) as replaced:
        assert replaced.kind in ("image", "visualizations", "grid", "network")
    assert {computed for computed, _ in work.build().values()} == {0}


def test_a_file_missing_from_the_site_is_put_back(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    next(work.site.glob("data/first/*.js")).unlink()
    assert work.build()["site"] == (1, 0)


def test_an_interruption_keeps_what_was_finished(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visualizations, "UNITS_PER_JOB", 4)
    submit, calls = InProcess.submit, []

    def interrupted(self: InProcess, fn: object, /, *args: object, **kwargs: object) -> object:
        calls.append(fn)
        if len(calls) == 4:  # two photographs, then the second batch of feature visualizations
            raise KeyboardInterrupt
        return submit(self, fn, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(InProcess, "submit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        workplace.build()
    assert calls[-1] is FEATURE_VISUALIZATIONS.compute
    assert not workplace.site.exists()
    monkeypatch.undo()
    counts = workplace.build()
    assert counts["photographs"] == (0, 2)
    assert counts["feature visualizations"][1] == 4
    assert not list(workplace.folder.rglob("*.part"))


def test_a_failing_site_leaves_the_previous_one(
    built: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = built(tmp_path)
    before = site_files(work)
    work.photograph("second", 5)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(scripts, "code", fail)
    with pytest.raises(AtlasError, match="could not be written"):
        work.build()
    assert before == site_files(work)
