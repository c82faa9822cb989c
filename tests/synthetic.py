"""A small atlas without a network: structured random arrays in a real store, for tests of the figures and the site.

Photographs are coloured blobs; activations are blobs of other sizes, mostly zero, as after a ReLU; names and titles are
as awkward as users' own: markup, quotes, emoji, right-to-left text, 200 characters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline import figures
from pipeline.atlas import Atlas, Layer, NetworkFacts, Photograph
from pipeline.config import DatasetTable, FeaturesTable, Settings
from pipeline.grammar import CLASSES, INPUT, Activation, Atom, Attribution, Content, Substrate
from pipeline.saliency import colours, factor_saliency
from pipeline.store import Array, Store, fingerprint_of, float16, write

SIZE = 112
PICTURE = 64
GRID_CELL, GRID_DIMS = 12, ("row", "column", "y", "x", "colour")
CLASSES_NAMES = (
    "tabby cat",
    '<img src=x onerror="alert(1)">',
    'salt & pepper "shaker"',
    "קערת מרק",
    "🐕 dog",
    "a class whose name is " + "very " * 33 + "long indeed",
    "</script><script>document.title='owned'</script>",
    "teapot",
    "espresso",
    "x" * 200,
)
PHOTOGRAPHS = (
    Photograph("coffee", "Coffee & <b>cake</b>", "skimage:coffee"),
    Photograph("cat-2.b", "חתול 🐈 'quoted' " + "long " * 36, "photos/cat 2.b.jpg"),
    Photograph("third", "<script>alert('title')</script>", "third.png"),
)
LAYERS = (
    Layer("blocks.2", "early", (24, 28, 28)),
    Layer("blocks.4/x:y,z=1&w", "middle <i>layer</i>", (40, 14, 14)),
    Layer("head", "late", (64, 7, 7)),
)


def blobs(rng: np.random.Generator, count: int, height: int, width: int, radius: float) -> np.ndarray:
    """Soft spots at random places, `[count, height, width]` in 0…1."""
    y, x = np.mgrid[0:height, 0:width]
    centres = rng.uniform(0, 1, (count, 2)) * (height, width)
    squared = (y - centres[:, 0, None, None]) ** 2 + (x - centres[:, 1, None, None]) ** 2
    return np.exp(-squared / (2 * (radius * height) ** 2))


def photograph(rng: np.random.Generator) -> np.ndarray:
    """A picture uint8 `[SIZE, SIZE, 3]` of a few coloured spots."""
    spots = blobs(rng, 6, SIZE, SIZE, 0.16)
    colours = rng.uniform(0, 1, (6, 3))
    mixed = np.einsum("nhw,nc->hwc", spots, colours) / np.maximum(spots.sum(0), 0.4)[..., None]
    return (255 * np.clip(mixed, 0, 1)).astype(np.uint8)


def activations(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """A cube `[C, H, W]`, half of it zero."""
    spots = blobs(rng, *shape, 0.22) * rng.gamma(2.0, 2.0, (shape[0], 1, 1))
    return np.maximum(spots + rng.normal(0, 0.2, shape) - 0.5, 0)


def picture(rng: np.random.Generator, alpha: bool) -> np.ndarray:
    """A texture uint8 `[PICTURE, PICTURE, 3 or 4]`."""
    y, x = np.mgrid[0:PICTURE, 0:PICTURE] / PICTURE
    waves = [np.sin(2 * np.pi * (rng.uniform(-6, 6) * x + rng.uniform(-6, 6) * y + rng.uniform())) for _ in range(3)]
    rgb = np.stack([128 + 60 * wave + 40 * waves[0] for wave in waves], axis=-1)
    opaque = np.full((PICTURE, PICTURE, 1), 255.0)
    soft = 255 * np.clip(1.6 - 2.6 * np.hypot(x - 0.5, y - 0.5), 0, 1)[..., None] if alpha else opaque
    return np.clip(np.concatenate([rgb, soft], axis=-1), 0, 255).astype(np.uint8)[..., : 4 if alpha else 3]


def contents(chosen: Sequence[str], layers: Sequence[Layer], settings: Settings) -> list[Content]:
    """What the figures name, each once."""
    names = [layer.name for layer in layers]
    return list(dict.fromkeys(content for name in chosen for content in figures.load(name).interface(names, settings).contents))


def arrays(rng: np.random.Generator, wanted: Sequence[Content], layers: Sequence[Layer], classes: int) -> dict[str, Array]:
    """Every content that the basic figures name."""
    cubes = {layer.name: activations(rng, layer.shape) for layer in layers}
    logits = rng.normal(0, 2.5, classes).astype(np.float32)
    found: dict[str, Array] = {
        "input": Array(photograph(rng), ("height", "width", "colour")),
        "logits": Array(logits, ("class",), "logits"),
    }
    for content in wanted:
        match content:
            case Activation(substrate) if substrate not in (CLASSES,) and substrate.layer != INPUT and substrate.atom is not Atom.GROUP:
                found[content.path] = Array(float16(cubes[substrate.layer]), ("channel", "height", "width"))
            case Attribution(source, target) if source.atom is Atom.CHANNEL and target == CLASSES:
                strength = cubes[source.layer].sum(axis=(1, 2))
                values = strength[:, None] * rng.normal(0, 0.02, (len(strength), classes))
                found[content.path] = Array(float16(values), ("channel", "class"), "logits")
            case Attribution(source, target) if source.atom is Atom.CHANNEL and target.atom is Atom.CHANNEL:
                lower, upper = (cubes[each.layer].sum(axis=(1, 2)) for each in (source, target))
                # Some channels feed a given one, most do not; a generator of its own leaves all other numbers as they are.
                part = rng.spawn(1)[0].normal(0, 1, (len(lower), len(upper))) ** 3 * (lower / lower.sum())[:, None]
                found[content.path] = Array(float16(part * upper), ("channel", "channel"), "activation")
    return found | group_arrays(rng.spawn(1)[0], wanted, cubes, classes) | place_arrays(rng.spawn(1)[0], wanted, cubes, logits)


def place_arrays(
    rng: np.random.Generator, wanted: Sequence[Content], cubes: Mapping[str, np.ndarray], logits: np.ndarray
) -> dict[str, Array]:
    """Attribution of places to classes and to later places, and the factors of the former."""
    found: dict[str, Array] = {}
    evidence: dict[str, np.ndarray] = {}
    for content in wanted:
        match content:
            case Attribution(Substrate(layer, Atom.SPATIAL), target) if target == CLASSES:
                evidence[layer] = float16(places_to_classes(rng, cubes[layer], len(logits))).astype(np.float32)
                found[content.path] = Array(float16(evidence[layer]), ("y", "x", "class"), "logits")
            case Attribution(Substrate(lower, Atom.SPATIAL), Substrate(upper, Atom.SPATIAL)):
                values = float16(places_to_places(rng, cubes[lower], cubes[upper]))
                found[content.path] = Array(values, ("source_y", "source_x", "target_y", "target_x"), "norm of activations")
    return found | saliency(evidence, np.argsort(-logits, kind="stable")[:50])


def places_to_classes(rng: np.random.Generator, cube: np.ndarray, classes: int) -> np.ndarray:
    """Signed attribution `[H, W, K]` in which classes share a few places."""
    spots = blobs(rng, 4, *cube.shape[1:], 0.2)
    return np.einsum("nyx,nk->yxk", spots, rng.normal(0, 1, (4, classes))) * np.linalg.norm(cube, axis=0)[..., None] / cube[0].size


def places_to_places(rng: np.random.Generator, below: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Signed attribution `[h, w, H, W]`: strong around the same place, weak and negative farther off."""
    (h, w), (height, width) = below.shape[1:], above.shape[1:]
    y, x = np.mgrid[0:h, 0:w]
    targets = [((v + 0.5) * h / height - 0.5, (u + 0.5) * w / width - 0.5) for v in range(height) for u in range(width)]
    squared = np.stack([(y - v) ** 2 + (x - u) ** 2 for v, u in targets], axis=-1).reshape(h, w, height, width) / (h * w)
    strength = np.linalg.norm(below, axis=0)[..., None, None] * np.linalg.norm(above, axis=0) / np.linalg.norm(below)
    return strength * (np.exp(-squared / 0.02) - 0.3 * np.exp(-squared / 0.1)) * rng.uniform(0.6, 1, (h, w, 1, 1))


