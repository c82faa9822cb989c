"""The opening: one decision, the channels that speak most for it and against it, and what is lost.

From `R[C, K]`, the shares of a layer's channels in the logits, the figure takes the `SIDE` largest
positive ones for the most probable class and the `SIDE` most negative ones. From `D[C, K]`, what
every logit was measured to lose without a channel, follows the network's whole answer without it,
the probabilities of `logits − D[c]`. What the page writes of a channel is what has been measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.config import Settings
from pipeline.grammar import (
    CHANNEL,
    CLASSES,
    INPUT,
    WHOLE,
    Activation,
    Attribution,
    Interface,
    Presentation,
    Removal,
    Substrate,
    show,
)
from pipeline.store import File
from pipeline.units import Unit
from pipeline.views.classes import Prediction, for_classes, probabilities, top_classes
from pipeline.views.layers import late
from pipeline.views.packing import pack_levels

NAME = "opening"
TITLE = "What speaks for it"

SIDE = 3  # channels for the decision, and against it
SHOWN = 3  # classes whose probabilities are shown


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return channels, their shares in the classes, the effects of removal, and the classes."""
    channels = Substrate(late(layers), CHANNEL)
    elements = [*show(Activation(Substrate(INPUT, WHOLE))), *show(Activation(CLASSES))]
    for content in (Attribution(channels, CLASSES), Removal(channels, CLASSES)):
        elements += show(content)
    elements += show(Activation(channels), Presentation.FEATURE_VIS, Presentation.INFO_VIS)
    return Interface(NAME, tuple(elements))


# --------------------------------------------------------------------------------------- speakers
@dataclass(frozen=True)
class Answer:
    """What the network answers, intact or without a channel.

    Attributes
    ----------
    first
        Its most probable class.
    probability
        Of that class, 0…1.
    shown
        Probabilities of the classes that the figure shows.
    """

    first: str
    probability: float
    shown: tuple[float, ...]

    def baked(self) -> dict[str, Any]:
        """Return it as the browser gets it."""
        shown = [round(each, 6) for each in self.shown]
        return {"first": self.first, "probability": round(self.probability, 6), "shown": shown}


@dataclass(frozen=True)
class Speaker:
    """A channel, its share in the decision's logit, and the answer without it."""

    channel: int
    share: float
    without: Answer


@dataclass(frozen=True)
class Opening:
    """A photograph's decision.

    Attributes
    ----------
    layer
        The layer that the channels are of.
    classes
        The most probable classes, the decision first.
    speakers
        Channels for the decision, strongest first, then those against it, strongest first.
    """

    layer: Layer
    classes: tuple[Prediction, ...]
    speakers: tuple[Speaker, ...]

    @property
    def named(self) -> int | None:
        """The channel that the first sentence names, as an index; None if none speaks for it.

        It is the strongest of those without which the decision is another one, or the strongest.
        """
        changing = [
            i
            for i, each in enumerate(self.speakers)
            if each.share > 0 and each.without.first != self.classes[0].name
        ]
        supporting = [i for i, each in enumerate(self.speakers) if each.share > 0]
        return next(iter([*changing, *supporting]), None)


def strongest(values: np.ndarray) -> list[int]:
    """Return rows of `values[C]`: the most positive ones, then the most negative ones."""
    order = np.argsort(-values, kind="stable")
    supporting = [int(c) for c in order[:SIDE] if values[c] > 0]
    opposing = [int(c) for c in order[::-1][:SIDE] if values[c] < 0]
    return supporting + opposing


def read(atlas: Atlas, photograph: Photograph) -> Opening:
    """Read what the figure shows of a photograph."""
    layer, classes = late(atlas.network.layers), top_classes(atlas, photograph)
    with atlas.open(photograph) as file:
        values = _shares(file, layer, classes)
        lost = file.values(Removal(Substrate(layer.name, CHANNEL), CLASSES).path)
        logits = file.values(Activation(CLASSES).path)
    speakers = tuple(
        Speaker(c, float(values[c]), _answer(atlas, logits - lost[c].astype("f8"), classes))
        for c in strongest(values)
    )
    return Opening(layer, classes, speakers)


def _shares(file: File, layer: Layer, classes: Sequence[Prediction]) -> np.ndarray:
    source = Substrate(layer.name, CHANNEL)
    return for_classes(file, Attribution(source, CLASSES), classes[:1])[:, 0]


def _answer(atlas: Atlas, logits: np.ndarray, classes: Sequence[Prediction]) -> Answer:
    likely = probabilities(logits, atlas.network)
    first = int(likely.argmax())
    shown = tuple(float(likely[each.index]) for each in classes[:SHOWN])
    return Answer(atlas.network.classes[first], float(likely[first]), shown)


# ------------------------------------------------------------------------- feature visualizations
def visualizations(atlas: Atlas, photograph: Photograph) -> dict[str, set[Unit]]:
    """Return the channels shown."""
    return {layer: set(units) for layer, units in shown_first(atlas, photograph).items()}


def shown_first(atlas: Atlas, photograph: Photograph) -> dict[str, list[Unit]]:
    """Return the channels shown, all of which are seen at once."""
    layer = late(atlas.network.layers)
    with atlas.open(photograph) as file:
        values = _shares(file, layer, top_classes(atlas, photograph, 1))
    return {layer.name: [Unit.channel(c) for c in strongest(values)]}


# ----------------------------------------------------------------------------------------- baking
def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return the classes, the channels with the answers without them, and their maps."""
    opening = read(atlas, photograph)
    channels = [each.channel for each in opening.speakers]
    with atlas.open(photograph) as file:
        cube = file.values(Activation(Substrate(opening.layer.name, CHANNEL)).path)
    return {
        "layer": opening.layer.name,
        "classes": [each.baked() for each in opening.classes[:SHOWN]],
        "exclusive": atlas.network.exclusive,
        "named": opening.named,
        "speakers": [
            {
                "channel": each.channel,
                "share": round(each.share, 4),
                "without": each.without.baked(),
            }
            for each in opening.speakers
        ],
        "maps": pack_levels(cube[channels]),
    }


# ------------------------------------------------------------------------------------------- page
def page(atlas: Atlas) -> dict[str, Any]:
    """Return what is shown first, of the first photograph."""
    opening = read(atlas, atlas.photographs[0])
    named = None if opening.named is None else opening.speakers[opening.named]
    return {
        "layer": opening.layer,
        "classes": opening.classes[:SHOWN],
        "named": named,
        "supporting": [each for each in opening.speakers if each.share > 0],
        "opposing": [each for each in opening.speakers if each.share < 0],
    }
