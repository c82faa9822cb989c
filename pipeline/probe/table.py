"""The table of layers that `building-blocks layers` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pipeline.errors import AtlasError
from pipeline.probe.choosing import choose
from pipeline.probe.profile import LayerProfile, NetworkProfile

_HEADER = ("layer", "kind", "C × H × W", "layout", "sees", "stride", "path", "signed", "dead", "")
_NOTES = (
    "layout: how the output holds the cube; NTC+1 are tokens, of which one stands for no position",
    "sees, stride: side of what a position sees, and distance of positions, in pixels",
    "bottleneck: everything passes through the layer; bypassed: part of the decision does not",
    "dead: channels that are zero everywhere, on the photographs",
)


def table(
    profile: NetworkProfile,
    chosen: Sequence[str],
    everything: bool = False,
    fields: Mapping[str, int] | None = None,
    dead: Mapping[str, float] | None = None,
) -> Iterator[str]:
    """Yield the lines of a table of layers.

    Parameters
    ----------
    profile
        The network's.
    chosen
        The display layers; they are marked.
    everything
        Whether every module is listed; otherwise those through which everything passes, and those
        chosen.
    fields
        Layer → the side in pixels of what one position sees, as far as it is known.
    dead
        Layer → the share of channels that are zero everywhere on the photographs; where it is
        missing, on the pictures of the probe.
    """
    reasons = _reasons(profile)
    rows: list[tuple[str, ...]] = [_HEADER]
    for layer in listed(profile, chosen, everything):
        share = (dead or {}).get(layer.name, layer.dead)
        field = (fields or {}).get(layer.name)
        why = layer.objection or layer.reservation or ""
        if layer.name in reasons:
            why = f"would be chosen: {reasons[layer.name]}"
        rows.append((*_facts(layer, profile.size, field), f"{share:.0%}" if share else "", why))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    for row in rows:
        mark = "*" if row[0] in chosen else " "
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield f"{mark} {'  '.join(cells)}".rstrip()
    yield from _NOTES
    if any(layer.rectified for layer in profile.layers):
        yield "then ReLU: the network calls a ReLU as a function there; the layer is its output"
    if profile.ending:
        yield f"the {profile.ending} at its end is left out: logits are what goes into it"
    if profile.loose_activations:
        called = f"activations that its code calls as functions: {profile.loose_activations}"
        yield f"{called}; they are no layers, modules in their position (nn.ReLU) would be"


def listed(
    profile: NetworkProfile, chosen: Sequence[str], everything: bool
) -> Iterator[LayerProfile]:
    """Yield the layers that a table has, as `table` says."""
    for layer in profile.layers:
        if everything or layer.name in chosen or (layer.objection is None and layer.is_cut):
            yield layer


def _facts(layer: LayerProfile, size: int, field: int | None) -> tuple[str, ...]:
    cube = layer.objection is None
    path = "bottleneck" if layer.bottleneck else "bypassed"
    if layer.apart and layer.whole and not layer.bottleneck:
        tokens = "1 token" if layer.apart == 1 else f"{layer.apart} tokens"
        path = f"bypassed by {tokens}"
    doubt = "" if layer.confirmed or not cube else "?"
    return (
        layer.name,
        layer.kind,
        " × ".join(map(str, layer.shape)),
        f"{layer.layout}{doubt}",
        str(field or ""),
        f"{size / max(layer.shape[1:]):.3g}" if cube else "",
        path,
        "signed" if layer.signed else "",
    )


def _reasons(profile: NetworkProfile) -> dict[str, str]:
    try:
        return choose(profile)
    except AtlasError:
        return {}
