"""Many attributions of one photograph at once, with gradients taken at one point, the photograph.

A cut (`pipeline.atoms`) is either pushed forward from, which serves all its targets at once, or
pulled back from, which serves all its sources at once, whichever makes fewer rows in all.

Symbols: M atoms of a cut (for groups, n and their residual), B rows of a batch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linprog

from pipeline.atoms import Cut
from pipeline.attribution.batches import (
    batch_size,
    chunks,
    to_numpy,
    with_batches,
)
from pipeline.attribution.linearization import Linearization, NotDifferentiable
from pipeline.attribution.observation import Observation
from pipeline.grammar import Substrate
from pipeline.network import full_precision

Pair = tuple[Substrate, Substrate]
Cuts = Mapping[Substrate, Cut]
Attributions = dict[Pair, np.ndarray]


@dataclass
class Schedule:
    """How pairs are computed.

    Attributes
    ----------
    pushed
        Source → the targets for which its parts are pushed forward.
    pulled
        Target → the sources for which its seeds are pulled back.
    """

    pushed: dict[Substrate, list[Substrate]] = field(default_factory=lambda: defaultdict(list))
    pulled: dict[Substrate, list[Substrate]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def pulling(cls, pairs: Sequence[Pair], targets: Collection[Substrate]) -> Schedule:
        """Pull from some targets; the pairs that this leaves out are pushed."""
        schedule = cls()
        for source, target in pairs:
            if target in targets:
                schedule.pulled[target].append(source)
            else:
                schedule.pushed[source].append(target)
        return schedule

    @classmethod
    def cheapest(cls, observation: Observation, cuts: Cuts, pairs: Sequence[Pair]) -> Schedule:
        """Choose which targets to pull from.

        It is a minimum vertex cover of the pairs, whose linear program has whole solutions. A row
        costs about the share of the network that it crosses: from its source to the end, or from
        its target down to the first source.
        """
        sources = list(dict.fromkeys(source for source, _ in pairs))
        targets = list(dict.fromkeys(target for _, target in pairs))
        last = len(observation.cubes)
        first = min(observation.order(source.layer) for source in sources)
        costs = [cuts[each].count * (last - observation.order(each.layer)) for each in sources]
        costs += [
            cuts[each].count * (observation.order(each.layer) - first + 1) for each in targets
        ]
        covered = np.zeros((len(pairs), len(costs)))
        for row, (source, target) in zip(covered, pairs, strict=True):
            row[[sources.index(source), len(sources) + targets.index(target)]] = -1
        bound = -np.ones(len(pairs))
        chosen = linprog(costs, A_ub=covered, b_ub=bound, bounds=(0, 1), method="highs-ds").x > 0.5
        pushed = {source for source, push in zip(sources, chosen, strict=False) if push}
        return cls.pulling(pairs, {target for source, target in pairs if source not in pushed})

    @property
    def pairs(self) -> list[Pair]:
        """All pairs."""
        return [
            *((source, target) for source, targets in self.pushed.items() for target in targets),
            *((source, target) for target, sources in self.pulled.items() for source in sources),
        ]


@full_precision()
def attribute_together(
    observation: Observation,
    cuts: Cuts,
    pairs: Sequence[Pair],
    relax: bool,
    memory: int | None = None,
) -> Attributions:
    """Attribute many pairs at once, with gradients taken at the photograph.

    Parameters
    ----------
    observation
        The photograph's pass, with all layers of the pairs.
    cuts
        Substrate → cut, for all substrates of the pairs.
    pairs
        (source, target).
    relax
        Whether max-pools are relaxed, for all of them.
    memory
        Bound in bytes.

    Returns
    -------
    dict
        Pair → float32, source dims then target dims; groups with their residual as one more.

    Raises
    ------
    AtlasError
        When a target does not depend on its source, or memory runs out.
    """
    pairs = list(dict.fromkeys(pairs))
    if not pairs:
        return {}
    layers = list(dict.fromkeys(substrate.layer for pair in pairs for substrate in pair))

    def run(schedule: Schedule) -> Attributions:
        return with_batches(
            lambda batch: push_and_pull(
                Linearization(observation, layers, batch, relax), cuts, schedule
            ),
            batch_size(observation, memory),
        )

    try:
        return run(Schedule.cheapest(observation, cuts, pairs))
    except NotDifferentiable:
        return run(Schedule.pulling(pairs, [target for _, target in pairs]))


def push_and_pull(linearization: Linearization, cuts: Cuts, schedule: Schedule) -> Attributions:
    """Push and pull as scheduled, as many rows at a time as the linearization has.

    Parameters
    ----------
    linearization
        Of all layers of the schedule.
    cuts, schedule
        The cuts of all substrates, and how their pairs are computed.

    Returns
    -------
    dict
        As `attribute_together`.
    """
    found = {
        (source, target): np.empty((cuts[source].count, cuts[target].count), np.float32)
        for source, target in schedule.pairs
    }
    order = linearization.observation.order
    for source in sorted(schedule.pushed, key=lambda source: order(source.layer)):
        _push(linearization, cuts, source, schedule.pushed[source], found)
    for target, sources in schedule.pulled.items():
        _pull(linearization, cuts, target, sources, found)
    return {
        (source, target): values.reshape((*cuts[source].shape, *cuts[target].shape))
        for (source, target), values in found.items()
    }


def _push(
    linearization: Linearization,
    cuts: Cuts,
    source: Substrate,
    targets: Sequence[Substrate],
    found: Attributions,
) -> None:
    layers = list(dict.fromkeys(target.layer for target in targets))
    for rows in chunks(cuts[source].count, linearization.batch):
        tangents = linearization.push(source.layer, cuts[source].parts(rows), layers)
        for target in targets:
            values = to_numpy(cuts[target].read(tangents[target.layer]))
            found[source, target][rows.start : rows.stop] = values


def _pull(
    linearization: Linearization,
    cuts: Cuts,
    target: Substrate,
    sources: Sequence[Substrate],
    found: Attributions,
) -> None:
    layers = list(dict.fromkeys(source.layer for source in sources))
    for rows in chunks(cuts[target].count, linearization.batch):
        gradients = linearization.pull(target.layer, cuts[target].seeds(rows), layers)
        for source in sources:
            values = to_numpy(cuts[source].aggregate(gradients[source.layer]))
            found[source, target][:, rows.start : rows.stop] = values.T
