"""The phases without a network: what their things depend on, what is missing, what is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.arrays import Array
from pipeline.errors import AtlasError
from pipeline.figures import FIGURES
from pipeline.phases import PHASES, activation_grids, feature_visualizations, photographs
from pipeline.phases.activation_grids import ACTIVATION_GRIDS
from pipeline.phases.atlas import atlas_of
from pipeline.phases.baselines import BASELINES
from pipeline.phases.feature_visualizations import FEATURE_VISUALIZATIONS
from pipeline.photographs import PhotographFile
from pipeline.probe import NetworkProfile
from pipeline.progress import Reporter
from pipeline.store import Computed, File, State, join, state
from pipeline.survey import Options, Survey
from tests.brightness import BRIGHTNESS, path_of
from tests.unit.surveys import PROFILE, photograph, survey

ATTRIBUTION = "attribution/early.channel/output.neuron"
GROUPS = "group/early/3"
FLOW = ("class_comparison", "group_flow", "spatial_attribution")
BOTH = ("early", "late")


@pytest.fixture
def shown(tmp_path: Path) -> PhotographFile:
    return photograph(tmp_path, "x", 1)


# --------------------------------------------------------------------- what a photograph depends on
def of_contents(shown: PhotographFile, **how: Any) -> dict[str, str]:
    """Content → fingerprint; the photograph is found again, as by another build."""
    found = replace(shown)
    return photographs.fingerprints_of_contents(
        survey(shown.path.parent, photographs=[found], **how), found
    )


def test_contents_follow_what_they_depend_on(shown: PhotographFile) -> None:
    def of(**how: Any) -> str:
        return of_contents(shown, **how)[ATTRIBUTION]

    known = of()
    unrelated = {"features": {"steps": 7}, "execution": {"workers": 2}, "site": {"text": "x"}}
    assert known == of(**unrelated, title="other")
    others = [
        of(profile=replace(PROFILE, weights="v")),
        of(profile=replace(PROFILE, size=64)),
        of(attribution={"method": "integrated"}),
        of(attribution={"steps": 5}),
        of(dataset={"images": ("*.png",), "fit": "pad"}),
    ]
    shown = photograph(shown.path.parent, "x", 2)
    others.append(of())
    assert len({known, *others}) == len(others) + 1


def test_other_figures_change_no_content(shown: PhotographFile) -> None:
    """The set of contents that a plan names is no part of any content's fingerprint."""
    few, many = of_contents(shown), of_contents(shown, figures=FLOW, layers=BOTH)
    common = few.keys() & many.keys()
    assert {ATTRIBUTION, "input", "logits"} <= common
    assert {name: few[name] for name in common} == {name: many[name] for name in common}


def changed(shown: PhotographFile, **tables: Any) -> set[str]:
    """Contents whose fingerprint another configuration changes."""
    counts = {"counts": {"early": (3,), "late": (3,)}}
    known = of_contents(shown, figures=FLOW, layers=BOTH, groups=counts)
    given = {"groups": counts, **tables}
    if "groups" in tables:
        given["groups"] = {**counts, **tables["groups"]}
    other = of_contents(shown, figures=FLOW, layers=BOTH, **given)
    assert known.keys() == other.keys()
    return {name for name in known if known[name] != other[name]}


def test_only_contents_that_use_a_setting_follow_it(shown: PhotographFile) -> None:
    everything = set(of_contents(shown, figures=FLOW, layers=BOTH))
    assert GROUPS in everything
    factors = changed(shown, attribution={"factors": 3})
    assert factors == {"saliency"}
    method = changed(shown, attribution={"method": "integrated"})
    assert ATTRIBUTION in method
    assert "saliency" in method  # is made from attributions
    assert not {"input", "logits", GROUPS} & method
    preserve = changed(shown, groups={"preserve": {"activations": 1.0, "gradients": 0.5}})
    assert GROUPS in preserve
    assert any(name.startswith("attribution/early.group") for name in preserve)
    assert any(name.endswith("/concentration") for name in preserve)
    assert not {ATTRIBUTION, "saliency", "logits"} & preserve


# --------------------------------------------------------------------- what other phases follow
def test_feature_visualizations_follow_features_only(shown: PhotographFile) -> None:
    def of(layer: str = "early", **how: Any) -> str:
        given = {"photographs": [shown], "layers": BOTH, **how}
        found = feature_visualizations.fingerprints(survey(shown.path.parent, **given))
        return found[(layer,)]

    known = of()
    assert known == of(attribution={"method": "integrated"}, execution={"workers": 2})
    assert known == of(features={"channels": "all"})
    # The recipe does not use the spectrum.
    assert known == of(photographs=[], features={"spectrum": "photographs"})
    own = {"recipe": "maco", "spectrum": "photographs"}
    others = [
        of(layer="late"),
        of(profile=replace(PROFILE, weights="v")),
        of(features={"steps": 7}),
        of(features={"size": 64}),
        of(features={"seed": 1}),
        of(execution={"dtype": "float32"}),
        of(features={"recipe": "maco"}),
        of(features=own),
        of(features=own, photographs=[]),
    ]
    assert len({known, *others}) == len(others) + 1


