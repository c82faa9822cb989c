"""The build, as a readable list of phases; the only module that knows their order.

`build` reads from top to bottom: what the configuration asks for, what the store holds already, what has to be computed,
then the site. Nothing here imports torch unless something has to be computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline import figures, generate, images, models, plan, probe
from pipeline.atlas import Atlas, Layer, NetworkFacts, Photograph
from pipeline.config import Config
from pipeline.errors import AtlasError, raise_all
from pipeline.executor import executor, run_all
from pipeline.figures import groupings
from pipeline.grammar import Activation, Atom, Substrate
from pipeline.images import PhotographFile
from pipeline.jobs import GridJob, ImageJob, PictureJob, choose_device, compute_image, network, render_grid, render_pictures
from pipeline.progress import Reporter
from pipeline.store import Array, State, Store, state, write

if TYPE_CHECKING:
    from pipeline.featurevis.optimizer import Batch

PICTURES_PER_JOB = 32  # so many pictures are lost at most when a build is interrupted, per worker


@dataclass(frozen=True)
class Options:
    """What the command line says besides the configuration."""

    output: Path = Path("site")
    root: Path = Path("build")
    figures: tuple[str, ...] | None = None
    device: str | None = None
    workers: int | None = None
    scheduler: str | None = None
    skip_bad_images: bool = False


@dataclass
class Survey:
    """A configuration that holds together: its photographs, what is known of its network, and the plan."""

    config: Config
    options: Options
    store: Store
    facts: probe.Facts
    plan: plan.Plan
    photographs: list[PhotographFile]
    skipped: list[AtlasError] = field(default_factory=list)

    def image_fingerprints(self) -> dict[str, str]:
        """Photograph → fingerprint that its file should have."""
        settings = self.config.settings
        return {each.name: plan.image_fingerprint(self.plan, self.facts, settings, each) for each in self.photographs}

    def picture_fingerprints(self) -> dict[str, str]:
        """Layer → fingerprint that its feature visualizations should have."""
        settings = self.config.settings
        return {layer: plan.picture_fingerprint(self.facts, settings, layer, self.photographs) for layer in self.plan.layers}

    def grid_fingerprints(self) -> dict[tuple[str, str], str]:
        """(Photograph, layer) → fingerprint that its activation grid should have, for the layers that are shown as grids."""
        settings = self.config.settings
        return {
            (each.name, layer): plan.grid_fingerprint(self.facts, settings, each, layer)
            for each in self.photographs
            for layer in plan.grid_layers(self.plan)
        }


# ------------------------------------------------------------------------------------------------------------ the build
def build(config: Config, options: Options, reporter: Reporter) -> Path:
    """Build an atlas: compute what is missing, then generate the site.

    Returns
    -------
    The site's opening page.

    Raises
    ------
    AtlasError
        With everything that is wrong with the configuration, before any work; or what stopped the work.
    """
    survey = survey_of(config, options, reporter)
    _compute_photographs(survey, reporter)
    atlas = atlas_of(survey)
    _render_pictures(survey, atlas, reporter)
    _render_grids(survey, reporter)
    page = _generate(atlas, survey, reporter)
    return _conclude(page, survey, reporter)


def regenerate(config: Config, options: Options, reporter: Reporter) -> Path:
    """Bake and generate the site again from what the store holds, without torch.

    Raises
    ------
    AtlasError
        When the store lacks something that the site needs; names the command that computes it.
    """
    survey = survey_of(config, options, reporter, may_load=False)
    _require_photographs(survey)
    return _conclude(_generate(atlas_of(survey), survey, reporter, always=True), survey, reporter)


def check(config: Config, options: Options, reporter: Reporter) -> None:
    """Validate everything, compute and write nothing.

    Raises
    ------
    AtlasError
        With all that is wrong.
    """
    survey = survey_of(config, options, reporter, decode_all=True, keep_probe=False)
    for error in survey.skipped:
        reporter.say(f"Would be left out: {error}")
    counts = f"{len(survey.photographs)} photographs; {len(survey.plan.figures)} figures"
    reporter.say(f"{config.path}: fine. {survey.facts.title}, layers {', '.join(survey.plan.layers)}; {counts}")


def list_layers(config: Config, everything: bool) -> Iterator[str]:
    """Yield a table of the network's layers, in running order, with a mark at the ones that the atlas shows."""
    loaded = network(config, "cpu")
    facts = probe.probe(loaded, models.fingerprint_loaded(config, loaded))
    chosen = models.display_layers(config) or probe.suggest(facts)
    listed = [layer for layer in facts.layers if everything or layer.objection is None]
    width = max((len(layer.name) for layer in listed), default=5)
    yield f"  {'layer':<{width}}  {'kind':<24}{'C × H × W':<18}suits"
    for layer in listed:
        shape = " × ".join(map(str, layer.shape))
        word = layer.objection or ("yes, with negative values" if layer.signed else "yes")
        yield f"{'*' if layer.name in chosen else ' '} {layer.name:<{width}}  {layer.kind:<24}{shape:<18}{word}"
    yield f"* shown by {config.path}" + ("" if config.settings.model.layers else ", chosen for you; [model] layers chooses others")


