"""An example of a phase: the mean brightness of each photograph, in a file of its own.

A phase of the package is such a file in `pipeline/phases/` and a line in `PHASES`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline import photographs
from pipeline.arrays import Array
from pipeline.atlas import Atlas, Key
from pipeline.fingerprints import fingerprint_of
from pipeline.phases.phase import Inventory, Phase, Written, inventory_of_files
from pipeline.store import write
from pipeline.survey import Survey

KIND = "brightness"
VERSION = 1  # raised when it is computed differently


@dataclass(frozen=True)
class Job:
    name: str
    path: Path


def path_of(survey: Survey, name: str) -> Path:
    return survey.store.root / KIND / f"{name}.h5"


def fingerprints(survey: Survey) -> dict[Key, str]:
    return {
        (each.name,): fingerprint_of(KIND, VERSION, each.fingerprint) for each in survey.photographs
    }


def inventory(survey: Survey, atlas: Atlas) -> Inventory[Key]:
    return inventory_of_files(KIND, atlas.fingerprints[KIND], lambda key: path_of(survey, *key))


def jobs(survey: Survey, _atlas: Atlas, missing: Sequence[Key]) -> Iterator[Job]:
    paths = {each.name: each.path for each in survey.photographs}
    return (Job(name, paths[name]) for (name,) in missing)


def compute(job: Job) -> float:
    return float(photographs.decode(job.path).mean())


def write_file(survey: Survey, atlas: Atlas, job: Job, brightness: float) -> Written:
    datasets = {"brightness": Array(np.array(brightness, np.float32), (), "0…255")}
    write(path_of(survey, job.name), KIND, atlas.fingerprints[KIND][(job.name,)], datasets)
    return Written(detail=f"{job.name}: {brightness:.0f}")


BRIGHTNESS = Phase(
    "brightness", "photographs", KIND, fingerprints, inventory, jobs, compute, write_file
)
