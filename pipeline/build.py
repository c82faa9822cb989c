"""The build: a list of phases, in their order, and then the site.

Nothing here loads torch unless something has to be computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline import models, probe
from pipeline.atlas import Atlas
from pipeline.config import Config
from pipeline.phases import PHASES, Phase
from pipeline.phases.atlas import atlas_of
from pipeline.phases.photographs import missing_contents, require_contents
from pipeline.progress import Reporter
from pipeline.survey import Options, Survey, leave_out_unreadable, survey
from pipeline.website.generate import generate, is_current
from pipeline.website.report import Report

Phases = Sequence[Phase[Any, Any, Any]]


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
        With everything that is wrong with the configuration, before any work; or with what stopped
        the work.
    """
    found = survey(config, options, reporter)
    leave_out_unreadable(found, [photograph for photograph, _ in missing_contents(found)])
    atlas = atlas_of(found, phases)
    for phase in phases:
        phase.run(found, atlas, reporter)
    page = _generate(atlas, found, reporter)
    return _conclude(page, found, reporter)


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
    require_contents(found)
    page = _generate(atlas_of(found, phases), found, reporter, always=True)
    return _conclude(page, found, reporter)


def check(config: Config, options: Options, reporter: Reporter) -> None:
    """Validate everything; compute and write nothing.

    Raises
    ------
    AtlasError
        With all that is wrong.
    """
    found = survey(config, options, reporter, keep_probe=False)
    leave_out_unreadable(found, list(found.photographs))
    for error in found.skipped:
        reporter.info(f"Would be left out: {error}")
    counts = f"{len(found.photographs)} photographs; {len(found.plan.figures)} figures"
    layers = f"{found.profile.title}, layers {', '.join(found.plan.layers)}"
    reporter.info(f"{config.path}: fine. {layers}; {counts}")


def list_layers(config: Config, everything: bool) -> Iterator[str]:
    """Yield a table of the network's layers, in running order, marking those that are shown."""
    from pipeline.worker import network

    loaded = network(config, "cpu")
    profile = probe.probe(loaded, models.fingerprint_loaded(config, loaded))
    chosen = models.display_layers(config) or probe.suggest(profile)
    yield from probe.table(profile, chosen, everything)
    named = config.settings.model.layers is not None
    advice = "" if named else ", chosen for you; [model] layers chooses others"
    yield f"* shown by {config.path}{advice}"


def _generate(atlas: Atlas, found: Survey, reporter: Reporter, always: bool = False) -> Path:
    output, shown = found.options.output, found.plan.figures
    page = output / "index.html"
    computed = any(phase.computed for phase in reporter.phases)
    current = not (always or computed) and is_current(atlas, output, shown)
    with reporter.phase("site", "pages", 0 if current else 1, 1 if current else 0) as progress:
        if current:
            return page
        report = generate(atlas, output, shown)
        progress.advance()
    _comment(report, found, reporter)
    return page


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
    for error in found.skipped:
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
