"""What a user sees while a build runs: the progress of each phase, and a summary at the end.

On a terminal each phase has a bar with done/total, rate and time left. Elsewhere a phase prints a
line when it begins, one every ten seconds while it runs, and one when it ends. Quiet, nothing is
printed but errors.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

PLAIN_INTERVAL = 10.0  # seconds between lines of a phase where there is no terminal


@dataclass
class PhaseReport:
    """How a phase went: units of work computed and reused, and seconds."""

    name: str
    unit: str
    computed: int = 0
    reused: int = 0
    seconds: float = 0.0


class _Rate(ProgressColumn):
    """Units per second, or seconds per unit where it takes longer than one."""

    def render(self, task: Task) -> Text:
        return Text(rate_text(task.speed or 0.0), style="progress.data.speed")


def rate_text(speed: float) -> str:
    """`3.2/s`, or `4.1 s each` for what takes longer than a second."""
    if speed <= 0:
        return ""
    return f"{speed:.1f}/s" if speed >= 1 else f"{1 / speed:.1f} s each"


def duration_text(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 05 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


class PhaseProgress:
    """A phase that is running."""

    def __init__(self, report: PhaseReport, total: int) -> None:
        self.report, self.total = report, total

    def advance(self, count: int = 1) -> None:
        """Count finished units of work."""
        self.report.computed += count


class _BarProgress(PhaseProgress):
    def __init__(self, report: PhaseReport, total: int, bar: Progress) -> None:
        super().__init__(report, total)
        self._bar, self._task = bar, bar.add_task(report.name, total=total)

    def advance(self, count: int = 1) -> None:
        super().advance(count)
        self._bar.advance(self._task, count)


class _LineProgress(PhaseProgress):
    def __init__(self, report: PhaseReport, total: int, console: Console) -> None:
        super().__init__(report, total)
        self._console, self._began, self._last = console, time.monotonic(), time.monotonic()

    def advance(self, count: int = 1) -> None:
        super().advance(count)
        now = time.monotonic()
        if now - self._last >= PLAIN_INTERVAL and self.report.computed < self.total:
            self._last = now
            done, total = self.report.computed, self.total
            speed = done / (now - self._began)
            left = duration_text((total - done) / speed)
            counts = f"{done}/{total} {self.report.unit}"
            self._console.print(f"{self.report.name}: {counts}, {rate_text(speed)}, {left} left")


@dataclass
class Reporter:
    """Prints for people, on standard error, so that standard output stays free for results."""

    verbosity: int = 0  # -1 quiet, 0 normal, 1 verbose
    console: Console = field(
        default_factory=lambda: Console(stderr=True, highlight=False, soft_wrap=True)
    )
    phases: list[PhaseReport] = field(default_factory=list)

    def info(self, text: str) -> None:
        """Print a line unless quiet."""
        if self.verbosity >= 0:
            self.console.print(text, markup=False)

    def detail(self, text: str) -> None:
        """Print a line only if verbose."""
        if self.verbosity >= 1:
            self.console.print(text, markup=False)

    @contextmanager
    def phase(self, name: str, unit: str, total: int, reused: int = 0) -> Iterator[PhaseProgress]:
        """Report a phase while its body runs.

        Parameters
        ----------
        name, unit
            Of the phase, and what it counts.
        total
            Units of work to do.
        reused
            Units of work that are done already.
        """
        report = PhaseReport(name, unit, reused=reused)
        self.phases.append(report)
        began = time.monotonic()
        try:
            if total == 0 or self.verbosity < 0:
                yield PhaseProgress(report, total)
            elif self.console.is_terminal:
                columns = (
                    TextColumn("{task.description:<24}"),
                    BarColumn(),
                    MofNCompleteColumn(),
                    _Rate(),
                    TimeRemainingColumn(compact=True),
                )
                with Progress(*columns, console=self.console) as bar:
                    yield _BarProgress(report, total, bar)
            else:
                self.info(f"{name}: {total} {unit}" + (f" ({reused} kept)" if reused else ""))
                yield _LineProgress(report, total, self.console)
        finally:
            report.seconds = time.monotonic() - began
        if total and self.verbosity >= 0 and not self.console.is_terminal:
            duration = duration_text(report.seconds)
            self.info(f"{name}: {report.computed}/{total} {unit} in {duration}")

    def summary(self) -> None:
        """Print what was computed and reused, and how long each phase took."""
        if not any(report.computed for report in self.phases):
            self.info("Nothing had changed: 0 computed.")
        width = max((len(report.name) for report in self.phases), default=0)
        for report in self.phases:
            counts = f"{report.computed:>5} computed {report.reused:>5} reused"
            self.info(f"  {report.name:<{width}}  {counts}  {duration_text(report.seconds):>12}")
