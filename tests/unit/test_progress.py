import io

import pytest
from rich.console import Console

from pipeline import progress
from pipeline.progress import Reporter, duration_text, rate_text


def reporter(verbosity: int = 0, terminal: bool = False) -> tuple[Reporter, io.StringIO]:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=120, highlight=False)
    return Reporter(verbosity, console), stream


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.42, "0.4 s"), (12.3, "12 s"), (185, "3 min 05 s")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_rates() -> None:
    assert (rate_text(3.21), rate_text(0.25), rate_text(0)) == ("3.2/s", "4.0 s each", "")


def test_plain_lines_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    plain, stream = reporter()
    with plain.phase("pictures", "pictures", 10, reused=3) as phase:
        for _ in range(10):
            now[0] += 4
            phase.advance()
    lines = stream.getvalue().splitlines()
    assert lines[0] == "pictures: 10 pictures (3 kept)"
    assert lines[1] == "pictures: 3/10 pictures, 4.0 s each, 28 s left"
    assert lines[-1] == "pictures: 10/10 pictures in 40 s"
    assert "\x1b" not in stream.getvalue()


def test_a_bar_on_a_terminal() -> None:
    shown, stream = reporter(terminal=True)
    with shown.phase("pictures", "pictures", 2) as phase:
        phase.advance(2)
    assert "2/2" in stream.getvalue()


def test_the_summary_counts() -> None:
    busy, stream = reporter()
    with busy.phase("photographs", "photographs", 1, reused=2) as phase:
        phase.advance()
    busy.summary()
    assert "1 computed     2 reused" in stream.getvalue()
    assert "Nothing had changed" not in stream.getvalue()
    idle, stream = reporter()
    with idle.phase("photographs", "photographs", 0, reused=3):
        pass
    idle.summary()
    assert stream.getvalue().startswith("Nothing had changed: 0 computed.")


def test_quiet_is_quiet_and_verbose_has_more() -> None:
    quiet, stream = reporter(-1)
    with quiet.phase("a", "b", 1) as phase:
        phase.advance()
    quiet.summary()
    quiet.info("x")
    assert stream.getvalue() == ""
    verbose, stream = reporter(1)
    verbose.detail("more [bold]")
    assert stream.getvalue() == "more [bold]\n"
