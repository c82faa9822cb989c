"""`python -m pipeline.contact_sheet CONFIG`: feature visualizations of every display layer.

A contact sheet has a row of channels for each layer, evenly spread, and is written to
`build/NAME/contact-sheet-RECIPE.png`. It is the way to judge a network, a recipe or a change of the
code by eye. Pictures that do not activate their unit are crossed out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image, ImageDraw

from pipeline import config as configuration
from pipeline import models, worker
from pipeline.config import Config
from pipeline.errors import AtlasError
from pipeline.featurevis.recipes import Recipe, named
from pipeline.featurevis.render import render
from pipeline.featurevis.requests import requests_for_channels, variants_of
from pipeline.network import Network
from pipeline.probe import probe, suggest
from pipeline.website.sprites import fitted

_GAP = 4
_CAPTION = 16
_COLUMNS = 12


@dataclass(frozen=True)
class Row:
    """Pictures side by side under a caption.

    Attributes
    ----------
    caption
        Above the pictures.
    pictures
        uint8 `[S, S, 3 or 4]`.
    alive
        Whether each activates its unit.
    seconds
        That each took.
    variants
        So many pictures in a row are of one unit.
    """

    caption: str
    pictures: Sequence[np.ndarray]
    alive: Sequence[bool]
    seconds: float
    variants: int = 1

    def wrap(self, columns: int) -> int:
        """Return how many pictures stand on a line: whole units, if possible within `columns`."""
        return max(columns // self.variants, 1) * self.variants

    def lines(self, columns: int) -> int:
        """Return on how many lines the pictures stand."""
        return -(-len(self.pictures) // self.wrap(columns))


def spread(count: int, number: int) -> list[int]:
    """Choose `number` of `count` channels, evenly spread; all where there are fewer."""
    chosen = np.linspace(0, count - 1, min(number, count)).round()
    return [int(index) for index in np.unique(chosen)]


def row(
    network: Network, layer: str, channels: Sequence[int], recipe: Recipe, seed: int = 0
) -> Row:
    """Render channels of a layer, in the order given."""
    requests = requests_for_channels(layer, channels)
    batches = list(render(network, requests, recipe, seed=seed))
    pictures = {u: p for batch in batches for u, p in zip(batch.units, batch.pictures, strict=True)}
    alive = {u: bool(a) for batch in batches for u, a in zip(batch.units, batch.alive, strict=True)}
    units = [each.unit for request in requests for each in variants_of(request, recipe.variants)]
    mean = np.concatenate([batch.activation for batch in batches]).mean()
    facts = [
        layer,
        f"{recipe.name} {len(pictures[units[0]])} px, {recipe.steps} steps",
        f"{sum(alive.values())} of {len(units)} alive",
        f"mean activation {mean:.3g}",
    ]
    return Row(
        "   ".join(facts),
        [pictures[unit] for unit in units],
        [alive[unit] for unit in units],
        sum(batch.seconds for batch in batches) / len(units),
        recipe.variants,
    )


def draw(rows: Sequence[Row], columns: int) -> Image.Image:
    """Draw rows on a white contact sheet, all pictures at the side of the smallest.

    Parameters
    ----------
    rows
        From top to bottom.
    columns
        After which a row wraps, but not between the variants of a unit.
    """
    side = min(len(picture) for each in rows for picture in each.pictures)
    pitch = side + _GAP
    width = max(each.wrap(columns) for each in rows) * pitch + _GAP
    height = sum(each.lines(columns) * pitch + _CAPTION for each in rows) + _GAP
    image = Image.new("RGB", (width, height), "white")
    top = _GAP
    for each in rows:
        _draw_row(image, each, top, side, each.wrap(columns))
        top += each.lines(columns) * pitch + _CAPTION
    return image


def _draw_row(image: Image.Image, row: Row, top: int, side: int, wrap: int) -> None:
    pen, pitch = ImageDraw.Draw(image), side + _GAP
    pen.text((_GAP, top), row.caption, fill="black")
    for index, (pixels, alive) in enumerate(zip(row.pictures, row.alive, strict=True)):
        left, upper = _GAP + index % wrap * pitch, top + _CAPTION + index // wrap * pitch
        picture = fitted(pixels, side)
        image.paste(picture, (left, upper), picture if picture.mode == "RGBA" else None)
        if not alive:
            pen.line((left, upper, left + side, upper + side), fill="red", width=2)


def _channel_counts(network: Network, layers: Sequence[str]) -> dict[str, int]:
    size = network.preprocessing.size
    with torch.no_grad():
        blank = torch.full((1, 3, size, size), 0.5, device=network.device)
        responses = network.run_to(blank, layers)
    return {layer: response.shape[1] for layer, response in responses.items()}


def _rows(
    config: Config, recipes: Sequence[Recipe], layers: Sequence[str], channels: int
) -> Iterator[Row]:
    network = worker.network(config, worker.choose_device(config.settings.execution.device))
    shown = layers or models.display_layers(config) or suggest(probe(network, ""))
    counts = _channel_counts(network, shown)
    for layer in shown:
        for recipe in recipes:
            chosen = spread(counts[layer], channels)
            yield row(network, layer, chosen, recipe, config.settings.features.seed)


@click.command()
@click.argument("config", type=click.Path(path_type=Path), default=Path("configs/demo.toml"))
@click.option(
    "--recipe",
    "recipes",
    multiple=True,
    help="Recipe to use; may be given several times. Default: the configuration's.",
)
@click.option(
    "--channels",
    default=24,
    show_default=True,
    type=click.IntRange(1),
    help="Channels per layer.",
)
@click.option(
    "--layer",
    "layers",
    multiple=True,
    help="Layer to show; may be given several times. Default: the display layers.",
)
@click.option("--size", type=click.IntRange(32, 512), help="Side of a picture in pixels.")
@click.option("--steps", type=click.IntRange(1), help="Gradient steps.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="PNG to write. Default: in build/.",
)
def main(
    config: Path,
    recipes: tuple[str, ...],
    channels: int,
    layers: tuple[str, ...],
    size: int | None,
    steps: int | None,
    output: Path | None,
) -> None:
    """Draw feature visualizations of CONFIG's display layers on one contact sheet."""
    try:
        read = configuration.read(config)
        features = read.settings.features
        chosen = [
            named(name, size=size or features.size, steps=steps or features.steps)
            for name in recipes or (features.recipe,)
        ]
        rows = []
        for each in _rows(read, chosen, layers, channels):
            click.echo(f"{each.caption}   {each.seconds:.2f} s a picture")
            rows.append(each)
        names = "-".join(recipe.name for recipe in chosen)
        path = output or Path("build") / read.name / f"contact-sheet-{names}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(rows, columns=min(_COLUMNS, channels)).save(path)
    except AtlasError as error:
        click.echo(f"{error}", err=True)
        sys.exit(1)
    click.echo(f"{path} written")


if __name__ == "__main__":
    main()
