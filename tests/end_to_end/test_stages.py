"""The site in stages: what it shows while a build computes, and when."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import build as builder
from pipeline import stages
from pipeline.atlas import Atlas
from pipeline.config import read
from pipeline.errors import AtlasError
from pipeline.phases import FEATURE_VISUALIZATIONS, PHASES, PHOTOGRAPHS
from pipeline.progress import Reporter
from pipeline.publish import inspect
from pipeline.stages import Stages, so_far
from pipeline.survey import survey
from pipeline.website.output import is_finished, manifest_of
from tests.end_to_end.conftest import Copy, Workplace
from tests.files import contents, without_runs


@dataclass
class Onlooker(Reporter):
    """Looks at the site whenever the build says something."""

    verbosity: int = -1
    site: Path = Path()
    seen: list[tuple[str, ...]] = field(default_factory=list)  # what was still to come
    pages: list[str] = field(default_factory=list)

    def info(self, text: str) -> None:
        manifest = manifest_of(self.site)
        if "still to come" in text and manifest is not None:
            self.seen.append(tuple(manifest["unfinished"]))
            self.pages.append((self.site / "index.html").read_text())


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a stage due at every occasion."""
    monkeypatch.setattr(stages, "PATIENCE", 0.0)
    monkeypatch.setattr(stages, "SHARE", 1e9)


def watched(work: Workplace, phases: builder.Phases = PHASES) -> Onlooker:
    onlooker = Onlooker(site=work.site)
    builder.build(read(work.config), work.options(), onlooker, phases)
    return onlooker


@pytest.mark.usefixtures("impatient")
def test_what_there_is_is_shown_and_what_is_to_come_is_said(
    workplace: Workplace, built: Copy, tmp_path_factory: pytest.TempPathFactory
) -> None:
    onlooker = watched(workplace)
    rest = ("feature visualizations", "activation grids", "trust")
    assert onlooker.seen[0] == ("one more photograph", *rest)
    in_order = list(dict.fromkeys(onlooker.seen))
    assert in_order == [("one more photograph", *rest), rest, rest[1:], rest[2:]]
    assert (
        "Still being made. To come: one more photograph, feature visualizations"
        in onlooker.pages[0]
    )
    first, *_, last = onlooker.pages
    assert "no picture" in first
    assert "<strong>first</strong>" in first
    assert "<strong>second</strong>" not in first
    assert "<strong>second</strong>" in last
    assert "no picture" not in last
    other = built(tmp_path_factory.mktemp("other"))
    assert is_finished(workplace.site)
    assert without_runs(contents(workplace.site)) == without_runs(contents(other.site))


@pytest.mark.usefixtures("impatient")
def test_a_finished_site_is_not_replaced_by_an_unfinished_one(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    work.write(steps=5)
    work.photograph("third", 3)
    assert watched(work).seen == []
    assert is_finished(work.site)


@pytest.mark.usefixtures("impatient")
def test_a_build_that_is_stopped_leaves_what_there_is(workplace: Workplace) -> None:
    def stop(job: Any) -> Any:
        raise KeyboardInterrupt

    stopping = replace(FEATURE_VISUALIZATIONS, compute=stop)
    phases = tuple(stopping if each is FEATURE_VISUALIZATIONS else each for each in PHASES)
    with pytest.raises(KeyboardInterrupt):
        watched(workplace, phases)
    assert not is_finished(workplace.site)
    (problem,) = inspect(workplace.site, use_browser=False).problems
    assert problem.startswith("is unfinished: ")
    assert "feature visualizations, activation grids, trust are still to come" in problem
    workplace.build()
    assert is_finished(workplace.site)
    assert "Still being made" not in (workplace.site / "index.html").read_text()
    assert inspect(workplace.site, use_browser=False).problems == ()


@pytest.mark.usefixtures("impatient")
def test_a_stage_that_fails_stops_no_build(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = []

    def fail(self: Stages, atlas: Atlas) -> None:
        attempts.append(atlas.unfinished)
        raise AtlasError("no room")

    original = Stages.__init__
    monkeypatch.setattr(
        Stages,
        "__init__",
        lambda self, found, phases, reporter, write: original(
            self, found, phases, reporter, lambda atlas: fail(self, atlas)
        ),
    )
    workplace.build()
    assert len(attempts) == 1
    assert is_finished(workplace.site)


# --------------------------------------------------------------------------------- when it is due
@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Watch:
    """Stages of a half-built atlas, at times that the test chooses."""

    stages: Stages
    clock: Clock
    shown: list[float]

    def at(self, *seconds: float) -> list[float]:
        for each in seconds:
            self.clock.now = max(each, self.clock.now)
            self.stages.written()
        return self.shown


def watch(work: Workplace, takes: float) -> Watch:
    clock, shown = Clock(), list[float]()

    def write(atlas: Atlas) -> None:
        shown.append(clock.now)
        clock.now += takes

    found = survey(read(work.config), work.options(), Reporter(-1))
    return Watch(Stages(found, PHASES, Reporter(-1), write, clock), clock, shown)


@pytest.fixture
def half(workplace: Workplace) -> Workplace:
    """An atlas of which the photographs are computed, and no more; without a site."""
    found = survey(read(workplace.config), workplace.options(), Reporter(-1))
    atlas = builder.atlas_of(found, PHASES)
    assert so_far(found, PHASES) is None
    assert PHOTOGRAPHS.run(found, atlas, Reporter(-1)) == []
    return workplace


def test_nothing_is_shown_in_the_first_minute_and_then_less_and_less_often(
    half: Workplace,
) -> None:
    assert watch(half, takes=1.0).at(*range(0, 1000, 10)) == [60, 130, 270, 550]


def test_the_end_of_a_phase_is_an_occasion(half: Workplace) -> None:
    watched = watch(half, takes=1.0)
    assert watched.at(60, 80) == [60]
    watched.stages.phase_ended()
    assert watched.at(90, 100) == [60, 90]


def test_stages_take_a_small_part_of_the_build(half: Workplace) -> None:
    shown = watch(half, takes=30.0).at(*range(0, 6000, 10))
    assert shown[0] == 60
    for number, when in enumerate(shown[1:], 2):
        assert 30.0 * number <= when / 30
