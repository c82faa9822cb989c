"""How far to believe this atlas: what was tried out on the network once more, the weakest first.

Everything is in the page; nothing depends on the photograph that the reader has chosen. What is
asked, and what counts as weak, is in `pipeline.views.trust`; here are the words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.config import Settings
from pipeline.grammar import (
    CHANNEL,
    CLASSES,
    SPATIAL,
    Activation,
    Attribution,
    Element,
    Interface,
    Removal,
    Substrate,
    show,
)
from pipeline.units import Unit
from pipeline.views import groups
from pipeline.views import trust as measures
from pipeline.views.trust import Answer, Tried

NAME = "trust"
TITLE = "How far to believe this atlas"

WEAKEST = 5  # answers that are told in sentences
CASES = 6  # photographs that a folded table lists
FAILING = 3  # single things of a layer that are named


@dataclass(frozen=True)
class Words:
    """How a measure is written.

    Attributes
    ----------
    question
        Its heading.
    reading
        How to read its numbers.
    sentence
        About one layer; # is its number.
    unit
        "r", "percent" or "gap".
    """

    question: str
    reading: str
    sentence: str
    unit: str


MEASURES: Mapping[str, Words] = {
    "shapley": Words(
        "Does a share say how much a channel counts?",
        "Channels, half of them those with the largest shares, the others drawn at random, were "
        "switched together with random sets of all others. What a channel adds on average (its "
        "Shapley value) is the truth that its share stands for. The bar is Pearson’s r of shares "
        "and truth; the tick is what can be asked: nine tenths of the r of two samples of the "
        "truth.",
        "shares of channels and what these channels add on average agree with #",
        "r",
    ),
    "removal": Words(
        "Is a channel missed as much as its share says?",
        "Single channels were removed, half of them those with the largest shares, the others "
        "drawn at random. The bar is Pearson’s r of shares and effects. A low r is no mistake of "
        "the shares: where several channels do the same work, each has a share, and none is missed "
        "alone. It warns against reading a share as what would happen without the channel.",
        "shares of channels and the effects of removing them agree with #",
        "r",
    ),
    "complete": Words(
        "Do the shares add up?",
        "The sum of all shares of a layer against what the layer really does to the logit, "
        "measured again for the top classes, and for channels, positions and groups alike. The "
        "number is the largest gap found.",
        "sums of shares are #, at most",
        "gap",
    ),
    "paths": Words(
        "Do the shares depend on the path?",
        "Shares of channels add up gradients on a path from an empty layer to the photograph’s. "
        "Here channels grow at random paces, on several such paths. The bar is the part of the "
        "shares that a single path has in common with their mean.",
        "# of the shares of channels are the same along single paths",
        "percent",
    ),
    "top": Words(
        "Are the top channels the same when the photograph changes a little?",
        "The photograph was moved by 4 pixels, mirrored, saved as a JPEG of quality 70, and given "
        "noise. The number is how many of its ten top channels for the most probable class stay "
        "among the ten, with the change that does most.",
        "# of the top channels stay when the photograph changes a little",
        "percent",
    ),
    "maps": Words(
        "Are the maps of positions the same when the photograph changes a little?",
        "The photograph was moved by 4 pixels, mirrored, saved as a JPEG of quality 70, and given "
        "noise. The map of shares was then moved back, and compared with that of the photograph: "
        "Pearson’s r, with the change that does most.",
        "maps of shares before and after a small change agree with #",
        "r",
    ),
    "groups": Words(
        "Are the groups found again?",
        "The photograph was moved by 4 pixels, mirrored, saved as a JPEG of quality 70, and given "
        "noise; and it was factorized from another start. The number is the share of groups whose "
        "map is the same to the eye (r above 0.7), with the change that does most. A group that is "
        "never found again is named.",
        "# of the groups are found again when the photograph changes a little",
        "percent",
    ),
    "pictures": Words(
        "Do the pictures show what their units respond to?",
        "Each feature visualization was shown to the network again. What it reaches, the mean over "
        "its positions, should be more than its unit does at 95 % of all positions of all "
        "photographs. The number is the share of pictures that do; the worst are shown. A picture "
        "far above everything real is a caricature, which this does not count against it.",
        "# of the pictures reach more than their unit does at 95 % of the positions of photographs",
        "percent",
    ),
    "reproduced": Words(
        "Is what was stored found again?",
        "Effects of removal, what groups explain, and what pictures reach were measured a second "
        "time. The number is the share of stored numbers that came out the same; anything below "
        "100 % is a mistake somewhere, and is named.",
        "# of the stored numbers are found again",
        "percent",
    ),
}
CHANGES = {
    "shift": "moved 4 pixels",
    "flip": "mirrored",
    "jpeg": "JPEG of quality 70",
    "noise": "with noise",
    "start": "another start",
}
METHODS = {
    "stored": "as in this atlas",
    "linear": "linear",
    "integrated": "integrated",
    "random_paths": "random paths",
    "removal": "removal alone",
}


# ------------------------------------------------------------------------------------ what is shown
def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return the activations, shares, effects of removal and groups that are tried out."""
    elements: list[Element] = []
    for layer in layers:
        channels, positions = (Substrate(layer, atom) for atom in (CHANNEL, SPATIAL))
        elements += show(Activation(channels))
        elements += show(Attribution(channels, CLASSES))
        elements += show(Attribution(positions, CLASSES))
        elements += show(Removal(channels, CLASSES))
    for layer in groups.layers(settings, layers):
        for count in groups.counts(settings, layer):
            cut = groups.substrate(layer, count)
            elements += [*show(Activation(cut)), *show(Attribution(cut, CLASSES))]
    return Interface(NAME, tuple(elements))


