"""The build: a list of phases, in their order, and then the site.

What fails is left out and reported at the end, with all the rest done. Nothing here loads torch
unless something has to be computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import models, photographs, probe
from pipeline.atlas import Atlas
from pipeline.config import Config
from pipeline.errors import AtlasError, raise_all
from pipeline.locks import Taken, lock
from pipeline.phases import PHASES, Phase, workers_of
from pipeline.phases.atlas import atlas_of, in_order
from pipeline.phases.photographs import missing_contents, require_contents
from pipeline.progress import Reporter
from pipeline.stages import Stages
from pipeline.store import PHOTOGRAPHS, DamagedFile, Store
from pipeline.survey import (
    Options,
    Survey,
    leave_out,
    leave_out_unreadable,
    refuse_unreadable,
    survey,
)
from pipeline.upkeep import (
    failed_before,
    forecast,
    keep_account,
    keep_statement,
    nothing_to_do,
    remove_damaged,
    remove_excess,
    remove_leftovers,
    statement,
)
from pipeline.website import collection
from pipeline.website.generate import build_of, generate, is_current
from pipeline.website.output import tidy
from pipeline.website.report import Report

if TYPE_CHECKING:
    from pipeline.network import Network

Phases = Sequence[Phase[Any, Any, Any]]

ROUNDS = 3  # of computing damaged files again that are found while others are read
MANY = 20  # failures that are reported one by one
MEASURED = 4  # photographs on which the table of layers counts dead channels
WITHOUT = "made without what failed; the same command tries that again, and nothing else"


def build(config: Config, options: Options, reporter: Reporter, phases: Phases = PHASES) -> Path:
    """Build an atlas: compute what is missing, then generate the site.

    Parameters
    ----------
    config, options, reporter
        What is built, and where messages go.
    phases
        What the store should hold, in the order in which it is computed.

    Returns
    -------
    Path
        The site's first page.

    Raises
    ------
    AtlasError
        With everything that is wrong with the configuration, before any work; with what stopped
        the work; or, once all the rest is done, with what could not be computed.
    """
    store = Store(options.root / config.name)
    with _alone(store.root):
        remove_leftovers(store)
        for _ in range(ROUNDS):
            with suppress(DamagedFile):
                return _build(config, options, reporter, phases)
            remove_damaged(store, reporter)
            reporter.phases.clear()
        return _build(config, options, reporter, phases)


def _build(config: Config, options: Options, reporter: Reporter, phases: Phases) -> Path:
    found = survey(config, options, reporter)
    atlas = atlas_of(found, phases)
    key = build_of(atlas, found.plan.figures)
    held = nothing_to_do(found.store, key)
    failures: list[AtlasError] = []
    if held is not None:
        for name, (unit, count) in held.items():
            with reporter.phase(name, unit, 0, count):
                pass
    else:
        write = partial(_write, config, found)
        atlas, failures = _compute(found, atlas, reporter, phases, write)
        keep_statement(config, found, reporter.phases)
    reports = list(reporter.phases)
    page = _generate(config, atlas, found, reporter)
    keep_account(found, reports, "" if found.failed or failures else key)
    _conclude(page, found, reporter)
    if failures:
        raise_all([*_each_once(failures), AtlasError(f"{page.parent}: {WITHOUT}")])
    return page


def _compute(
    found: Survey, atlas: Atlas, reporter: Reporter, phases: Phases, write: Callable[[Atlas], Any]
) -> tuple[Atlas, list[AtlasError]]:
    """Compute what is missing; return the atlas, without what failed, and why that failed."""
    leave_out_unreadable(found, [photograph for photograph, _ in missing_contents(found)])
    failures = [] if found.options.skip_bad_images else list(found.skipped)
    if found.skipped:
        atlas = atlas_of(found, phases)
    stages = Stages(found, phases, reporter, write)
    with workers_of(found, reporter) as workers:
        for phase in phases:
            failed = phase.run(found, atlas, reporter, workers, stages.written)
            failures += [each.error for each in failed]
            if failed and phase.kind == PHOTOGRAPHS:
                for each in failed:
                    leave_out(found, each.job.name, [each.error])
                if not found.photographs:
                    raise_all(failures)
                atlas = atlas_of(found, phases)
            stages.phase_ended()
    return atlas, failures


def _each_once(errors: Sequence[AtlasError]) -> list[AtlasError]:
    """Leave out errors of the same text, and all after the first few."""
    distinct = list({str(error): error for error in errors}.values())
    rest = len(distinct) - MANY
    more = [AtlasError(f"… and {rest} more")] if rest > 0 else []
    return [*distinct[:MANY], *more]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Be the only process that writes into a store."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        advice = "choose another folder with --store"
        raise AtlasError(f"{folder}: cannot write here ({error.strerror}); {advice}") from error
    try:
        with lock(folder):
            yield
    except Taken as error:
        advice = "wait until it has ended, or name another folder with --store"
        raise AtlasError(f"{folder}: another build is writing here; {advice}") from error
    finally:
        with suppress(OSError):
            folder.rmdir()  # unless something was written


def dry_run(
    config: Config, options: Options, reporter: Reporter, phases: Phases = PHASES
) -> Iterator[str]:
    """Yield what a build would compute, why, and how long it would take; compute nothing.

    Raises
    ------
    AtlasError
        With everything that is wrong with the configuration.
    """
    found = survey(config, options, reporter, keep_probe=False)
    leave_out_unreadable(found, [photograph for photograph, _ in missing_contents(found)])
    for error in found.skipped:
        yield f"Would be left out: {error}"
    atlas, output = atlas_of(found, phases), found.options.output
    yield from forecast(found, atlas, phases)
    if is_current(atlas, output, found.plan.figures):
        yield f"{output}: up to date, unless something is computed"
    else:
        yield f"{output}: to be generated"


def clean(config: Config, options: Options, reporter: Reporter, pretend: bool = False) -> None:
    """Remove from the store what the configuration needs no more.

    Raises
    ------
    AtlasError
        With everything that is wrong with the configuration: nothing is removed then.
    """
    found = survey(config, options, reporter, keep_probe=False)
    with _alone(found.store.root):
        remove_excess(found, PHASES, reporter, pretend)


def regenerate(
    config: Config, options: Options, reporter: Reporter, phases: Phases = PHASES
) -> Path:
    """Bake and generate the site again from what the store holds, without torch.

    Raises
    ------
    AtlasError
        When the store lacks something that the site needs; names the command that computes it.
    """
    found = survey(config, options, reporter, may_load=False)
    for name in failed_before(found):
        leave_out(found, name, ())
        reporter.info(f"{name}: left out; the last build could not compute it")
    require_contents(found)
    page = _generate(config, atlas_of(found, phases), found, reporter, always=True)
    return _conclude(page, found, reporter)


def check(config: Config, options: Options, reporter: Reporter) -> Survey:
    """Validate everything; compute and write nothing.

    Returns
    -------
    Survey
        The configuration without mistakes.

    Raises
    ------
    AtlasError
        With all that is wrong.
    """
    found = survey(config, options, reporter, keep_probe=False)
    leave_out_unreadable(found, list(found.photographs))
    refuse_unreadable(found)
    for error in found.skipped:
        reporter.info(f"Would be left out: {error}")
    counts = f"{len(found.photographs)} photographs; {len(found.plan.figures)} figures"
    layers = f"{found.profile.title}, layers {', '.join(found.plan.layers)}"
    reporter.info(f"{config.path}: fine. {layers}; {counts}")
    return found


def list_layers(config: Config, everything: bool) -> Iterator[str]:
    """Yield a table of the network's layers, in running order, marking those that are shown."""
    from pipeline.worker import network

    loaded = network(config, "cpu")
    profile = probe.probe(loaded, models.fingerprint_loaded(config, loaded))
    chosen = models.display_layers(config) or probe.suggest(profile)
    shown = [each.name for each in probe.listed(profile, chosen, everything) if not each.objection]
    fields = probe.receptive_fields(loaded, shown, profile.size)
    dead = probe.dead_shares(loaded, _some_photographs(config, loaded), shown)
    yield from probe.table(profile, chosen, everything, fields, dead)
    named = config.settings.model.layers is not None
    advice = "" if named else ", chosen for you; [model] layers chooses others"
    yield f"* shown by {config.path}{advice}"


