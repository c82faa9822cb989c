"""What the store holds of one photograph, tried out: every layer, every claim.

Symbols: M channels, m of them chosen; k classes; n groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.attribution.batches import to_numpy
from pipeline.attribution.coalitions import at_baseline
from pipeline.attribution.groups import cut_all, layers_of
from pipeline.attribution.observation import Observation
from pipeline.config import AttributionTable, GroupsTable
from pipeline.errors import AtlasError
from pipeline.factorization import Factorization, factorize
from pipeline.grammar import CHANNEL, CLASSES, OUTPUT, Group, Substrate
from pipeline.network import Network
from pipeline.trust import shares, stability
from pipeline.trust.changes import CHANGES, START, Change
from pipeline.trust.claims import Claims, Effort, GroupsClaim
from pipeline.trust.shares import Layer

METHODS = ("stored", "linear", "integrated", "random_paths", "removal")
# Methods whose shares in the store are integrated along the straight path, as here.
STRAIGHT_CHANNELS = ("integrated",)
STRAIGHT_POSITIONS = ("shares", "integrated")

Found = dict[str, np.ndarray]
Before = tuple[np.ndarray, np.ndarray] | None


@dataclass(frozen=True)
class Trial:
    """How a photograph is tried out.

    Attributes
    ----------
    network, pixels
        The network, and the photograph uint8 `[H, W, 3]` as it is shown it.
    attribution, groups
        The tables of the configuration.
    effort
        How much is tried out.
    means
        Layer → its baseline `[C]`; None: baselines are zero.
    faster
        As `pipeline.attribution.observation.Observation` takes it.
    """

    network: Network
    pixels: np.ndarray
    attribution: AttributionTable
    groups: GroupsTable
    effort: Effort
    means: Mapping[str, np.ndarray] | None = None
    faster: Network | None = None

    def of(self, claims: Sequence[Claims]) -> dict[str, Found]:
        """Try out some layers: layer → name → array, as `pipeline.schema.trust` keeps them.

        Raises
        ------
        AtlasError
            As attribution and factorization do.
        """
        layers = [each.layer for each in claims]
        observation = self._observed(self.pixels, layers)
        found: dict[str, Found] = {}
        for claim in claims:
            layer = self._layer(observation, claim)
            found[claim.layer] = {
                **self._shares(layer, claim),
                **_sums(observation, claim),
                **_explained(to_numpy(observation.cube(claim.layer)), claim),
            }
        for name, values in self._stability(observation, claims, found).items():
            found[name] |= values
        return found

    # ------------------------------------------------------------------------------------ shares
    def _shares(self, layer: Layer, claim: Claims) -> Found:
        """Shares of some channels in the first class's logit, against the reference."""
        if "channel" not in claim.shares:
            return {}
        stored = claim.shares["channel"][..., 0]
        chosen = shares.choose(stored, self.effort)
        removed = shares.removed(layer, chosen)
        straight, positions = shares.integrated(layer)
        others = shares.other_methods(layer, self.attribution)
        by_method = [stored, others.linear, straight, others.random_paths]
        if self.means is not None:  # these two begin at zero, whatever the baseline
            by_method[1] = by_method[3] = np.full(len(stored), np.nan)
        size = np.abs(others.random_paths).sum()
        found = {
            "channels": chosen,
            "methods": np.array(METHODS),
            "reference": shares.sampled(layer, chosen, self.effort),
            "shares": np.stack([*(each[chosen] for each in by_method), removed]),
            "spread": np.array(others.spread.sum() / size if size > 0 else 0.0),
            "straight/channels": straight,
            "straight/positions": positions,
        }
        if claim.removals is not None:
            found["removals"] = np.stack([claim.removals[chosen], removed])
        return found

    # --------------------------------------------------------------------------------- stability
    def _stability(
        self, observation: Observation, claims: Sequence[Claims], found: Mapping[str, Found]
    ) -> dict[str, Found]:
        """Layer → what is found again: one row for each change."""
        rows: dict[str, list[Found]] = {claim.layer: [] for claim in claims}
        for change in CHANGES.values():
            changed = self._observed(change.apply(self.pixels), list(rows))
            for claim in claims:
                before = self._before(claim, found[claim.layer])
                again = self.again(changed, claim, before, change)
                rows[claim.layer].append(again)
        stacked = {name: _stacked(each) for name, each in rows.items()}
        for each in stacked.values():
            each["changes"] = np.array([*CHANGES, START])
        return self._with_another_start(observation, claims, stacked)

    def again(
        self, observation: Observation, claim: Claims, before: Before, change: Change
    ) -> Found:
        """What of a layer is found again in a changed photograph; nothing where it is silent."""
        silent, again = not observation.cubes[claim.layer].any(), Found()
        if before is not None:
            top, likeness = 0.0, 0.0
            if not silent:
                channels, positions = shares.integrated(self._layer(observation, claim))
                top = stability.kept(before[0], channels)
                back = change.undo(positions, self.pixels.shape[:2])
                likeness = stability.likeness(before[1], back)
            again |= {"top": np.array(top), "maps": np.array(likeness)}
        for n, groups in _repeated(claim):
            other = None if silent else self._factorized(observation, claim.layer, n)
            none = np.zeros(n)
            pair = (none, none)
            if other is not None:
                spatial = change.undo(other.spatial, self.pixels.shape[:2])
                pair = stability.found_again(groups, other, spatial)
            again |= _pair(n, pair)
        return again

    def _with_another_start(
        self, observation: Observation, claims: Sequence[Claims], found: dict[str, Found]
    ) -> dict[str, Found]:
        """Add a row: the photograph itself, factorized from another start."""
        if any(weight for name, weight in self._preserve.items() if name != "activations"):
            return found  # what other quantities preserve has one start only
        for claim in claims:
            for n, groups in _repeated(claim):
                cube = to_numpy(observation.cube(claim.layer))
                other = factorize(cube, n, claim.layer, seed=self.effort.seed + 1)
                pair = _pair(n, stability.found_again(groups, other, other.spatial))
                for name, values in pair.items():
                    found[claim.layer][name] = np.vstack([found[claim.layer][name], values])
        return found

    def _before(self, claim: Claims, found: Found) -> Before:
        """Shares of channels and positions of the photograph itself, if there are any.

        Those of the store, where they are computed as the changed photograph's are.
        """
        if "channel" not in claim.shares:
            return None
        channels, positions = found["straight/channels"], found["straight/positions"]
        if self.attribution.method in STRAIGHT_CHANNELS:
            channels = claim.shares["channel"][..., 0]
        if self.attribution.method in STRAIGHT_POSITIONS and "spatial" in claim.shares:
            positions = claim.shares["spatial"][..., 0]
        return channels, positions

    def _factorized(self, observation: Observation, layer: str, n: int) -> Factorization | None:
        """Factorize as the store's groups were; None where there is too little for n groups."""
        substrate = Substrate(layer, Group(n))
        try:
            cut = cut_all(observation, [substrate], None, None, self._preserve)[substrate]
        except AtlasError:
            return None
        return cut.factorization  # type: ignore[attr-defined]  # a cut into groups has one

    @property
    def _preserve(self) -> dict[str, float]:
        return {str(name): weight for name, weight in self.groups.preserve.items()}

    # ------------------------------------------------------------------------------------ passes
    def _observed(self, pixels: np.ndarray, layers: Sequence[str]) -> Observation:
        x = self.network.input(np.ascontiguousarray(pixels))
        substrates = [*(Substrate(name, CHANNEL) for name in layers), CLASSES]
        return Observation(self.network, x, layers_of(substrates), self.means, self.faster)

    def _layer(self, observation: Observation, claim: Claims) -> Layer:
        cuts = cut_all(observation, [Substrate(claim.layer, CHANNEL), CLASSES])
        return Layer(observation, cuts, claim.layer, claim.classes[0])


def _sums(observation: Observation, claim: Claims) -> Found:
    """What the shares of each cut sum to, and what the logits really change by."""
    if not claim.shares:
        return {}
    classes = list(claim.classes)
    with_it = to_numpy(observation.cubes[OUTPUT])[classes]
    sums = [
        each.astype(np.float64).reshape(-1, len(classes)).sum(0) for each in claim.shares.values()
    ]
    return {
        "sources": np.array(list(claim.shares)),
        "sums": np.stack(sums),
        "change": with_it - at_baseline(observation, claim.layer)[classes],
    }


def _explained(cube: np.ndarray, claim: Claims) -> Found:
    """The share of the squared activations that groups explain: as stored, and once more."""
    return {
        f"group.{n}/explained": np.array([groups.explained, stability.explained(groups, cube)])
        for n, groups in claim.groups.items()
    }


def _repeated(claim: Claims) -> Iterator[tuple[int, GroupsClaim]]:
    return ((n, groups) for n, groups in claim.groups.items() if groups.stability)


def _pair(n: int, found: tuple[np.ndarray, np.ndarray]) -> Found:
    return {f"group.{n}/maps": found[0], f"group.{n}/directions": found[1]}


def _stacked(rows: Sequence[Found]) -> Found:
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
