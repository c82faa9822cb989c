"""What the person at the keyboard sees while a build runs: a bar per stage, plain lines elsewhere, a closing summary.

On a terminal each stage has a bar with done/total, rate and time left. Elsewhere a stage prints a line when it begins,
a line every ten seconds while it runs, and a line when it ends. `quiet` prints errors only.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

PLAIN_INTERVAL = 10.0  # seconds between lines of a stage where there is no terminal


@dataclass
class StageReport:
    """How a stage went: units of work computed and reused, and seconds."""

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


class Stage:
    """A stage under way; `advance` counts finished work."""

    def __init__(self, report: StageReport, total: int) -> None:
        self.report, self.total = report, total

    def advance(self, count: int = 1) -> None:
        """Count finished units of work."""
        self.report.computed += count


class _BarStage(Stage):
    def __init__(self, report: StageReport, total: int, bar: Progress) -> None:
        super().__init__(report, total)
        self._bar, self._task = bar, bar.add_task(report.name, total=total)

    def advance(self, count: int = 1) -> None:
        super().advance(count)
        self._bar.advance(self._task, count)


class _PlainStage(Stage):
    def __init__(self, report: StageReport, total: int, console: Console) -> None:
        super().__init__(report, total)
        self._console, self._began, self._last = console, time.monotonic(), time.monotonic()

    def advance(self, count: int = 1) -> None:
        super().advance(count)
        now = time.monotonic()
        if now - self._last >= PLAIN_INTERVAL and self.report.computed < self.total:
            self._last = now
            speed = self.report.computed / (now - self._began)
            left = duration_text((self.total - self.report.computed) / speed)
            self._console.print(
                f"{self.report.name}: {self.report.computed}/{self.total} {self.report.unit}, {rate_text(speed)}, {left} left"
            )


@dataclass
class Reporter:
    """Prints for people, on standard error, so that standard output stays free for results."""

    verbosity: int = 0  # -1 quiet, 0 normal, 1 verbose
    console: Console = field(default_factory=lambda: Console(stderr=True, highlight=False, soft_wrap=True))
    stages: list[StageReport] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Print a line unless quiet."""
        if self.verbosity >= 0:
            self.console.print(text, markup=False)

    def detail(self, text: str) -> None:
        """Print a line only if verbose."""
        if self.verbosity >= 1:
            self.console.print(text, markup=False)

    @contextmanager
    def stage(self, name: str, unit: str, total: int, reused: int = 0) -> Iterator[Stage]:
        """Run a stage of `total` units of work, `reused` more being there already."""
        report = StageReport(name, unit, reused=reused)
        self.stages.append(report)
        began = time.monotonic()
        try:
            if total == 0 or self.verbosity < 0:
                yield Stage(report, total)
            elif self.console.is_terminal:
                columns = (
                    TextColumn("{task.description:<24}"),
                    BarColumn(),
                    MofNCompleteColumn(),
                    _Rate(),
                    TimeRemainingColumn(compact=True),
                )
                with Progress(*columns, console=self.console) as bar:
                    yield _BarStage(report, total, bar)
            else:
                self.say(f"{name}: {total} {unit}" + (f" ({reused} kept)" if reused else ""))
                yield _PlainStage(report, total, self.console)
        finally:
            report.seconds = time.monotonic() - began
        if total and self.verbosity >= 0 and not self.console.is_terminal:
            self.say(f"{name}: {report.computed}/{total} {unit} in {duration_text(report.seconds)}")

    def summary(self) -> None:
        """Print what was computed and reused, and how long each stage took."""
        if not any(report.computed for report in self.stages):
            self.say("Nothing had changed: 0 computed.")
        width = max((len(report.name) for report in self.stages), default=0)
        for report in self.stages:
            counts = f"{report.computed:>5} computed {report.reused:>5} reused"
            self.say(f"  {report.name:<{width}}  {counts}  {duration_text(report.seconds):>12}")
