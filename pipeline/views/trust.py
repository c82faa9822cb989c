"""Trust: what was tried out of an atlas, read from the store and judged.

A measure asks one question of one layer, over all photographs that were tried out. Its answer is a
number of which more is better, with the bound below which it is called weak. The bounds are few and
stand here, each with its reason; docs/trust.md discusses them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.atlas import Atlas, Key
from pipeline.shapley import correlation
from pipeline.slugs import slug
from pipeline.store import File, State, Store, state

KIND = "trust"
PHOTOGRAPH, PICTURES = "photographs", "pictures"  # what a file of this kind is of

# Of the reference's own reliability: two samples of the truth agree no better than that.
OF_RELIABILITY = 0.9
# Below this, what was sampled says too little to judge by, unless the two even disagree in sign.
RELIABLE = 0.5
# Half of what removals vary by is not in the shares.
REMOVAL = 0.7
# A single path is off by no more than half of what it shares out.
PATHS = 0.5
# A map, or a group, is the same to the eye above this.
SAME_MAP = 0.7
GROUPS = 0.8  # of them are found again
TOP_KEPT = 0.6  # of the top channels are still among them
# A picture shows what its unit responds to if it reaches more than most of what is in photographs.
PICTURE = 0.95
PICTURES_DO = 0.95  # of them do
# What is measured twice, without chance, is the same up to rounding to half precision.
ROUNDING = 0.01
ACTIVATION = 0.05  # of what a picture reaches; batches of other sizes round differently

Arrays = Mapping[str, np.ndarray]


def path_of(store: Store, key: Key) -> Path:
    """Return the path of a file of this kind: of (PHOTOGRAPH, name) or (PICTURES, layer)."""
    kind, name = key
    return store.root / KIND / kind / f"{name if kind == PHOTOGRAPH else slug(name)}.h5"


def current(atlas: Atlas, kind: str) -> list[str]:
    """Return what was tried out as it is now: photographs (PHOTOGRAPH) or layers (PICTURES)."""
    return [
        key[1]
        for key, fingerprint in atlas.fingerprints.get(KIND, {}).items()
        if key[0] == kind and state(path_of(atlas.store, key), KIND, fingerprint) is State.CURRENT
    ]


# ------------------------------------------------------------------------------------ what is read
@dataclass(frozen=True)
class Tried:
    """What was tried out.

    Attributes
    ----------
    photographs
        Title → layer → name → array, as `pipeline.schema.trust` names them.
    pictures
        Layer → name → array, `[U]` each, as `pipeline.schema.trusted_pictures` names them.
    """

    photographs: Mapping[str, Mapping[str, Arrays]]
    pictures: Mapping[str, Arrays]

    def layer(self, name: str) -> dict[str, Arrays]:
        """Return a layer's arrays: photograph → name → array."""
        found = {title: layers.get(name) for title, layers in self.photographs.items()}
        return {title: arrays for title, arrays in found.items() if arrays}


def read(atlas: Atlas) -> Tried:
    """Read what the store holds, as far as it is about what is configured now."""
    tried, shown = current(atlas, PHOTOGRAPH), current(atlas, PICTURES)
    photographs: dict[str, dict[str, Arrays]] = {}
    for each in atlas.photographs:
        if each.name in tried:
            with File(path_of(atlas.store, (PHOTOGRAPH, each.name))) as file:
                photographs[each.title] = _by_layer(file, atlas.layer_names)
    pictures: dict[str, Arrays] = {}
    for name in atlas.layer_names:
        if name in shown:
            with File(path_of(atlas.store, (PICTURES, name))) as file:
                pictures[name] = {each: file.values(each) for each in file.names()}
    return Tried(photographs, pictures)


def _by_layer(file: File, layers: Sequence[str]) -> dict[str, Arrays]:
    names = file.names()
    return {
        layer: {
            each.removeprefix(f"{layer}/"): file.values(each)
            for each in names
            if each.startswith(f"{layer}/")
        }
        for layer in layers
    }


# ----------------------------------------------------------------------------------------- answers
@dataclass(frozen=True)
class Answer:
    """The answer of one measure for one layer.

    Attributes
    ----------
    layer
        Its name.
    value, bound
        More is better; below the bound it is weak.
    cases
        What it is made of: a photograph's title, or the name of a change → its own number.
    failing
        Single things that fail, worst first: ("group", photograph, count, number), ("removals",
        photograph), ("explained", photograph, count), ("picture", unit), whose activation is not
        the stored one, and ("reach", unit, share of positions).
    decided
        Whether there is enough to judge by.
    """

    layer: str
    value: float
    bound: float
    cases: Mapping[str, float]
    failing: tuple[tuple[Any, ...], ...] = ()
    decided: bool = True

    @property
    def weak(self) -> bool:
        """Whether it is below its bound."""
        return self.decided and self.value < self.bound

    @property
    def margin(self) -> float:
        """How far the value is above the bound, relative to it."""
        return self.value / self.bound - 1