# ------------------------------------------------------------------------------------------------------------ the phases
def survey_of(
    config: Config, options: Options, reporter: Reporter, *, may_load: bool = True, decode_all: bool = False, keep_probe: bool = True
) -> Survey:
    """Find out whether a configuration holds together, and report all that is wrong with it at once.

    Parameters
    ----------
    may_load
        Whether the network may be loaded to find its layers; otherwise an earlier probe must have.
    decode_all
        Whether photographs whose file in the store is current are decoded all the same.
    keep_probe
        Whether what is found out about the network is kept in the store.
    """
    store = Store(options.root / config.name)
    found = _Findings()
    with found.collecting():
        chosen = plan.chosen_figures(config, options.figures)
    with found.collecting():
        generate.refuse_foreign(options.output)
    photographs, errors = images.find(config)
    found.errors += errors
    with found.collecting():
        plan.check_recipe(config)
    facts: probe.Facts | None = None
    with found.collecting():
        facts = _facts(config, options, store, reporter, may_load, keep_probe)
    layers: Sequence[str] = ()
    if facts is not None:
        with found.collecting():
            layers = models.display_layers(config) or probe.suggest(facts)
            found.errors += probe.check_layers(facts, layers, str(config.path), config.settings.model.names)
            found.errors += plan.check_channels(config.settings, facts, layers, str(config.path))
    if found.errors or facts is None:
        # Unreadable photographs belong to the same report, so they are looked for although nothing will be computed.
        found.errors += _unreadable(photographs)
        raise_all(found.errors)
    assert facts is not None
    shapes = {layer: facts.layer(layer).shape for layer in layers}
    config = config.model_copy(update={"settings": groupings.resolve(config.settings, shapes)})
    survey = Survey(config, options, store, facts, plan.make_plan(chosen, layers, config.settings), photographs)
    _check_photographs(survey, decode_all)
    return survey


@dataclass
class _Findings:
    errors: list[AtlasError] = field(default_factory=list)

    @contextmanager
    def collecting(self) -> Iterator[None]:
        try:
            yield
        except AtlasError as error:
            self.errors.append(error)


def _facts(config: Config, options: Options, store: Store, reporter: Reporter, may_load: bool, keep: bool) -> probe.Facts:
    weights = models.fingerprint(config)
    labels = models.labels_fingerprint(config)
    known = probe.load(store, weights, labels) if weights is not None or not may_load else None
    if known is not None:
        return known
    if not may_load:
        raise AtlasError(f'{store.network_path}: nothing is known of this network yet; "building-blocks build {config.path}" computes it')
    reporter.detail(f"loading {config.settings.model.source}")
    loaded = network(config, choose_device(_device(config, options)))
    facts = probe.probe(loaded, models.fingerprint_loaded(config, loaded), labels)
    if keep and probe.load(store, facts.weights, labels) is None:
        probe.save(store, facts)
    return facts


def _device(config: Config, options: Options) -> str:
    return options.device or config.settings.execution.device


def _unreadable(photographs: Sequence[PhotographFile]) -> list[AtlasError]:
    findings = _Findings()
    for photograph in photographs:
        with findings.collecting():
            images.decode(photograph.path)
    return findings.errors