def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return nothing: the page has it all."""
    return {}


def page(atlas: Atlas) -> dict[str, Any]:
    """Return every measure in words, those with the weakest answers first."""
    tried = measures.read(atlas)
    answers = {
        name: sorted(some, key=_rank) for name, some in measures.answers(atlas, tried).items()
    }
    order = sorted(answers, key=lambda name: (_rank(answers[name][0]), name))
    every = sorted(
        ((name, each) for name, some in answers.items() for each in some),
        key=lambda pair: _rank(pair[1]),
    )
    return {
        "measures": [_measure(atlas, name, answers[name]) for name in order],
        "weakest": [
            _sentence(atlas, name, each)
            for name, each in every[:WEAKEST]
            if each.weak or each.failing or not each.decided
        ],
        "asked": len(every),
        "weak": sum(each.weak for _, each in every),
        "undecided": sum(not each.decided for _, each in every),
        "photographs": list(tried.photographs),
        "effort": atlas.settings.trust,
        "methods": _methods(atlas, tried),
    }


def _rank(answer: Answer) -> tuple[bool, bool, bool, float]:
    return not answer.weak, answer.decided, not answer.failing, answer.margin


# -------------------------------------------------------------------------------------------- words
def written(value: float, unit: str) -> str:
    """Write the number of a measure."""
    if unit == "r":
        return f"r = {value:.2f}".replace("-", "−")
    if unit == "gap":
        return f"off by {100 * (1 - value):.1f} %"
    # 99.7 % is not all.
    return (
        f"{100 * value:.0f} %"
        if value in (0, 1) or 0.005 < value < 0.995
        else f"{100 * value:.1f} %"
    )


def _sentence(atlas: Atlas, name: str, answer: Answer) -> dict[str, Any]:
    words = MEASURES[name]
    return {
        "name": name,
        "layer": atlas.layer(answer.layer).title,
        "text": words.sentence.replace("#", written(answer.value, words.unit)),
        "verdict": verdict(answer),
    }


def verdict(answer: Answer) -> tuple[str, str]:
    """Return what an answer is, "weak", "undecided" or "holds", and the same in words."""
    if not answer.decided:
        return "undecided", "too noisy to judge"
    if answer.weak:
        return "weak", "weak"
    return "holds", f"holds, but for {len(answer.failing)}" if answer.failing else "holds"


def _measure(atlas: Atlas, name: str, answers: Sequence[Answer]) -> dict[str, Any]:
    words = MEASURES[name]
    columns = list(dict.fromkeys(label for each in answers for label in each.cases))[:CASES]
    return {
        "name": name,
        "question": words.question,
        "reading": words.reading,
        "columns": [CHANGES.get(label, label) for label in columns],
        "rows": [_row(atlas, words, each, columns) for each in answers],
        "failing": [each for answer in answers for each in _failing(atlas, answer)],
        "more": sum(max(0, len(each.failing) - FAILING) for each in answers),
    }


def _row(atlas: Atlas, words: Words, answer: Answer, columns: Sequence[str]) -> dict[str, Any]:
    cases = answer.cases
    return {
        "layer": atlas.layer(answer.layer),
        "text": written(answer.value, words.unit),
        "bar": round(100 * min(max(answer.value, 0.0), 1.0), 1),
        "bound": round(100 * answer.bound, 1),
        "verdict": verdict(answer),
        "cases": [written(cases[each], words.unit) if each in cases else "" for each in columns],
    }


def _failing(atlas: Atlas, answer: Answer) -> Iterator[dict[str, Any]]:
    """What fails, in words; a picture with its unit, so that the page can show it."""
    layer = atlas.layer(answer.layer)
    for kind, *what in answer.failing[:FAILING]:
        unit = Unit.parse(what[0]) if kind in ("picture", "reach") else None
        if kind == "group":
            title, count, number = what
            text = f"group {number + 1} of {count}, {title}"
        elif kind == "removals":
            text = f"effects of removal, {what[0]}"
        elif kind == "explained":
            text = f"what {what[1]} groups explain, {what[0]}"
        else:
            assert unit is not None
            reach = f"above {written(what[1], 'percent')} of positions" if kind == "reach" else ""
            text = f"{name_of(atlas, layer, unit)}: {reach or 'does not do what was stored'}"
        yield {"layer": layer, "unit": unit, "text": text}


def name_of(atlas: Atlas, layer: Layer, unit: Unit) -> str:
    """Name a unit: its channel, or the photograph and groups that its direction is one of."""
    if unit.channel_index is not None:
        return f"channel {unit.channel_index}"
    for photograph in atlas.photographs:
        for count in groups.counts(atlas.settings, layer.name):
            cut = groups.substrate(layer.name, count)
            with atlas.open(photograph) as file:
                if f"{Activation(cut).path}/channels" not in file:
                    continue
                units = groups.read(file, cut).units
            if unit.original in units:
                number = units.index(unit.original) + 1
                return f"group {number} of {count}, {photograph.title}"
    return "a group that agrees with those of an upper layer"


def _methods(atlas: Atlas, tried: Tried) -> dict[str, Any]:
    """Pearson's r with the sampled Shapley values: rows are layers, columns methods."""
    rows = []
    columns: list[str] = []
    for layer in atlas.network.layers:
        found = measures.by_method(tried.layer(layer.name))
        if found:
            columns = list(dict.fromkeys([*columns, *found]))
            rows.append((layer, found, measures.reliability(tried.layer(layer.name))))
    return {
        "columns": [METHODS[each] for each in columns],
        "rows": [
            {
                "layer": layer,
                "cells": [written(found[each], "r") if each in found else "" for each in columns],
                "reliability": written(reliability, "r"),
            }
            for layer, found, reliability in rows
        ],
    }
