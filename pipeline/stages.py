"""The site in stages: what has been computed is shown while the rest is on its way.

A build of an hour that shows nothing for an hour is not trusted, and its mistakes are seen an hour
too late. So the site is generated now and then from what the store holds, with the photographs that
are complete, and its page says what is still to come (`Atlas.unfinished`). A stage is due

- when a phase has ended and the next has written something, and whenever the build has lasted
  twice as long as at the last stage;
- not in the first minute: who waits so little needs no stage;
- not where all stages together would take more than a thirtieth of the build;
- never over a finished site, which may be the one that its owner publishes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.atlas import Atlas
from pipeline.phases.atlas import atlas_of
from pipeline.phases.phase import Phase
from pipeline.phases.photographs import missing_contents
from pipeline.progress import Reporter
from pipeline.store import PHOTOGRAPHS
from pipeline.survey import Survey
from pipeline.website.output import is_finished

PATIENCE = 60.0  # seconds before the first stage
SHARE = 1 / 30  # of a build, at most, that goes into stages
A_PHOTOGRAPH = 0.1  # seconds that a stage takes for each, before it is known


@dataclass
class Stages:
    """The stages of one build.

    Attributes
    ----------
    found, phases, reporter
        What is built, and where messages go.
    write
        Writes the site of an atlas.
    clock
        Seconds, from any moment on.
    """

    found: Survey
    phases: Sequence[Phase[Any, Any, Any]]
    reporter: Reporter
    write: Callable[[Atlas], object]
    clock: Callable[[], float] = time.monotonic
    _began: float = field(init=False)
    _shown: float = field(default=0.0, init=False)  # seconds after the beginning
    _spent: float = field(default=0.0, init=False)
    _takes: float | None = field(default=None, init=False)
    _failed: bool = field(default=False, init=False)
    _ended: bool = field(default=False, init=False)  # a phase, since the last stage

    def __post_init__(self) -> None:
        self._began = self.clock()

    def written(self) -> None:
        """Show what there is, if a stage is due: something has just been written."""
        began = self.clock()
        if not (self._ended or self._elapsed() >= 2 * self._shown) or not self._is_worth_it():
            return
        atlas = so_far(self.found, self.phases)
        if atlas is not None:
            self._show(atlas, began)

    def phase_ended(self) -> None:
        """Let a stage be due as soon as the next phase has written something.

        Not at once: while the site is generated here, the next phase keeps the other processes
        busy.
        """
        self._ended = True

    def _elapsed(self) -> float:
        return self.clock() - self._began

    def _is_worth_it(self) -> bool:
        elapsed, takes = self._elapsed(), self._takes
        if takes is None:
            takes = A_PHOTOGRAPH * len(self.found.photographs)
        in_time = elapsed >= PATIENCE and self._spent + takes <= SHARE * elapsed
        return in_time and not self._failed and not is_finished(self.found.options.output)

    def _show(self, atlas: Atlas, began: float) -> None:
        page = self.found.options.output / "index.html"
        try:
            self.write(atlas)
        except Exception as error:
            # The site at the end fails of the same, if it is still so, with all that is computed.
            self.reporter.info(f"Nothing more is shown before the end: {error}")
            self._failed = True
            return
        self._ended, self._takes = False, self.clock() - began
        self._spent += self._takes
        self._shown = self._elapsed()
        to_come = ", ".join(atlas.unfinished)
        self.reporter.info(f"{page}: shows what there is already; still to come: {to_come}")


def so_far(found: Survey, phases: Sequence[Phase[Any, Any, Any]]) -> Atlas | None:
    """Return the atlas of the photographs that are complete, with what is still to come.

    Returns
    -------
    Atlas or None
        None where there is nothing to show yet, or nothing to come.
    """
    incomplete = {photograph.name for photograph, _ in missing_contents(found)}
    # Of all photographs: what pictures are made by may depend on every one of them.
    whole = atlas_of(found, phases)
    shown = tuple(each for each in whole.photographs if each.name not in incomplete)
    if not shown:
        return None
    atlas = replace(whole, photographs=shown)
    to_come = [f"{len(incomplete)} more photographs"] if len(incomplete) > 1 else []
    to_come += ["one more photograph"] if len(incomplete) == 1 else []
    to_come += [
        phase.name
        for phase in phases
        if phase.kind != PHOTOGRAPHS and phase.inventory(found, atlas).missing
    ]
    return replace(atlas, unfinished=tuple(to_come)) if to_come else None