def saliency(evidence: Mapping[str, np.ndarray], classes: np.ndarray) -> dict[str, Array]:
    """Factors of the attribution of places to classes, as the build stores them; none where there is no such attribution."""
    if not evidence:
        return {}
    arrays = {"saliency/classes": Array(classes.astype(np.int32), ("class",))}
    for name, sign in (("for", 1), ("against", -1)):
        factors = factor_saliency({layer: values[..., classes] for layer, values in evidence.items()}, list(evidence)[-1], 2, sign)
        arrays[f"saliency/{name}/classes"] = Array(factors.classes, ("factor", "class"))
        for layer, spatial in factors.spatial.items():
            arrays[f"saliency/{name}/{layer}/spatial"] = Array(spatial, ("factor", "y", "x"), "mean attribution = 1")
            arrays[f"saliency/{name}/{layer}/colours"] = Array(colours(spatial), ("y", "x", "rgb"), "0…255")
    return arrays


def group_arrays(rng: np.random.Generator, wanted: Sequence[Content], cubes: Mapping[str, np.ndarray], classes: int) -> dict[str, Array]:
    """Groups of layers, their attribution to classes and to each other, and what they leave."""
    found: dict[str, Array] = {}
    for content in wanted:
        match content:
            case Activation(Substrate(layer, Atom.GROUP, grouping)) if grouping:
                channels, height, width = cubes[layer].shape
                w = 4 * blobs(rng, grouping.count, height, width, 0.2)
                h = rng.gamma(0.3, 1.0, (grouping.count, channels))
                left = cubes[layer] - np.einsum("nyx,nc->cyx", w, h)
                magnitude = np.linalg.norm(w, axis=(1, 2)) * np.linalg.norm(h, axis=1)
                found |= {
                    f"{content.path}/spatial": Array(w.astype(np.float32), ("group", "y", "x"), "activation"),
                    f"{content.path}/channels": Array(h.astype(np.float32), ("group", "channel")),
                    f"{content.path}/magnitude": Array(magnitude.astype(np.float32), ("group",), "activation"),
                    f"{content.path}/residual": Array(np.linalg.norm(left, axis=0).astype(np.float32), ("y", "x"), "norm of activations"),
                    f"{content.path}/explained": Array(np.array(rng.uniform(0.5, 0.9), np.float32), ()),
                    f"{content.path}/negative": Array(np.array(0, np.float32), ()),
                    f"{content.path}/concentration": Array(rng.uniform(0.4, 0.9, grouping.count).astype(np.float32), ("group",)),
                    f"{content.path}/concentration_independent": Array(
                        rng.uniform(0.2, 0.6, grouping.count).astype(np.float32), ("group",)
                    ),
                }
            case Attribution(source, target) if source.grouping:
                columns = target.grouping.count + 1 if target.grouping else classes
                values = rng.normal(0.2, 1.0, (source.grouping.count + 1, columns)).astype(np.float32)
                path, to = f"{source}/{target}", ("target_group",) if target.grouping else ("class",)
                inner = values[:, :-1] if target.grouping else values
                found[f"attribution/{path}"] = Array(inner[:-1], ("group", *to))
                found[f"residual/{path}/of_source"] = Array(inner[-1], to)
                if target.grouping:
                    found[f"residual/{path}/of_target"] = Array(values[:-1, -1], ("group",))
                    found[f"residual/{path}/of_both"] = Array(values[-1, -1].reshape(()), ())
    return found


