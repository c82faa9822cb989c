"""A phase of the build: something the store should hold, as one value, and how to run it.

A phase knows what its things depend on and which are missing, makes jobs of these, computes a job
wherever jobs run, and writes what comes back. A job that fails stops no other. A new phase is one
file with such a value and one line in `pipeline.phases.PHASES`; `tests/brightness.py` is a small
example.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, Generic, TypeVar

from pipeline.atlas import Atlas, Key
from pipeline.cores import Crew, crew_for
from pipeline.errors import AtlasError
from pipeline.executor import Workers
from pipeline.models.parcels import parcel
from pipeline.parts import run_in_parts
from pipeline.progress import Reporter
from pipeline.store import Room, State, state
from pipeline.survey import Survey
from pipeline.worker import choose_device

Missing = TypeVar("Missing")
Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Inventory(Generic[Missing]):
    """What a phase found in the store.

    Attributes
    ----------
    missing
        What has to be computed, in a form that the phase chooses.
    kept
        How many things are there already.
    damaged
        Files that are cut short or foreign; they are replaced.
    """

    missing: Sequence[Missing]
    kept: int
    damaged: Sequence[Path] = ()


@dataclass(frozen=True)
class Written:
    """How many things a job finished, and a line about it for those who want to read more."""

    count: int = 1
    detail: str = ""


@dataclass(frozen=True)
class Failure:
    """A job that came to nothing, and why."""

    job: Any
    error: AtlasError


def _whole(job: Job) -> Sequence[Job]:
    return ()


def _undivided(job: Job) -> Sequence[Job]:
    return (job,)


@dataclass(frozen=True)
class Phase(Generic[Missing, Job, Result]):
    """Something the store should hold.

    The functions get the configuration as surveyed, and the atlas that reads the store.

    Attributes
    ----------
    name
        As the terminal shows it: "feature visualizations".
    unit
        What is counted: "pictures".
    kind
        Of its files in the store, and of its fingerprints in the atlas.
    fingerprints
        Key → fingerprint of all that a thing depends on, for everything this phase should hold.
    inventory
        Compare what the store holds with what it should hold.
    jobs
        Turn what is missing into jobs: values that travel between processes and machines.
    compute
        Compute a job; a function of a module, because workers import it. Loads torch if it must.
    write
        Write a job's result to the store.
    split
        Take a job that failed apart into smaller ones, which are tried instead.
    divide, merge
        Take a job apart for several processes, and put the results of the parts together.
    """

    name: str
    unit: str
    kind: str
    fingerprints: Callable[[Survey], Mapping[Key, str]]
    inventory: Callable[[Survey, Atlas], Inventory[Missing]]
    jobs: Callable[[Survey, Atlas, Sequence[Missing]], Iterable[Job]]
    compute: Callable[[Job], Result]
    write: Callable[[Survey, Atlas, Job, Result], Written]

    split: Callable[[Job], Sequence[Job]] = _whole
    divide: Callable[[Job], Sequence[Job]] = _undivided
    merge: Callable[[Sequence[Result]], Result] = itemgetter(0)

    def run(
        self,
        survey: Survey,
        atlas: Atlas,
        reporter: Reporter,
        workers: Workers | None = None,
        written: Callable[[], None] = lambda: None,
    ) -> list[Failure]:
        """Compute what is missing, with these workers or with some of its own.

        `written` is called whenever a job's result has been.

        Returns
        -------
        list
            The jobs that failed. All others are done.

        Raises
        ------
        AtlasError
            When nothing can be read or written; what was finished before is kept.
        """
        found = self.inventory(survey, atlas)
        for path in found.damaged:
            reporter.info(f"{path}: damaged or not of this store; it is computed again")
        missing = found.missing
        if not missing and not found.kept:
            return []
        with reporter.phase(self.name, self.unit, len(missing), found.kept) as progress:
            if not missing:
                return []
            room = Room(survey.store.root, self.name, len(missing))
            with nullcontext(workers) if workers else workers_of(survey, reporter) as there:

                def attempt(jobs: Iterable[Job]) -> Iterator[Failure]:
                    for job, ended in self._ended(there, jobs):
                        error = ended.exception()
                        if error is not None:
                            yield Failure(job, self._explained(job, error, reporter))
                            continue
                        added = self.write(survey, atlas, job, ended.result())
                        progress.advance(added.count)
                        room.check(added.count)
                        if added.detail:
                            reporter.detail(f"  {added.detail}")
                        written()

                failed: list[Failure] = []
                smaller: list[Job] = []
                for each in attempt(self.jobs(survey, atlas, missing)):
                    parts = self.split(each.job)
                    smaller += parts
                    failed += [] if parts else [each]
                return [*failed, *attempt(smaller)]

    def _ended(self, workers: Workers, jobs: Iterable[Job]) -> Iterator[tuple[Job, Future[Result]]]:
        if not workers.several:
            return workers.run(self.compute, jobs)
        run = partial(workers.run, self.compute)
        return run_in_parts(run, self.divide, self.merge, jobs)

    def _explained(self, job: Job, error: BaseException, reporter: Reporter) -> AtlasError:
        """Say of an error that nobody foresaw which job it befell."""
        if isinstance(error, AtlasError):
            return error
        reporter.detail("".join(traceback.format_exception(error)))
        advice = "--verbose shows where it came from"
        what = ", ".join((self.name, *_names(job)))
        return AtlasError(f"{what}: {type(error).__name__}: {error}; {advice}")


def _names(job: Any) -> Iterator[str]:
    """What a job is about, as far as its fields have the names that jobs give such things."""
    for field in ("name", "layer"):
        if isinstance(value := getattr(job, field, None), str):
            yield value
    units = tuple(getattr(job, "units", ()))
    if len(units) == 1:
        yield str(units[0])


def workers_of(survey: Survey, reporter: Reporter) -> Workers:
    """Return the workers that compute a survey's jobs, to be opened by a `with` statement."""

    def crew() -> Crew:
        if survey.workers is not None:
            return Crew(survey.workers)
        if choose_device(survey.device) != "cpu":
            return Crew(1)  # a GPU is one for all
        return crew_for(survey.profile.parameters)

    return Workers(
        crew,
        survey.scheduler,
        lambda: parcel(survey.config),
        spread=survey.device in ("auto", "cuda"),
        inform=reporter.detail,
    )


def inventory_of_files(
    kind: str, fingerprints: Mapping[Key, str], path_of: Callable[[Key], Path]
) -> Inventory[Key]:
    """Compare the store with what it should hold, for a phase with one file for each thing.

    Parameters
    ----------
    kind, fingerprints
        Of the phase.
    path_of
        Key → path of its file.
    """
    states = {
        key: state(path_of(key), kind, fingerprint) for key, fingerprint in fingerprints.items()
    }
    missing = [key for key, found in states.items() if found is not State.CURRENT]
    damaged = [path_of(key) for key, found in states.items() if found is State.DAMAGED]
    return Inventory(missing, len(states) - len(missing), damaged)
