"""Twenty kills at random moments, by SIGKILL and SIGTERM, and then the same atlas as without them.

The processes are forked from a server that has loaded torch already: a build that is to be killed
early has something to do then, and the test ends soon.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from pipeline import build, featurevis, website
from pipeline.cli import main
from tests.end_to_end.conftest import Workplace, furnish
from tests.files import contents, without_runs

LOADED = (build, featurevis, website)  # once, by the server that processes are forked from
KILLS = 20
FEW = '[site]\nfigures = ["predictions", "semantic_dictionary", "class_comparison"]\n'


def build_in(folder: Path) -> None:
    """Run the command line as a user would who stands in the folder."""
    os.chdir(folder)
    sys.argv = ["building-blocks", "build", "atlas.toml", "-q"]
    main()


def started(folder: Path) -> ForkServerProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "torch", *(each.__name__ for each in LOADED)])
    process = context.Process(target=build_in, args=(folder,))
    process.start()
    return process


def finished(folder: Path) -> float:
    """Build undisturbed; return how many seconds it took."""
    began = time.monotonic()
    process = started(folder)
    process.join()
    assert process.exitcode == 0
    return time.monotonic() - began


def killed(folder: Path, number: signal.Signals, delay: float) -> int | None:
    """Kill a build after some seconds; return its exit code, None if it was done before."""
    process = started(folder)
    process.join(delay)
    if process.exitcode is not None:
        assert process.exitcode == 0
        return None
    assert process.pid is not None
    os.kill(process.pid, number)
    process.join()
    return process.exitcode or None  # it was done a moment before


def atlas_of(work: Workplace) -> dict[str, bytes]:
    """All files of a store and a site but the ledger, which notes how long things took."""
    found = contents(work.folder)
    del found["build/atlas/build.json"]
    kept = {name: data for name, data in found.items() if name.startswith(("build", "site", "."))}
    return without_runs(kept)


def take_away(work: Workplace, moments: random.Random) -> None:
    """Remove the site and some files of the store, so that there is something to do again."""
    for path in sorted((work.folder / "build").rglob("*.h5")):
        if moments.random() < 0.5:
            path.unlink()
    (work.site / "index.html").unlink()


@pytest.mark.slow
def test_kills_at_random_moments_change_nothing(tmp_path: Path) -> None:
    undisturbed, disturbed = furnish(tmp_path / "undisturbed"), furnish(tmp_path / "disturbed")
    for work in (undisturbed, disturbed):
        work.write(steps=20, more=FEW)
    seconds = finished(undisturbed.folder)
    moments, codes = random.Random(0), []
    while len(codes) < KILLS:
        number = (signal.SIGKILL, signal.SIGTERM)[len(codes) % 2]
        code = killed(disturbed.folder, number, moments.uniform(0.02, 0.9) * seconds)
        if code is None:
            take_away(disturbed, moments)
        else:
            codes.append(code)
    # SIGTERM before the first line of ours runs ends a process as it ends any other.
    assert set(codes) <= {-signal.SIGKILL, 143, -signal.SIGTERM}
    assert codes.count(-signal.SIGKILL) == KILLS // 2
    assert 143 in codes
    finished(disturbed.folder)
    assert atlas_of(disturbed) == atlas_of(undisturbed)
    assert not [path for path in tmp_path.rglob(".*") if path.name != ".nojekyll"]
