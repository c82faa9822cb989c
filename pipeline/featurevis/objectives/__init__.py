"""Objectives: what a picture should do to the network, as values that add, subtract and scale.

`channel("mixed4d", 5) - 0.1 * total_variation()` is an `Objective`. Each file below makes one kind;
a new one is one file with a `Term` and one line in `__all__`. `objective` holds what they share.
"""

from __future__ import annotations

from pipeline.featurevis.objectives.blur import blur
from pipeline.featurevis.objectives.channel import channel
from pipeline.featurevis.objectives.direction import direction
from pipeline.featurevis.objectives.group import group
from pipeline.featurevis.objectives.l1 import l1
from pipeline.featurevis.objectives.likeness import diversity, likeness
from pipeline.featurevis.objectives.logit import logit
from pipeline.featurevis.objectives.neuron import neuron
from pipeline.featurevis.objectives.objective import Objective, Term, evaluate, layers_of
from pipeline.featurevis.objectives.opacity import opacity
from pipeline.featurevis.objectives.total_variation import total_variation

__all__ = [
    "Objective",
    "Term",
    "blur",
    "channel",
    "direction",
    "diversity",
    "evaluate",
    "group",
    "l1",
    "layers_of",
    "likeness",
    "logit",
    "neuron",
    "opacity",
    "total_variation",
]
