"""The phases of a build, in their order: a file each, and one line in `PHASES`.

A phase is a value of the type in `phase`: something the store should hold, what that depends on,
what of it is missing, and how it is computed and written. What is computed of a photograph may need
the baselines, and decides which feature visualizations are needed. `atlas` makes what figures get
to read.
"""

from __future__ import annotations

from typing import Any

from pipeline.phases.activation_grids import ACTIVATION_GRIDS
from pipeline.phases.baselines import BASELINES
from pipeline.phases.feature_visualizations import FEATURE_VISUALIZATIONS
from pipeline.phases.phase import Phase, workers_of
from pipeline.phases.photographs import PHOTOGRAPHS
from pipeline.phases.trust import TRUSTED

__all__ = [
    "ACTIVATION_GRIDS",
    "BASELINES",
    "FEATURE_VISUALIZATIONS",
    "PHASES",
    "PHOTOGRAPHS",
    "TRUSTED",
    "Phase",
    "workers_of",
]

PHASES: tuple[Phase[Any, Any, Any], ...] = (
    BASELINES,
    PHOTOGRAPHS,
    FEATURE_VISUALIZATIONS,
    ACTIVATION_GRIDS,
    TRUSTED,
)