def _check_photographs(survey: Survey, decode_all: bool) -> None:
    """Decode what will be computed (or everything) and leave out what cannot be read, if that is wanted."""
    fingerprints = survey.image_fingerprints()
    readable: list[PhotographFile] = []
    for photograph in survey.photographs:
        kept = state(survey.store.image_path(photograph.name), "image", fingerprints[photograph.name]) is State.CURRENT
        errors = [] if kept and not decode_all else _unreadable([photograph])
        survey.skipped += errors
        if not errors:
            readable.append(photograph)
    if survey.skipped and not survey.options.skip_bad_images:
        hint = AtlasError("nothing was computed; --skip-bad-images leaves out what cannot be read")
        raise_all([*survey.skipped, hint])
    if not readable:
        raise_all([*survey.skipped, AtlasError(f"{survey.config.path}: no readable photograph is left")])
    survey.photographs = readable


def _compute_photographs(survey: Survey, reporter: Reporter) -> None:
    fingerprints = survey.image_fingerprints()
    missing: list[PhotographFile] = []
    for photograph in survey.photographs:
        path = survey.store.image_path(photograph.name)
        found = state(path, "image", fingerprints[photograph.name])
        if found is State.DAMAGED:
            reporter.say(f"{path}: damaged or not of this store; it is computed anew")
        if found is not State.CURRENT:
            missing.append(photograph)
    total, reused = len(missing), len(survey.photographs) - len(missing)
    with reporter.stage("photographs", "photographs", total, reused) as stage:
        if not missing:
            return
        device = choose_device(_device(survey.config, survey.options))
        jobs = [ImageJob(survey.config, device, each.name, str(each.path), survey.plan.contents) for each in missing]
        with _executor(survey) as (pool, workers):
            for job, arrays in run_all(pool, workers, compute_image, jobs):
                attributes = {"source": job.path, "network": survey.facts.title}
                write(survey.store.image_path(job.name), "image", fingerprints[job.name], arrays, attributes)
                reporter.detail(f"  {job.name}: {len(arrays)} datasets")
                stage.advance()


def _render_pictures(survey: Survey, atlas: Atlas, reporter: Reporter) -> None:
    needed = plan.needed_units(survey.plan, atlas, survey.config.settings)
    missing: dict[str, list[str]] = {}
    for layer, units in needed.items():
        index = survey.store.picture_index(layer, atlas.picture_fingerprints[layer])
        missing[layer] = [unit for unit in units if unit not in index]
    total = sum(map(len, missing.values()))
    reused = sum(map(len, needed.values())) - total
    with reporter.stage("feature visualizations", "pictures", total, reused) as stage:
        if not total:
            return
        device = choose_device(_device(survey.config, survey.options))
        vectors, magnitude = figures.directions(figures.chosen(survey.plan.figures), atlas), _spectrum(survey)
        jobs = []
        for layer, units in missing.items():
            for start in range(0, len(units), PICTURES_PER_JOB):
                chunk = tuple(units[start : start + PICTURES_PER_JOB])
                needed_vectors = {unit: vectors[layer][unit] for unit in chunk if unit in vectors[layer]}
                jobs.append(PictureJob(survey.config, device, layer, chunk, needed_vectors, magnitude))
        with _executor(survey) as (pool, workers):
            for job, batches in run_all(pool, workers, render_pictures, jobs):
                for batch in batches:
                    survey.store.write_pictures(job.layer, atlas.picture_fingerprints[job.layer], batch.units, _arrays(batch), {})
                    stage.advance(len(batch.units))


def _spectrum(survey: Survey) -> np.ndarray | None:
    if not plan.own_spectrum(survey.config.settings):
        return None
    from pipeline.featurevis.spectrum import natural_magnitude

    return natural_magnitude(images.decode(each.path) for each in survey.photographs)


def _render_grids(survey: Survey, reporter: Reporter) -> None:
    layers = plan.grid_layers(survey.plan)
    if not layers:
        return
    wanted = survey.grid_fingerprints()
    missing = [key for key, fingerprint in wanted.items() if state(survey.store.grid_path(*key), "grid", fingerprint) is not State.CURRENT]
    with reporter.stage("activation grids", "grids", len(missing), len(wanted) - len(missing)) as stage:
        if not missing:
            return
        device = choose_device(_device(survey.config, survey.options))
        jobs = [GridJob(survey.config, device, name, layer, _activations(survey.store, name, layer)) for name, layer in missing]
        with _executor(survey) as (pool, workers):
            for job, grid in run_all(pool, workers, render_grid, jobs):
                arrays = {
                    "cells": Array(grid.cells, ("y", "x", "cell_y", "cell_x", "rgb"), "0…255"),
                    "likeness": Array(grid.likeness, ("y", "x"), "cosine"),
                    "alive": Array(grid.alive, ("y", "x")),
                }
                write(survey.store.grid_path(job.name, job.layer), "grid", wanted[job.name, job.layer], arrays, {"layer": job.layer})
                reporter.detail(f"  {job.name}, {job.layer}: {grid.seconds:.0f} s")
                stage.advance()


