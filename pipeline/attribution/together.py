"""All pairs of a photograph, attributed by the configured method."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.attribution.averaging import Averaging
from pipeline.attribution.methods import Method, method_named, relaxes, shares
from pipeline.attribution.observation import Observation
from pipeline.attribution.push_pull import Attributions, Cuts, Pair, attribute_together
from pipeline.attribution.sharing import Found, Shares
from pipeline.config import AttributionTable
from pipeline.grammar import Substrate


def attribute_all(
    observation: Observation,
    cuts: Cuts,
    pairs: Sequence[Pair],
    settings: AttributionTable,
    classes: Sequence[int],
    memory: int | None = None,
    removals: Attributions | None = None,
) -> Found:
    """Attribute every pair.

    With a method of one point, all pairs together; otherwise all sources of a layer together.

    Parameters
    ----------
    observation, cuts
        The photograph's pass, and the cuts of all substrates.
    pairs
        (source, target).
    settings
        The table `[attribution]`.
    classes
        The classes whose logits "shares" integrates; other methods attribute all.
    memory
        Bound in bytes.
    removals
        Effects of removal that are known, which shares between layers need.

    Raises
    ------
    AtlasError
        When a target does not depend on its source, there are too many groups for shares, or memory
        runs out.
    """
    method, found = method_named(settings.method), Attributions()
    if method is shares:
        return Shares(observation, cuts, settings, classes, memory, removals or {}).of(pairs)
    asked = None if settings.relax_pooling else False
    for relax in (False, True):
        chosen = [
            pair
            for pair in pairs
            if (observation.relaxable > 0 and relaxes(method, pair[0], asked)) == relax
        ]
        if method.ONE_POINT:
            found |= attribute_together(observation, cuts, chosen, relax, memory)
        else:
            averagings = _by_layer(observation, cuts, chosen)
            for averaging in averagings:
                found |= _averaged(averaging, method, settings, relax, memory)
    return Found(found)


def _by_layer(observation: Observation, cuts: Cuts, pairs: Sequence[Pair]) -> list[Averaging]:
    sources: dict[tuple[str, Substrate], list[Substrate]] = {}
    for source, target in pairs:
        sources.setdefault((source.layer, target), []).append(source)
    return [
        Averaging(observation, cuts, together, target) for (_, target), together in sources.items()
    ]


def _averaged(
    averaging: Averaging,
    method: Method,
    settings: AttributionTable,
    relax: bool,
    memory: int | None,
) -> Attributions:
    points = method.points(averaging.cube, settings)
    averages = averaging.over(points, relax, memory)
    return {(source, averaging.target): found.values for source, found in averages.items()}