def test_grids_follow_the_photograph_and_their_settings(shown: PhotographFile) -> None:
    def of(**how: Any) -> str:
        given = {"photographs": [replace(shown)], "figures": ("activation_grids",), **how}
        found = activation_grids.fingerprints(survey(shown.path.parent, **given))
        return found["x", "early"]

    known = of()
    assert known == of(attribution={"method": "integrated"}, features={"steps": 7})
    others = [
        of(profile=replace(PROFILE, weights="v")),
        of(profile=replace(PROFILE, size=64)),
        of(features={"seed": 1}),
        of(features={"grids": "article"}),
        of(execution={"dtype": "float32"}),
        of(dataset={"images": ("*.png",), "fit": "pad"}),
    ]
    shown = photograph(shown.path.parent, "x", 2)
    others.append(of())
    assert len({known, *others}) == len(others) + 1


def test_what_is_made_of_a_cube_follows_whether_it_is_seen_behind_a_relu(
    shown: PhotographFile,
) -> None:
    def of(profile: NetworkProfile) -> dict[tuple[str, str], str]:
        given = {"photographs": [replace(shown)], "layers": BOTH, "profile": profile}
        means = {"figures": ("activation_grids",), "attribution": {"baseline": "mean"}}
        found = survey(shown.path.parent, **given, **means)
        return {
            (phase.kind, key[-1]): fingerprint
            for phase in (FEATURE_VISUALIZATIONS, ACTIVATION_GRIDS, BASELINES)
            for key, fingerprint in phase.fingerprints(found).items()
        }

    early, late = PROFILE.layers
    known, other = of(PROFILE), of(replace(PROFILE, layers=(replace(early, rectified=True), late)))
    assert len(known) == 6
    assert {key for key in known if known[key] != other[key]} == {
        key for key in known if key[1] == "early"
    }


def test_the_site_follows_every_phase(shown: PhotographFile) -> None:
    found = survey(shown.path.parent, photographs=[shown])
    atlas = atlas_of(found, PHASES)
    assert set(atlas.fingerprints) == {phase.kind for phase in PHASES}
    known = {atlas.fingerprint}
    for phase in PHASES:
        others = replace(phase, fingerprints=lambda _: {("x",): "another"})
        replaced = tuple(others if each is phase else each for each in PHASES)
        known.add(atlas_of(found, replaced).fingerprint)
    known.add(atlas_of(found, (*PHASES, BRIGHTNESS)).fingerprint)
    assert len(known) == len(PHASES) + 2


def test_kinds_of_phases_are_their_own() -> None:
    assert len({phase.kind for phase in PHASES}) == len({phase.name for phase in PHASES})


# ------------------------------------------------------------------------------- what is missing
def keep(found: Survey, each: PhotographFile) -> None:
    """Write a photograph's file as if all contents of the plan had been computed."""
    fingerprints = photographs.fingerprints_of_contents(found, each)
    value = Array(np.zeros(2, np.float32), ("class",))
    contents = {name: Computed(mark, {name: value}) for name, mark in fingerprints.items()}
    path = found.store.photograph_path(each.name)
    join(path, photographs.KIND, photographs.fingerprint_of_file(found, each), contents)


def names(found: Survey) -> list[tuple[str, list[str]]]:
    return [
        (each.name, [content.path for content in contents])
        for each, contents in photographs.missing_contents(found)
    ]


def test_a_photograph_lacks_what_its_file_does_not_hold(shown: PhotographFile) -> None:
    folder = shown.path.parent
    found = survey(folder, photographs=[shown])
    planned = [content.path for content in found.plan.contents]
    assert names(found) == [("x", planned)]
    keep(found, shown)
    assert names(found) == []
    assert names(survey(folder, photographs=[shown], figures=("predictions",))) == []
    more = survey(folder, photographs=[shown], figures=(*FLOW,))
    ((_, lacking),) = names(more)
    assert set(lacking) == {content.path for content in more.plan.contents} - set(planned)
    other = survey(folder, photographs=[shown], attribution={"method": "integrated"})
    assert names(other) == [("x", [ATTRIBUTION])]
    elsewhere = survey(folder, photographs=[shown], profile=replace(PROFILE, weights="v"))
    assert names(elsewhere) == [("x", planned)]


