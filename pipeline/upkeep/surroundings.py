"""What an atlas is computed with: versions of packages, the machine, how long it took."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pipeline.progress import PhaseReport

# The packages that numbers and pictures depend on.
COMPUTING = (
    *("torch", "torchvision", "timm", "numpy", "scipy", "scikit-learn"),
    *("scikit-image", "pillow", "h5py"),
)


class Part(BaseModel):
    """A part of a statement."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Took(Part):
    """How many things of a phase were computed, and in how many seconds, in all builds together."""

    computed: int
    seconds: float


class Run(Part):
    """What computed an atlas; no two machines need agree on it.

    Attributes
    ----------
    packages
        Name of a package → its version.
    machine
        What it is → text or number: system, processor, cores, gigabytes of memory, accelerator.
    device, workers
        As asked for; None: as many workers as were worth it.
    phases
        Phase → what it took.
    """

    python: str
    packages: dict[str, str]
    machine: dict[str, str | int]
    device: str
    workers: int | None
    phases: dict[str, Took]


def run_of(
    known: Run | None, reports: Sequence[PhaseReport], device: str, workers: int | None
) -> Run | None:
    """Add a build to those before it.

    Parameters
    ----------
    known
        What earlier builds of the same store have left; None at first.
    reports
        How the phases of this build went.
    device, workers
        As asked for.

    Returns
    -------
    Run or None
        The same as before where nothing was computed.
    """
    if not any(each.computed for each in reports):
        return known
    phases = dict(known.phases) if known else {}
    for each in reports:
        if each.computed:
            before = phases.get(each.name, Took(computed=0, seconds=0.0))
            phases[each.name] = Took(
                computed=before.computed + each.computed,
                seconds=round(before.seconds + each.seconds, 1),
            )
    return Run(
        python=platform.python_version(),
        packages=packages(),
        machine=_machine(),
        device=device,
        workers=workers,
        phases=phases,
    )


def packages() -> dict[str, str]:
    """Return the versions of the packages that results depend on, as far as they are installed."""
    found = {}
    for name in COMPUTING:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _machine() -> dict[str, str | int]:
    found: dict[str, str | int] = {
        "system": platform.system(),
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
    }
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        found["memory, GB"] = round(memory / 1e9)
    except (AttributeError, ValueError, OSError):  # only POSIX systems tell
        pass
    accelerator = _accelerator()
    return {**found, "accelerator": accelerator} if accelerator else found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _accelerator() -> str:
    # What has computed in this process has loaded torch; loading it for a name takes seconds.
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return ""
    return str(torch.cuda.get_device_name())