def _activations(store: Store, name: str, layer: str) -> np.ndarray:
    with store.image(name) as file:
        return file.values(Activation(Substrate(layer, Atom.WHOLE)).path).astype(np.float32)


def _arrays(batch: Batch) -> dict[str, Array]:
    channels = "rgb" if batch.pictures.shape[-1] == 3 else "rgba"
    return {
        "pictures": Array(batch.pictures, ("picture", "y", "x", channels), "0…255"),
        "objective": Array(batch.objective, ("picture",), "activation"),
        "activation": Array(batch.activation, ("picture",), "activation"),
        "alive": Array(batch.alive, ("picture",)),
    }


def _conclude(page: Path, survey: Survey, reporter: Reporter) -> Path:
    for error in survey.skipped:
        reporter.say(f"Left out: {error}")
    reporter.summary()
    size = sum(path.stat().st_size for path in page.parent.rglob("*") if path.is_file())
    budget = survey.config.settings.site.budget_mb
    if budget is not None and size > budget * 1e6:
        reporter.say(f'{page.parent}: larger than "site.budget_mb" allows, {budget:g} MB; fewer photographs or figures make it smaller')
    reporter.say(f"{page.parent}: {size / 1e6:.1f} MB. Open it with: building-blocks serve {page.parent}   (or open {page} in a browser)")
    return page


@contextmanager
def _executor(survey: Survey) -> Iterator[tuple[Executor, int]]:
    execution = survey.config.settings.execution
    workers = survey.options.workers or execution.workers
    with executor(workers, survey.options.scheduler or execution.scheduler) as opened:
        yield opened


def _require_photographs(survey: Survey) -> None:
    wanted = survey.image_fingerprints()
    command = f'"building-blocks build {survey.config.path}" computes it'
    for photograph in survey.photographs:
        path = survey.store.image_path(photograph.name)
        found = state(path, "image", wanted[photograph.name])
        if found is not State.CURRENT:
            why = {State.ABSENT: "not computed yet", State.STALE: "computed from something else than now configured"}
            raise AtlasError(f"{path}: {why.get(found, 'damaged')}; {command}")


def _generate(atlas: Atlas, survey: Survey, reporter: Reporter, always: bool = False) -> Path:
    output, shown = survey.options.output, survey.plan.figures
    page = output / "index.html"
    always = always or any(stage.computed for stage in reporter.stages)
    current = not always and generate.is_current(atlas, output, shown)
    with reporter.stage("site", "pages", 0 if current else 1, 1 if current else 0) as stage:
        if current:
            return page
        report = generate.generate(atlas, output, shown)
        stage.advance()
    for figure, photographs in report.data.items():
        reporter.detail(f"  {figure}: {sum(photographs.values()) / 1e3:.0f} kB of data")
    if report.dead:
        reporter.say(f"{len(report.dead)} pictures do not activate their unit and are marked as such")
    if report.missing:
        reporter.say(f'{len(report.missing)} pictures are not rendered yet; "building-blocks build {survey.config.path}" renders them')
    return page


def atlas_of(survey: Survey) -> Atlas:
    """What figures and templates get to see."""
    facts, settings = survey.facts, survey.config.settings
    layers = tuple(
        Layer(name, models.display_name(survey.config, name), facts.layer(name).shape)  # type: ignore[arg-type]
        for name in survey.plan.layers
    )
    pictures, grids = survey.picture_fingerprints(), survey.grid_fingerprints()
    return Atlas(
        settings=settings,
        network=NetworkFacts(facts.title, facts.classes, facts.size, facts.parameters, layers),
        photographs=tuple(Photograph(each.name, each.title, each.source) for each in survey.photographs),
        store=survey.store,
        picture_fingerprints=pictures,
        grid_fingerprints=grids,
        fingerprint=plan.site_fingerprint(
            survey.plan,
            facts,
            settings,
            survey.image_fingerprints(),
            {**pictures, **{"\0".join(key): value for key, value in grids.items()}},
        ),
    )
