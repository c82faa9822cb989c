"""A configuration as a whole: its photographs, its network, and the plan that follows from them.

`survey` finds everything that is wrong with a configuration before any work begins, and reports all
of it together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline import models, photographs, plan, probe
from pipeline.config import Config, Settings
from pipeline.errors import AtlasError, raise_all
from pipeline.photographs import PhotographFile
from pipeline.progress import Reporter
from pipeline.store import Store
from pipeline.views import groups
from pipeline.website.output import refuse_foreign


@dataclass(frozen=True)
class Options:
    """What the command line adds to the configuration."""

    output: Path = Path("site")
    root: Path = Path("build")
    figures: tuple[str, ...] | None = None
    device: str | None = None
    workers: int | None = None
    scheduler: str | None = None
    skip_bad_images: bool = False


@dataclass
class Survey:
    """A configuration without mistakes, and what belongs to it.

    Attributes
    ----------
    profile
        What is known about the network.
    photographs
        Those of the atlas.
    skipped
        Why photographs are left out.
    failed
        Those photographs.
    labels
        Photograph → index of its true class, for those in the folder of a class.
    """

    config: Config
    options: Options
    store: Store
    profile: probe.NetworkProfile
    plan: plan.Plan
    photographs: list[PhotographFile]
    skipped: list[AtlasError] = field(default_factory=list)
    failed: list[PhotographFile] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return self.config.settings

    @property
    def device(self) -> str:
        """The device asked for: "auto", "cpu", "cuda:1", …."""
        return self.options.device or self.settings.execution.device

    @property
    def workers(self) -> int | None:
        """Processes that compute on this machine; None: as many as are worth it."""
        asked = self.options.workers or self.settings.execution.workers
        return None if asked == "auto" else asked

    @property
    def scheduler(self) -> str | None:
        """The address of a Dask scheduler, if one is to be used."""
        return self.options.scheduler or self.settings.execution.scheduler


@dataclass
class Findings:
    """Mistakes, gathered so that all of them can be reported together."""

    errors: list[AtlasError] = field(default_factory=list)

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Keep an AtlasError that is raised inside, and go on after the context."""
        try:
            yield
        except AtlasError as error:
            self.errors.append(error)


def survey(
    config: Config,
    options: Options,
    reporter: Reporter,
    *,
    may_load: bool = True,
    keep_probe: bool = True,
) -> Survey:
    """Find out whether a configuration is right, and report everything that is wrong with it.

    Parameters
    ----------
    config, options, reporter
        What is built, and where messages go.
    may_load
        Whether the network may be loaded to find its layers; otherwise an earlier build must have.
    keep_probe
        Whether what is found out about the network is kept in the store.

    Raises
    ------
    AtlasError
        With all mistakes.
    """
    store = Store(options.root / config.name)
    findings = Findings()
    chosen: Sequence[str] = ()
    with findings.gathering():
        chosen = plan.chosen_figures(config, options.figures)
    for output in dict.fromkeys((options.output, site_of(config, options.output))):
        with findings.gathering():
            refuse_foreign(output)
    options = replace(options, output=site_of(config, options.output))
    found, errors = photographs.find(config)
    findings.errors += errors
    findings.errors += plan.check_names(config)
    profile: probe.NetworkProfile | None = None
    with findings.gathering():
        profile = _profile(config, options, store, reporter, may_load, keep_probe)
    layers: Sequence[str] = ()
    labels: dict[str, int] = {}
    if profile is not None:
        named = config.settings.dataset.labels
        labels, errors = photographs.labels(found, profile.classes, named, str(config.path))
        findings.errors += errors
        with findings.gathering():
            layers = models.display_layers(config) or probe.suggest(profile)
            names = config.settings.model.names
            findings.errors += probe.check_layers(profile, layers, str(config.path), names)
            findings.errors += plan.check_channels(config, profile, layers)
    if findings.errors or profile is None:
        # Nothing will be computed, but unreadable photographs belong to the same report.
        findings.errors += unreadable(found, config.settings)
        raise_all(findings.errors)
    assert profile is not None
    shapes = {layer: profile.layer(layer).cube for layer in layers}
    bypassed = [layer for layer in layers if not profile.layer(layer).bottleneck]
    config = config.with_settings(groups.resolve(config.settings, shapes))
    planned = plan.make_plan(chosen, layers, config.settings, bypassed)
    return Survey(config, options, store, profile, planned, found, labels=labels)


def site_of(config: Config, output: Path) -> Path:
    """Return the folder of an atlas's site: `output`, or one inside it, named by the atlas."""
    return output / (config.settings.site.path or "")


def _profile(
    config: Config, options: Options, store: Store, reporter: Reporter, may_load: bool, keep: bool
) -> probe.NetworkProfile:
    weights = models.fingerprint(config)
    labels = models.labels_fingerprint(config)
    if weights is not None or not may_load:
        known = probe.load(store, weights, labels)
        if known is not None:
            return known
    if not may_load:
        advice = f'"building-blocks build {config.path}" computes it'
        raise AtlasError(f"{store.network_path}: this network has not been examined yet; {advice}")
    from pipeline.worker import choose_device, network

    reporter.detail(f"loading {config.settings.model.source}")
    loaded = network(config, choose_device(options.device or config.settings.execution.device))
    profile = probe.probe(loaded, models.fingerprint_loaded(config, loaded), labels)
    if keep and probe.load(store, profile.weights, labels) != profile:
        probe.save(store, profile)
    return profile


def unreadable(found: Sequence[PhotographFile], settings: Settings) -> list[AtlasError]:
    """Decode photographs and return what is wrong with them."""
    findings = Findings()
    for photograph in found:
        with findings.gathering():
            photographs.decode(photograph.path, settings.dataset.max_megapixels)
    return findings.errors


def leave_out_unreadable(found: Survey, decoded: Sequence[PhotographFile]) -> None:
    """Decode some photographs; leave out those that cannot be read, with the reason in `skipped`.

    Raises
    ------
    AtlasError
        When none is left.
    """
    for photograph in decoded:
        errors = unreadable([photograph], found.settings)
        if errors:
            leave_out(found, photograph.name, errors)
    if not found.photographs:
        where = found.config.path
        raise_all([*found.skipped, AtlasError(f"{where}: no readable photograph is left")])


def leave_out(found: Survey, name: str, reasons: Sequence[AtlasError]) -> None:
    """Go on without a photograph."""
    found.skipped += reasons
    found.failed += [each for each in found.photographs if each.name == name]
    found.photographs[:] = [each for each in found.photographs if each.name != name]


def refuse_unreadable(found: Survey) -> None:
    """Raise what is wrong with photographs that are left out, unless that was asked for."""
    if found.skipped and not found.options.skip_bad_images:
        advice = "--skip-bad-images leaves out what cannot be read"
        raise_all([*found.skipped, AtlasError(advice)])