def shapley(name: str, tried: Mapping[str, Arrays]) -> Answer | None:
    """Do the shares of channels agree with sampled Shapley values? Pearson's r."""
    found = {title: each for title, each in tried.items() if "reference" in each}
    if not found:
        return None
    stored = [each["shares"][0] for each in found.values()]
    cases = {
        title: float(correlation(each["shares"][0], each["reference"].mean(0)))
        for title, each in found.items()
    }
    value = pooled(stored, [each["reference"].mean(0) for each in found.values()])
    reliable = reliability(found)
    bound = OF_RELIABILITY * max(reliable, RELIABLE)
    decided = reliable >= RELIABLE or value <= 0
    return Answer(name, value, bound, cases, decided=decided)


def by_method(tried: Mapping[str, Arrays]) -> dict[str, float]:
    """Method → Pearson's r with the sampled Shapley values; those not computed are left out."""
    found = [each for each in tried.values() if "reference" in each]
    if not found:
        return {}
    values = {}
    for row, method in enumerate(found[0]["methods"].tolist()):
        shares = [each["shares"][row] for each in found]
        if np.isfinite(np.concatenate(shares)).all():
            values[method] = pooled(shares, [each["reference"].mean(0) for each in found])
    return values


def reliability(tried: Mapping[str, Arrays]) -> float:
    """Pearson's r between the two halves of the reference."""
    halves = [each["reference"] for each in tried.values() if "reference" in each]
    return pooled([each[0] for each in halves], [each[1] for each in halves])


def removal(name: str, tried: Mapping[str, Arrays]) -> Answer | None:
    """Is a channel missed as much as its share says? Pearson's r with the effect of removal."""
    found = {title: each for title, each in tried.items() if "shares" in each}
    if not found:
        return None
    pairs = {title: (each["shares"][0], each["shares"][-1]) for title, each in found.items()}
    cases = {title: float(correlation(*pair)) for title, pair in pairs.items()}
    value = pooled([a for a, _ in pairs.values()], [b for _, b in pairs.values()])
    return Answer(name, value, REMOVAL, cases)


def complete(name: str, tried: Mapping[str, Arrays], tolerance: float) -> Answer | None:
    """Do shares add up to what the layer does to the logit? One less the largest relative gap.

    A gap is relative to the change of its own class, or to a twentieth of the largest change where
    that is more.
    """
    found = {title: each for title, each in tried.items() if "sums" in each}
    if not found:
        return None
    gaps = {}
    for title, each in found.items():
        change = np.abs(each["change"])
        gap = np.abs(each["sums"] - each["change"])
        gaps[title] = float((gap / np.maximum(change, max(change.max() / 20, 1e-6))).max())
    cases = {title: max(0.0, 1 - gap) for title, gap in gaps.items()}
    # Half precision rounds each share of the store.
    return Answer(name, min(cases.values()), 1 - tolerance - ROUNDING / 2, cases)


def paths(name: str, tried: Mapping[str, Arrays]) -> Answer | None:
    """Would another path have given the same shares? One less the spread over random paths."""
    cases = {title: 1 - float(each["spread"]) for title, each in tried.items() if "spread" in each}
    if not cases:
        return None
    return Answer(name, max(0.0, float(np.mean(list(cases.values())))), 1 - PATHS, cases)


def top_channels(name: str, tried: Mapping[str, Arrays]) -> Answer | None:
    """Are the top channels the same in a changed photograph? The share of them that are."""
    return _stable(name, tried, "top", TOP_KEPT)


def maps(name: str, tried: Mapping[str, Arrays]) -> Answer | None:
    """Are the maps of positions the same in a changed photograph? Pearson's r."""
    return _stable(name, tried, "maps", SAME_MAP)


def _stable(name: str, tried: Mapping[str, Arrays], what: str, bound: float) -> Answer | None:
    found = [each for each in tried.values() if what in each]
    if not found:
        return None
    rows = np.mean([each[what] for each in found], axis=0)
    cases = dict(zip(found[0]["changes"].tolist(), rows.tolist(), strict=False))
    return Answer(name, float(rows.min()), bound, cases)