def _some_photographs(config: Config, loaded: Network) -> Iterator[Any]:
    """The first photographs that can be read, as the network's input."""
    dataset, size = config.settings.dataset, loaded.preprocessing.size
    found, _ = photographs.find(config)
    for photograph in found[:MEASURED]:
        with suppress(AtlasError):
            yield loaded.input(photographs.fitted(photograph.path, size, dataset))


def _generate(
    config: Config, atlas: Atlas, found: Survey, reporter: Reporter, always: bool = False
) -> Path:
    output, shown = found.options.output, found.plan.figures
    page = output / "index.html"
    tidy(output)
    computed = any(phase.computed for phase in reporter.phases)
    current = not (always or computed) and is_current(atlas, output, shown)
    with reporter.phase("site", "pages", 0 if current else 1, 1 if current else 0) as progress:
        if current:
            return page
        report = _write(config, found, atlas)
        progress.advance()
    _comment(report, found, reporter)
    return page


def _write(config: Config, found: Survey, atlas: Atlas) -> Report:
    """Write the site; while it is unfinished, without what states how it was made."""
    output, made = found.options.output, None if atlas.unfinished else config.path
    if found.settings.site.path is not None:
        collection.adding(output.parent)
    stated = None if atlas.unfinished else statement(config, found)
    report = generate(in_order(atlas), output, found.plan.figures, made, stated)
    if found.settings.site.path is not None:
        collection.write(output.parent)
    return report


def _comment(report: Report, found: Survey, reporter: Reporter) -> None:
    for figure, of_photographs in report.data.items():
        reporter.detail(f"  {figure}: {sum(of_photographs.values()) / 1e3:.0f} kB of data")
    if report.dead:
        count = len(report.dead)
        reporter.info(f"{count} feature visualizations do not activate their unit; they are marked")
    if report.missing:
        command = f'"building-blocks build {found.config.path}" renders them'
        reporter.info(f"{len(report.missing)} feature visualizations are missing; {command}")


def _conclude(page: Path, found: Survey, reporter: Reporter) -> Path:
    for error in found.skipped if found.options.skip_bad_images else ():
        reporter.info(f"Left out: {error}")
    reporter.summary()
    site = page.parent
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) / 1e6
    budget = found.settings.site.budget_mb
    if budget is not None and size > budget:
        advice = "fewer photographs or figures make it smaller"
        reporter.info(f'{site}: larger than "site.budget_mb" allows, {budget:g} MB; {advice}')
    command = f"building-blocks serve {site}   (or open {page} in a browser)"
    reporter.info(f"{site}: {size:.1f} MB. Open it with: {command}")
    return page