def test_what_a_site_lacks_is_named_with_the_next_step(shown: PhotographFile) -> None:
    folder = shown.path.parent
    found = survey(folder, photographs=[shown])
    command = '"building-blocks build .*atlas.toml" computes it'
    with pytest.raises(AtlasError, match=f"x.h5: not computed yet; {command}"):
        photographs.require_contents(found)
    keep(found, shown)
    photographs.require_contents(found)
    path = found.store.photograph_path("x")
    other = survey(folder, photographs=[shown], attribution={"method": "integrated"})
    with pytest.raises(AtlasError, match=f'holds no "{ATTRIBUTION}" as it is configured now'):
        photographs.require_contents(other)
    elsewhere = survey(folder, photographs=[shown], profile=replace(PROFILE, size=64))
    with pytest.raises(AtlasError, match="computed from something else than is configured now"):
        photographs.require_contents(elsewhere)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(AtlasError, match=r"x\.h5: damaged"):
        photographs.require_contents(found)


# ----------------------------------------------------------------------------------- a new phase
def run(found: Survey) -> tuple[int, int]:
    """Run the phase; return how many things it computed and how many it kept."""
    reporter = Reporter(-1)
    BRIGHTNESS.run(found, atlas_of(found, (BRIGHTNESS,)), reporter)
    (report,) = reporter.phases
    return report.computed, report.reused


@pytest.mark.parametrize("workers", [1, 2])
def test_a_new_phase_is_one_value(tmp_path: Path, workers: int) -> None:
    options = Options(output=tmp_path / "site", root=tmp_path / "build", workers=workers)
    both = [photograph(tmp_path, "x", 1), photograph(tmp_path, "y", 2)]
    found = survey(tmp_path, photographs=both, options=options)
    assert run(found) == (2, 0)
    with File(path_of(found, "x")) as file:
        from pipeline.photographs import decode

        assert float(file.values("brightness")) == pytest.approx(decode(both[0].path).mean())
    assert run(found) == (0, 2)
    third = photograph(tmp_path, "z", 3)
    assert run(survey(tmp_path, photographs=[*both, third], options=options)) == (1, 2)


def test_a_phase_replaces_damaged_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = survey(tmp_path, photographs=[photograph(tmp_path, "x", 1)])
    run(found)
    path = path_of(found, "x")
    path.write_text("rubbish")
    BRIGHTNESS.run(found, atlas_of(found, (BRIGHTNESS,)), Reporter(1))
    printed = capsys.readouterr().err
    assert f"{path}: damaged or not of this store; it is computed again" in printed
    assert "  x: 1" in printed
    fingerprint = BRIGHTNESS.fingerprints(found)[("x",)]
    assert state(path, BRIGHTNESS.kind, fingerprint) is State.CURRENT


def test_a_phase_without_anything_to_hold_is_not_reported(tmp_path: Path) -> None:
    reporter = Reporter(-1)
    found = survey(tmp_path)
    BRIGHTNESS.run(found, atlas_of(found, (BRIGHTNESS,)), reporter)
    assert reporter.phases == []


# --------------------------------------------------------------------- parts of a photograph's job
def job_of(shown: PhotographFile, method: str) -> photographs.Job:
    found = survey(
        shown.path.parent,
        figures=FIGURES,
        layers=("early", "late"),
        photographs=[shown],
        attribution={"method": method},
    )
    which = "dog", shown.path, found.plan.contents, found.plan.layers
    return photographs.Job(found.config, "cpu", *which, None)


def test_the_parts_of_a_photographs_job_have_every_content_once(shown: PhotographFile) -> None:
    job = job_of(shown, "shares")
    parts = photographs.divide(job)
    assert len(parts) > 2
    contents = [each.path for part in parts for each in part.contents]
    assert sorted(contents) == sorted(each.path for each in job.contents)
    assert all(replace(part, contents=job.contents) == job for part in parts)


def test_what_shares_passes_through_the_network_is_one_part(shown: PhotographFile) -> None:
    parts = photographs.divide(job_of(shown, "shares"))
    of_saliency = [part for part in parts if any(c.path == "saliency" for c in part.contents)]
    (together,) = of_saliency
    paths = {each.path for each in together.contents}
    for layer in ("early", "late"):
        for atom in ("spatial", "channel"):
            assert f"attribution/{layer}.{atom}/output.neuron" in paths
    removals = [{c.path for c in part.contents if "removal" in c.path} for part in parts]
    assert sum(map(bool, removals)) == 2  # those of a layer are measured together


def test_other_methods_attribute_all_in_one_job(shown: PhotographFile) -> None:
    job = job_of(shown, "linear")
    assert photographs.divide(job) == [job]
