"""The site in stages: what has been computed is shown while the rest is on its way.

A build of an hour that shows nothing for an hour is not trusted, and its mistakes are seen an hour
too late. So the site is generated now and then from what the store holds, with the photographs that
are complete, and its page says what is still to come (`Atlas.unfinished`). A stage is due

- at the end of each phase, and while one runs whenever the build has lasted twice as long as at
  the last stage;
- not in the first minute: who waits so little needs no stage;
- not where all stages together would take more than a twentieth of the build;
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
SHARE = 1 / 20  # of a build, at most, that goes into stages
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
    _changed: bool = field(default=True, init=False)  # since the last stage

    def __post_init__(self) -> None:
        self._began = self.clock()

    def during_phase(self) -> None:
        """Show what there is, if the last stage is old; something has just been written."""
        self._changed = True
        if self._elapsed() >= 2 * self._shown:
            self.after_phase()

    def after_phase(self) -> None:
        """Show what there is, if a stage is worth its time; a phase has just ended."""
        began = self.clock()
        if not (self._changed and self._is_due()):
            return
        atlas = so_far(self.found, self.phases)
        if atlas is not None:
            self._show(atlas, began)

    def _elapsed(self) -> float:
        return self.clock() - self._began

    def _is_due(self) -> bool:
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
        self._changed, self._takes = False, self.clock() - began
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
