"""The choice of display layers where neither the configuration nor the source makes one.

A layer that is chosen means something for the whole decision: everything passes through it. It
ends a part of the network: it is the last of its resolution, after the activation where there is
one. And it is no copy of another: containers count once, and dropouts, identities, pools,
normalizations and bare convolutions only where there is nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pipeline.errors import AtlasError
from pipeline.probe.profile import LayerProfile, NetworkProfile

MOST = 4
# How many of each resolution are chosen, from the last three down to one.
_SHARES = {1: (4,), 2: (2, 2), 3: (1, 2, 1)}
# Kinds that compute nothing of their own; a normalization with an activation in it does.
_PLAIN = re.compile(
    r"^drop|dropout|^stochastic|identity|pool(ing)?(\dd(same)?)?$|flatten|^permute|^rearrange"
    r"|^conv\dd(same)?$|^linear$|^affine$|^(?!conv|linear)\w*norm(1|\dd)?$",
    re.IGNORECASE,
)


def suggest(profile: NetworkProfile) -> tuple[str, ...]:
    """Choose up to four display layers: `choose` without the reasons.

    Raises
    ------
    AtlasError
        When no layer suits.
    """
    return tuple(choose(profile))


def choose(profile: NetworkProfile) -> dict[str, str]:
    """Choose up to four display layers.

    Only layers through which everything passes, if there are any: the last of each of the three
    lowest resolutions, of a quarter of the input's side at most, and one from the middle of the
    last resolution but one: fine textures, two layers of parts, and whole objects, as in the
    article. Where there are fewer resolutions, layers are spread evenly over their depth. At every
    resolution, layers without negative values are preferred.

    Returns
    -------
    dict of str to str
        Layer → why, in running order.

    Raises
    ------
    AtlasError
        When no layer suits.
    """
    by_side: dict[int, list[LayerProfile]] = {}
    for layer in _candidates(profile):
        by_side.setdefault(min(layer.shape[1:]), []).append(layer)
    # The last resolutions in running order: a network may come back to one that it had before.
    groups = [_preferred(layers) for layers in by_side.values()][-max(_SHARES) :]
    chosen: dict[str, str] = {}
    for names, most in zip(groups, _SHARES[len(groups)], strict=True):
        count = min(most, len(names))
        for part in range(1, count + 1):
            name = names[max(len(names) * part // count - 1, 0)]
            sides = " × ".join(map(str, _shape(profile, name)[1:]))
            where = {count: "last", count / 2: "middle"}.get(part, f"at {part}/{count}")
            chosen[name] = f"{where} of {sides}"
    order = [layer.name for layer in profile.layers]
    return {name: chosen[name] for name in sorted(chosen, key=order.index)}


def _candidates(profile: NetworkProfile) -> list[LayerProfile]:
    suited = [
        layer
        for layer in profile.layers
        if layer.objection is None and 1 < min(layer.shape[1:]) <= profile.size / 4
    ]
    sound = [layer for layer in suited if layer.reservation is None]
    cuts = [layer for layer in sound if layer.is_cut]
    own = [layer for layer in cuts if not is_plain(layer)]
    for found in (own, cuts, sound, suited):
        if found:
            return found
    advice = 'name the layers in "model.layers"'
    raise AtlasError(f"{profile.title}: no layer with output [C, H, W] found; {advice}")


def is_plain(layer: LayerProfile) -> bool:
    """Whether a layer computes nothing of its own: a dropout, an identity, a pool, a norm."""
    return any(_PLAIN.search(kind) for kind in (layer.kind, layer.made_by))


def _shape(profile: NetworkProfile, name: str) -> tuple[int, ...]:
    return next(layer.shape for layer in profile.layers if layer.name == name)


def _preferred(layers: Sequence[LayerProfile]) -> list[str]:
    """Names of the layers without negative values; of all, where all have some.

    What ends a container is the container's output, too, and counts once, by its name.
    """
    kept = [layer.name for layer in layers if not layer.signed]
    return list(_outermost(kept or [layer.name for layer in layers]))


def _outermost(names: Sequence[str]) -> Iterator[str]:
    following = [*names[1:], ""]
    for name, after in zip(names, following, strict=True):
        if not name.startswith(f"{after}."):
            yield name
