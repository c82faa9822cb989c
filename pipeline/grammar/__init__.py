"""The grammar of the article's footnote 7, as types: what can be shown, of what, and how.

A hidden layer's response to one photograph is a cube of activations `a[C, H, W]`. A `Substrate` is
a layer cut into atoms (`pipeline.atoms`). A `Content` is a quantity computed for one photograph:
the `Activation` of a substrate, the `Attribution` from one substrate to another, or what is derived
from attributions, `Saliency` and `Concentration`. An `Element` presents a content, and an
`Interface`, one figure, is a set of elements. A content knows its name in a photograph's HDF5 file,
so the plan, the computation, the store and the figures refer to it in the same way; and it knows
what it depends on, so the build can tell what is missing.
"""

from __future__ import annotations

from pipeline.atoms import CHANNEL, NEURON, SPATIAL, WHOLE, Atom, Group
from pipeline.grammar.contents import (
    BASELINE,
    Activation,
    Attribution,
    Between,
    Content,
    with_requirements,
)
from pipeline.grammar.derived import Concentration, Saliency, Sign
from pipeline.grammar.interfaces import Element, Interface, Presentation, show
from pipeline.grammar.measured import AtBaseline, Coalitions, Removal
from pipeline.grammar.substrates import CLASSES, INPUT, OUTPUT, Substrate

__all__ = [
    "BASELINE",
    "CHANNEL",
    "CLASSES",
    "INPUT",
    "NEURON",
    "OUTPUT",
    "SPATIAL",
    "WHOLE",
    "Activation",
    "AtBaseline",
    "Atom",
    "Attribution",
    "Between",
    "Coalitions",
    "Concentration",
    "Content",
    "Element",
    "Group",
    "Interface",
    "Presentation",
    "Removal",
    "Saliency",
    "Sign",
    "Substrate",
    "show",
    "with_requirements",
]