def groups(name: str, tried: Mapping[str, Arrays]) -> Answer | None:
    """Are groups found again in a changed photograph? The share of them whose map is the same.

    A group fails that is found again after no change at all.
    """
    found = [
        (title, key, each)
        for title, each in tried.items()
        for key in each
        if key.startswith("group.") and key.endswith("/maps")
    ]
    if not found:
        return None
    rows = np.concatenate([each[key] for _, key, each in found], axis=1)
    again = (rows >= SAME_MAP).mean(axis=1)
    failing = [
        (float(best), ("group", title, each[key].shape[1], number))
        for title, key, each in found
        for number, best in enumerate(each[key].max(axis=0))
        if best < SAME_MAP
    ]
    cases = dict(zip(found[0][2]["changes"].tolist(), again.tolist(), strict=False))
    lost = tuple(each for _, each in sorted(failing))
    return Answer(name, float(again.min()), GROUPS, cases, lost)


def reproduced(name: str, tried: Mapping[str, Arrays], pictures: Arrays | None) -> Answer | None:
    """Is what the store holds found when it is measured again? The share of numbers that are.

    They are effects of removal, the share of activations that groups explain, and what pictures
    reach.
    """
    same: list[np.ndarray] = []
    failing: list[tuple[Any, ...]] = []
    cases: dict[str, float] = {}
    for title, each in tried.items():
        mine = []
        if "removals" in each:
            stored, again = each["removals"]
            largest = np.abs(each["removals"]).max()
            mine.append(np.abs(stored - again) <= ROUNDING * max(float(largest), 1e-6))
            if not mine[-1].all():
                failing.append(("removals", title))
        for key in (key for key in each if key.endswith("/explained")):
            stored, again = each[key]
            mine.append(np.array([abs(stored - again) <= ROUNDING]))
            if not mine[-1].all():
                failing.append(("explained", title, int(key.split("/")[0].split(".")[1])))
        if mine:
            cases[title] = float(np.concatenate(mine).mean())
            same += mine
    if pictures is not None:
        off = np.abs(pictures["reached"] - pictures["stated"])
        fine = off <= ACTIVATION * np.maximum(np.abs(pictures["stated"]), 1e-3)
        same.append(fine)
        failing += [("picture", str(unit)) for unit in pictures["units"][~fine]]
    found = np.concatenate([np.zeros(0, bool), *same])
    if not len(found):
        return None
    return Answer(name, float(found.mean()), 1.0, cases, tuple(failing))


def pictures_reach(name: str, pictures: Arrays | None) -> Answer | None:
    """Do pictures activate their units more than photographs do? The share of them that do."""
    if pictures is None or not len(pictures["units"]):
        return None
    below = pictures["below"]
    order = np.argsort(below, kind="stable")
    failing = tuple(
        ("reach", str(pictures["units"][i]), float(below[i])) for i in order if below[i] < PICTURE
    )
    quartiles = np.quantile(below, [0, 0.25, 0.5])
    cases = dict(
        zip(("the worst", "a quarter below", "the middle one"), quartiles.tolist(), strict=True)
    )
    value = float((below >= PICTURE).mean())
    return Answer(name, value, PICTURES_DO, cases, failing)


def pooled(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> float:
    """Pearson's r of pairs `[m]`, each array less its own mean."""
    first, second = (
        np.concatenate([each.astype(np.float64) - each.mean(dtype=np.float64) for each in arrays])
        for arrays in (a, b)
    )
    return float(correlation(first, second))


def answers(atlas: Atlas, tried: Tried) -> dict[str, list[Answer]]:
    """Ask every measure of every layer: measure → answers, in the order of layers."""
    tolerance = atlas.settings.attribution.tolerance
    found: dict[str, list[Answer | None]] = {}
    for name in atlas.layer_names:
        layer, pictures = tried.layer(name), tried.pictures.get(name)
        for measure, answer in _of_layer(name, layer, pictures, tolerance):
            found.setdefault(measure, []).append(answer)
    given = {
        measure: [each for each in some if each is not None] for measure, some in found.items()
    }
    return {measure: some for measure, some in given.items() if some}


def _of_layer(
    name: str, layer: Mapping[str, Arrays], pictures: Arrays | None, tolerance: float
) -> Iterator[tuple[str, Answer | None]]:
    yield "shapley", shapley(name, layer)
    yield "removal", removal(name, layer)
    yield "complete", complete(name, layer, tolerance)
    yield "paths", paths(name, layer)
    yield "top", top_channels(name, layer)
    yield "maps", maps(name, layer)
    yield "groups", groups(name, layer)
    yield "pictures", pictures_reach(name, pictures)
    yield "reproduced", reproduced(name, layer, pictures)
