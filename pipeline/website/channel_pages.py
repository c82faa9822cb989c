"""Pages of their own for the channels that have a picture, and the inspector's data.

    channels/index.html                    the pictures of all channels, layer by layer
    channels/<sprite sheet>/<channel>.html one channel; plain HTML that needs no JavaScript
    data/<photograph>/inspector.js         what the inspector shows of every channel with a picture
    data/channels.js                       in which photographs each of them is most active

A page links to the atlas with its channel selected, and the inspector links to the pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np

from pipeline import __version__
from pipeline.atlas import Atlas, Layer
from pipeline.units import Unit
from pipeline.views.inspected import Appearance, Appearances, facts
from pipeline.website import page
from pipeline.website.facts import names_of
from pipeline.website.output import Site
from pipeline.website.sprite_sheets import SpriteSheet

FOLDER = "channels"
SHADES = 4  # of a map without JavaScript; the style sheet has as many
CLASSES = 3  # of a photograph, on a channel's page


def pictured(sprite_sheets: Mapping[str, SpriteSheet]) -> dict[str, list[int]]:
    """Return layer → the channels that have a picture, ascending."""
    return {
        name: sorted(
            unit.channel_index
            for unit in sprite_sheet.visualizations
            if unit.channel_index is not None and not unit.variant
        )
        for name, sprite_sheet in sprite_sheets.items()
    }


class Inspector:
    """Writes the inspector's data, photograph by photograph, and notes where channels are active.

    Parameters
    ----------
    sprite_sheets
        Layer → its feature visualizations.
    """

    def __init__(self, sprite_sheets: Mapping[str, SpriteSheet]) -> None:
        self._sheets = sprite_sheets
        self._channels = pictured(sprite_sheets)
        self._appearances = Appearances()

    def write(self, site: Site, atlas: Atlas, number: int) -> None:
        """Write what is shown of the photograph of that number."""
        photograph = atlas.photographs[number]
        classes, layers = facts(atlas, photograph, self._channels)
        self._appearances.add(number, classes, layers)
        baked = {
            "classes": [prediction.baked() for prediction in classes],
            "layers": [layer.baked() for layer in layers.values()],
        }
        site.register(f"{photograph.name}/inspector", baked)

    def close(self, site: Site, atlas: Atlas) -> Appearances:
        """Write in which photographs each channel is most active, and return that."""
        peaks = self._appearances.baked()
        rows = [row for layer in peaks.values() for found in layer.values() for row in found]
        pictures = {
            layer: sheet.rows(map(Unit.channel, self._channels[layer]))
            for layer, sheet in self._sheets.items()
        }
        named = names_of(atlas, [number for number, *_ in rows])
        site.register("channels", {"photographs": named, "pictures": pictures, "peaks": peaks})
        return self._appearances


def write_pages(
    site: Site,
    atlas: Atlas,
    sprite_sheets: Mapping[str, SpriteSheet],
    appearances: Appearances,
) -> None:
    """Write a page for every channel with a picture, and one that lists them all."""
    environment = page.environment()
    environment.filters.update(activation=activation, signed=_signed)
    template = environment.get_template("channel.html.j2")
    common = {"atlas": atlas, "build": site.build, "sheets": sprite_sheets, "version": __version__}
    sections, channels = [], pictured(sprite_sheets)
    for layer in atlas.network.layers:
        entries = [_entry(sprite_sheets, layer, channel) for channel in channels[layer.name]]
        sections.append((layer, entries))
        for i, entry in enumerate(entries):
            found = appearances.of(layer.name, entry.channel)
            rendered = template.render(
                **common,
                layer=layer,
                entry=entry,
                previous=entries[i - 1] if i else None,
                following=entries[i + 1] if i + 1 < len(entries) else None,
                surpassed=sprite_sheets[layer.name].surpassed.get(Unit.channel(entry.channel)),
                appearances=[_for_template(atlas, each) for each in found],
                neighbours=list(_neighbours(atlas, sprite_sheets, found)),
            )
            site.write(entry.path, rendered)
    listing = environment.get_template("channels.html.j2")
    site.write(f"{FOLDER}/index.html", listing.render(**common, sections=sections))


@dataclass(frozen=True)
class Entry:
    """A channel as pages show it.

    Attributes
    ----------
    path
        Of its own page in the site, if it has a picture.
    crop
        Where its picture is, see `SpriteSheet.crop`; None where it has none.
    """

    layer: Layer
    channel: int
    path: str
    crop: dict[str, Any] | None

    @property
    def state(self) -> str:
        """The part of the atlas's address that selects the channel and opens the inspector."""
        layer = quote(self.layer.name, safe="")
        return f"selected=channel:{self.channel},layer:{layer},inspect:yes"


def _entry(sprite_sheets: Mapping[str, SpriteSheet], layer: Layer, channel: int) -> Entry:
    sprite_sheet = sprite_sheets[layer.name]
    crop = sprite_sheet.crop(Unit.channel(channel))
    path = f"{FOLDER}/{sprite_sheet.name}/{channel}.html"
    return Entry(layer, channel, path, crop)


def _for_template(atlas: Atlas, appearance: Appearance) -> dict[str, Any]:
    """A photograph, dark where the channel is not active, and what the channel does there."""
    rows, columns = appearance.map.shape
    row, column = appearance.position
    none = [None] * len(appearance.classes)
    shares = none if appearance.shares is None else appearance.shares
    removals = none if appearance.removals is None else appearance.removals
    return {
        "photograph": atlas.photographs[appearance.photograph],
        "peak": appearance.peak,
        "rows": rows,
        "columns": columns,
        "row": row,
        "column": column,
        "paths": shade_paths(appearance.map),
        "effects": list(zip(appearance.classes, shares, removals, strict=True))[:CLASSES],
    }


def _neighbours(
    atlas: Atlas, sprite_sheets: Mapping[str, SpriteSheet], found: Sequence[Appearance]
) -> Iterator[tuple[str, Layer, list[tuple[Entry, float]]]]:
    """What feeds a channel and what it feeds, in the photograph in which it is most active."""
    for name in ("before", "after"):
        listed = getattr(found[0], name) if found else None
        if listed and listed[1]:
            layer = atlas.layer(listed[0])
            rows = [(_entry(sprite_sheets, layer, c), lost) for c, lost in listed[1]]
            yield name, layer, rows


def shade_paths(levels: np.ndarray) -> list[str]:
    """Draw a map as one SVG path for each of `SHADES` shades, the darkest first.

    Parameters
    ----------
    levels
        uint8 `[rows, columns]`; 0 is the darkest.
    """
    shades = levels.astype(int) * SHADES // 256
    return ["".join(_runs(shades == shade)) for shade in range(SHADES)]


def _runs(mask: np.ndarray) -> Iterator[str]:
    """Lines as thick as a cell that cover a mask, one for each run of cells in a row."""
    edges = np.diff(np.pad(mask.astype(np.int8), ((0, 0), (1, 1))))
    rows, starts = np.nonzero(edges > 0)
    ends = np.nonzero(edges < 0)[1]
    for y, start, end in zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True):
        yield f"M{start} {y}.5h{end - start}"


def activation(value: float) -> str:
    """Write an activation: two significant digits below 1, three below 10, else one decimal."""
    size = abs(value)
    if size == 0:
        return "0"
    text = f"{float(f'{value:.2g}'):g}" if size < 1 else f"{value:.{2 if size < 10 else 1}f}"
    return text.replace("-", "−")


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