def make(root: Path, *, photographs: Sequence[Photograph] = PHOTOGRAPHS, layers: Sequence[Layer] = LAYERS, seed: int = 0) -> Atlas:
    """Write a store below `root` and return the atlas that reads it. One picture of each layer is dead, one is missing."""
    rng = np.random.default_rng(seed)
    settings = Settings(
        title='An atlas of "blobs" & <blobs>',
        dataset=DatasetTable(images=("*.jpg",)),
        features=FeaturesTable(channels="all"),
    )
    store = Store(root)
    wanted = contents(figures.FIGURES, layers, settings)
    for each in photographs:
        write(store.image_path(each.name), "image", fingerprint_of(seed, each.name), arrays(rng, wanted, layers, len(CLASSES_NAMES)))
    atlas = Atlas(
        settings=settings,
        network=NetworkFacts("Blob<Net> & co", CLASSES_NAMES, SIZE, 1_234_567, tuple(layers)),
        photographs=tuple(photographs),
        store=store,
        picture_fingerprints={layer.name: fingerprint_of(seed, layer.name) for layer in layers},
        fingerprint=fingerprint_of(seed, [each.name for each in photographs], [layer.name for layer in layers]),
        grid_fingerprints={(photographs[0].name, layer.name): fingerprint_of(seed, layer.name) for layer in layers},
    )
    for layer in layers:
        _write_pictures(rng, atlas, layer)
    _write_grids(atlas, seed)
    return atlas


def _write_grids(atlas: Atlas, seed: int) -> None:
    """Activation grids of the first photograph; the others have none. One cell of each is dead."""
    rng = np.random.default_rng((seed, 1))
    for (name, layer), fingerprint in atlas.grid_fingerprints.items():
        _, height, width = atlas.layer(layer).shape
        # Every cell has a colour of its own, so that a test can tell which one it sees.
        hues = rng.integers(40, 216, (height, width, 1, 1, 3))
        cells = (hues + rng.integers(-30, 30, (height, width, GRID_CELL, GRID_CELL, 3))).astype(np.uint8)
        alive = np.ones((height, width), dtype=bool)
        alive[2, 3] = False
        arrays = {"cells": Array(cells, GRID_DIMS), "alive": Array(alive, GRID_DIMS[:2])}
        write(atlas.store.grid_path(name, layer), "grid", fingerprint, arrays)


def _write_pictures(rng: np.random.Generator, atlas: Atlas, layer: Layer) -> None:
    modules = [figures.load(name) for name in figures.FIGURES]
    found = [module.units(atlas, each).get(layer.name, set()) for module in modules for each in atlas.photographs]
    units = sorted(set().union(*found))
    channels = [unit for unit in units if unit.startswith("channel:")]
    if not channels:
        return
    units.remove(channels[-1])
    alpha = layer is atlas.network.layers[-1]
    alive = np.ones(len(units), dtype=bool)
    alive[units.index(channels[len(channels) // 2])] = False
    values = {
        "pictures": Array(np.stack([picture(rng, alpha) for _ in units]), ("picture", "height", "width", "colour")),
        "objective": Array(rng.uniform(1, 9, len(units)).astype(np.float32), ("picture",)),
        "activation": Array(rng.uniform(1, 9, len(units)).astype(np.float32), ("picture",)),
        "alive": Array(alive, ("picture",)),
    }
    atlas.store.write_pictures(layer.name, atlas.picture_fingerprints[layer.name], units, values, {})
