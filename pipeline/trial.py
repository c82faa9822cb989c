"""A trial: one photograph goes through everything once, before hours are spent on all of them.

It is a whole build in a folder of its own, with one photograph, at one step and then at a few, so
that what can fail does so here. How long each phase takes at either tells how long it takes at as
many steps as are configured.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from pipeline import photographs, plausibility
from pipeline.atlas import Atlas
from pipeline.config import Settings
from pipeline.errors import AtlasError, raise_all
from pipeline.featurevis.recipes import grid_named, recipe
from pipeline.grammar import WHOLE, Activation, Substrate
from pipeline.memory import peak_memory
from pipeline.phases import ACTIVATION_GRIDS, FEATURE_VISUALIZATIONS, PHASES, PHOTOGRAPHS, Phase
from pipeline.phases import activation_grids as grids
from pipeline.phases.atlas import atlas_of
from pipeline.progress import PhaseReport, Reporter, duration_text
from pipeline.store import Store
from pipeline.survey import Survey
from pipeline.website.generate import generate
from pipeline.worker import choose_device, network

FEW, MORE = 1, 3  # steps of the two builds
MOST = 16  # photographs whose answers are looked at


@dataclass(frozen=True)
class Costs:
    """What a build of one photograph took.

    Attributes
    ----------
    phases
        Name → what it computed, and its seconds.
    stored, site
        Bytes of the store and of the site.
    """

    phases: Mapping[str, PhaseReport]
    stored: int
    site: int


def try_out(found: Survey, reporter: Reporter) -> None:
    """Run one photograph through everything, and report what a build of all would take.

    Raises
    ------
    AtlasError
        With what fails.
    """
    for line in _answers(found):
        reporter.info(line)
    few, more = _built(found, FEW), _built(found, MORE)
    seconds = sum(_seconds(found, few, more).values())
    count = len(found.photographs)
    memory = peak_memory()
    store, site = more.stored * count, more.site * count
    _check_disk(found, store + site)
    reporter.info(
        f"One photograph went through everything. A build from nothing takes about "
        f"{duration_text(seconds)} here, {memory / 1e9:.1f} GB of memory, at most "
        f"{store / 1e6:.0f} MB in {found.store.root} and {site / 1e6:.1f} MB for the site."
    )


def _check_disk(found: Survey, needed: int) -> None:
    there = next(each for each in (found.store.root, *found.store.root.parents) if each.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        problem = f"{free / 1e6:.0f} MB are free, about {needed / 1e6:.0f} MB are needed"
        raise AtlasError(f"{there.resolve()}: {problem}; name another folder with --store")


# ----------------------------------------------------------------------------------- its answers
def _answers(found: Survey) -> Iterator[str]:
    """Yield what is implausible about the network's answers to the photographs."""
    loaded, dataset = network(found.config, choose_device(found.device)), found.settings.dataset
    shown, labels = [], {}
    for i, each in enumerate(found.photographs[:MOST]):
        shown.append(photographs.fitted(each.path, loaded.preprocessing.size, dataset))
        if each.name in found.labels:
            labels[i] = found.labels[each.name]
    for line in plausibility.warnings(loaded, shown, labels):
        yield f"{found.config.path}: {line}"


# ------------------------------------------------------------------------------------- its build
def _built(found: Survey, steps: int) -> Costs:
    """Build one photograph's atlas in a folder that is removed again.

    Raises
    ------
    AtlasError
        With what fails.
    """
    with TemporaryDirectory(prefix="building-blocks-") as folder, _explained(found):
        small = _small(found, Path(folder), steps)
        phases, quiet = _with_steps(steps, found.settings), Reporter(-1)
        atlas = atlas_of(small, phases)
        for phase in phases:
            raise_all([each.error for each in phase.run(small, atlas, quiet)])
        _check_alive(small, atlas)
        generate(atlas, small.options.output, small.plan.figures)
        named = {each.name: each for each in quiet.phases}
        return Costs(named, _size(small.store.root), _size(small.options.output))


def _small(found: Survey, folder: Path, steps: int) -> Survey:
    """The same survey with one photograph, few steps, and another folder."""
    settings = _at(found.settings, steps)
    options = replace(found.options, root=folder, output=folder / "site", workers=1, scheduler=None)
    return replace(
        found,
        config=found.config.with_settings(settings),
        options=options,
        store=Store(folder / found.config.name),
        photographs=found.photographs[:1],
    )


def _at(settings: Settings, steps: int) -> Settings:
    tables: dict[str, dict[str, Any]] = {
        "features": {"steps": steps},
        "attribution": {"steps": steps, "paths": 1, "tolerance": 0.999},
        "trust": {"photographs": 0},
        "execution": {"workers": 1, "scheduler": None},
    }
    return settings.model_copy(
        update={
            table: getattr(settings, table).model_copy(update=changed)
            for table, changed in tables.items()
        }
    )


def _with_steps(steps: int, settings: Settings) -> tuple[Phase[Any, Any, Any], ...]:
    """All phases, with grids of a few steps; other recipes follow the settings."""
    how = replace(grid_named(settings.features.grids), steps=steps)
    few = partial(grids.compute, how=how)
    quick = replace(ACTIVATION_GRIDS, compute=few)
    return tuple(quick if each is ACTIVATION_GRIDS else each for each in PHASES)


@contextmanager
def _explained(found: Survey) -> Iterator[None]:
    """Say of whatever happens that it did so before the build."""
    try:
        yield
    except AtlasError as error:
        raise AtlasError(f"{found.config.path}: one photograph, tried out: {error}") from error
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        raise AtlasError(f"{found.config.path}: one photograph, tried out: {problem}") from error


def _check_alive(found: Survey, atlas: Atlas) -> None:
    """Refuse layers of which a photograph activates nothing.

    Raises
    ------
    AtlasError
        Otherwise; names the layer.
    """
    with atlas.open(atlas.photographs[0]) as file:
        held = set(file.names())
        for layer in found.plan.layers:
            path = Activation(Substrate(layer, WHOLE)).path
            if path in held and not np.any(file.values(path)):
                advice = "choose another in [model] layers"
                raise AtlasError(f'layer "{layer}" is zero everywhere; {advice}')


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


# ------------------------------------------------------------------------------- what it foretells
def _seconds(found: Survey, few: Costs, more: Costs) -> dict[str, float]:
    """Phase → seconds for all photographs, at as many steps as are configured."""
    settings, count = found.settings, len(found.photographs)
    steps = {
        PHOTOGRAPHS.name: settings.attribution.steps,
        FEATURE_VISUALIZATIONS.name: recipe(settings.features).steps,
        ACTIVATION_GRIDS.name: grid_named(settings.features.grids).steps,
    }
    found_seconds = {}
    for name, report in more.phases.items():
        before = few.phases[name].seconds
        each = max(0.0, (report.seconds - before) / (MORE - FEW))
        found_seconds[name] = count * (before + each * (steps.get(name, FEW) - FEW))
    return found_seconds
