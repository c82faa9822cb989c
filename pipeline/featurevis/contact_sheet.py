"""`python -m pipeline.featurevis.contact_sheet CONFIG`: feature visualizations of every display layer on one picture.

One row of channels per layer, spread evenly over the layer, written to `build/NAME/contact-sheet-RECIPE.png`: the way to
judge a network, a recipe or a change of the engine with one's own eyes. Pictures that do not activate their unit are crossed out.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image, ImageDraw

from pipeline import config as configuration
from pipeline import models
from pipeline.errors import AtlasError
from pipeline.featurevis.optimizer import render, requests_for_channels
from pipeline.featurevis.recipes import Recipe, named
from pipeline.network import Network
from pipeline.probe import probe, suggest
from pipeline.sprites import fitted

_GAP = 4
_CAPTION = 16


@dataclass(frozen=True)
class Row:
    """Pictures uint8 `[S, S, 3 or 4]` side by side under a caption, with whether each activates its unit, and the seconds each took.

    Every `variants` of them are of one unit.
    """

    caption: str
    pictures: Sequence[np.ndarray]
    alive: Sequence[bool]
    seconds: float
    variants: int = 1


def spread(count: int, number: int) -> list[int]:
    """Choose `number` of `count` channels, evenly spread; all where there are fewer."""
    return [int(index) for index in np.unique(np.linspace(0, count - 1, min(number, count)).round())]


def row(network: Network, layer: str, channels: Sequence[int], recipe: Recipe, seed: int = 0) -> Row:
    """Render channels of a layer, in the order given."""
    found: dict[str, tuple[np.ndarray, bool, float]] = {}
    seconds = 0.0
    for batch in render(network, requests_for_channels(layer, channels), recipe, seed=seed):
        seconds += batch.seconds
        found |= {
            unit: (*rest,) for unit, *rest in zip(batch.units, batch.pictures, batch.alive.tolist(), batch.activation.tolist(), strict=True)
        }
    units = [f"channel:{channel}" + (f"~{variant}" if variant else "") for channel in channels for variant in range(recipe.variants)]
    alive = [found[unit][1] for unit in units]
    pictures = [found[unit][0] for unit in units]
    mean, side = np.mean([found[unit][2] for unit in units]), len(pictures[0])
    caption = f"{layer}   {recipe.name} {side} px, {recipe.steps} steps   {sum(alive)} of {len(units)} alive   mean activation {mean:.3g}"
    return Row(caption, pictures, alive, seconds / len(units), recipe.variants)


def draw(rows: Sequence[Row], columns: int) -> Image.Image:
    """Lay rows of pictures out on one white sheet, all at the side of the smallest, wrapping after `columns` but not amid variants."""
    side = min(len(picture) for each in rows for picture in each.pictures)
    wraps = [max(columns // each.variants, 1) * each.variants for each in rows]
    lines = [-(-len(each.pictures) // wrap) for each, wrap in zip(rows, wraps, strict=True)]
    pitch = side + _GAP
    size = (max(wraps) * pitch + _GAP, sum(count * pitch + _CAPTION for count in lines) + _GAP)
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    top = _GAP
    for each, wrap, count in zip(rows, wraps, lines, strict=True):
        pen.text((_GAP, top), each.caption, fill="black")
        for index, (pixels, alive) in enumerate(zip(each.pictures, each.alive, strict=True)):
            left, upper = _GAP + index % wrap * pitch, top + _CAPTION + index // wrap * pitch
            picture = fitted(pixels, side)
            sheet.paste(picture, (left, upper), picture if picture.mode == "RGBA" else None)
            if not alive:
                pen.line((left, upper, left + side, upper + side), fill="red", width=2)
        top += count * pitch + _CAPTION
    return sheet


def _channel_counts(network: Network, layers: Sequence[str]) -> dict[str, int]:
    size = network.preprocessing.size
    with torch.no_grad():
        responses = network.run_to(torch.full((1, 3, size, size), 0.5, device=network.device), layers)
    return {layer: response.shape[1] for layer, response in responses.items()}


@click.command()
@click.argument("config", type=click.Path(path_type=Path), default=Path("configs/demo.toml"))
@click.option("--recipe", "recipes", multiple=True, help="Recipe to use; may be given several times. Default: the configuration's.")
@click.option("--channels", default=24, show_default=True, type=click.IntRange(1), help="Channels per layer.")
@click.option("--layer", "layers", multiple=True, help="Layer to show; may be given several times. Default: the display layers.")
@click.option("--size", type=click.IntRange(32, 512), help="Side of a picture in pixels.")
@click.option("--steps", type=click.IntRange(1), help="Gradient steps.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="PNG to write. Default: in build/.")
def main(
    config: Path, recipes: tuple[str, ...], channels: int, layers: tuple[str, ...], size: int | None, steps: int | None, output: Path | None
) -> None:
    """Draw feature visualizations of CONFIG's display layers on one sheet."""
    try:
        settings = configuration.read(config)
        features = settings.settings.features
        chosen = [named(each, size=size or features.size, steps=steps or features.steps) for each in recipes or (features.recipe,)]
        network = models.load(settings)
        shown = layers or models.display_layers(settings) or suggest(probe(network, ""))
        sizes = _channel_counts(network, shown)
        rows = []
        for layer in shown:
            for recipe in chosen:
                rows.append(row(network, layer, spread(sizes[layer], channels), recipe, features.seed))
                click.echo(f"{rows[-1].caption}   {rows[-1].seconds:.2f} s a picture")
        path = output or Path("build") / settings.name / f"contact-sheet-{'-'.join(each.name for each in chosen)}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(rows, columns=min(12, channels)).save(path)
    except AtlasError as error:
        click.echo(f"{error}", err=True)
        sys.exit(1)
    click.echo(f"{path} written")


if __name__ == "__main__":
    main()
