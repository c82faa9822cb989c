"""A small atlas without a network: structured random arrays in a real store.

Tests of the figures and the site read it. Photographs are coloured blobs; activations are blobs of
other sizes, mostly zero, as after a ReLU. Names and titles are as awkward as users' own: markup,
quotes, emoji, right-to-left text, 200 characters.

Symbols: C channels, H × W positions, K classes, n groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from pipeline import figures, schema
from pipeline.arrays import float16
from pipeline.atlas import Atlas, Layer, Photograph, ShownNetwork
from pipeline.attribution.saliency import factor_saliency
from pipeline.config import DatasetTable, FeaturesTable, Settings
from pipeline.factorization import Factorization
from pipeline.fingerprints import fingerprint_of
from pipeline.grammar import (
    CHANNEL,
    CLASSES,
    INPUT,
    SPATIAL,
    WHOLE,
    Activation,
    Attribution,
    Concentration,
    Content,
    Group,
    Interface,
    Saliency,
    Sign,
    Substrate,
    with_requirements,
)
from pipeline.store import GRIDS, VISUALIZATIONS, Computed, Store, join, write
from pipeline.store import PHOTOGRAPHS as KIND

SIZE = 112
PICTURE = 64
GRID_CELL = 12
FACTORS = 2
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


# ------------------------------------------------------------------------------------------ values
def blobs(
    rng: np.random.Generator, count: int, height: int, width: int, radius: float
) -> np.ndarray:
    """Soft spots at random positions, `[count, height, width]` in 0…1."""
    y, x = np.mgrid[0:height, 0:width]
    centres = rng.uniform(0, 1, (count, 2)) * (height, width)
    squared = (y - centres[:, 0, None, None]) ** 2 + (x - centres[:, 1, None, None]) ** 2
    return np.exp(-squared / (2 * (radius * height) ** 2))


def photograph(rng: np.random.Generator) -> np.ndarray:
    """A few coloured spots, uint8 `[SIZE, SIZE, 3]`."""
    spots = blobs(rng, 6, SIZE, SIZE, 0.16)
    colours = rng.uniform(0, 1, (6, 3))
    mixed = np.einsum("nhw,nc->hwc", spots, colours) / np.maximum(spots.sum(0), 0.4)[..., None]
    return (255 * np.clip(mixed, 0, 1)).astype(np.uint8)


def activations(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """A cube `[C, H, W]`, half of it zero."""
    spots = blobs(rng, *shape, 0.22) * rng.gamma(2.0, 2.0, (shape[0], 1, 1))
    return np.maximum(spots + rng.normal(0, 0.2, shape) - 0.5, 0)


def picture(rng: np.random.Generator, alpha: bool) -> np.ndarray:
    """A texture uint8 `[PICTURE, PICTURE, 3 or 4]`, that stands for a feature visualization."""
    y, x = np.mgrid[0:PICTURE, 0:PICTURE] / PICTURE
    waves = [
        np.sin(2 * np.pi * (rng.uniform(-6, 6) * x + rng.uniform(-6, 6) * y + rng.uniform()))
        for _ in range(3)
    ]
    rgb = np.stack([128 + 60 * wave + 40 * waves[0] for wave in waves], axis=-1)
    if not alpha:
        return np.clip(rgb, 0, 255).astype(np.uint8)
    opacity = 255 * np.clip(1.6 - 2.6 * np.hypot(x - 0.5, y - 0.5), 0, 1)[..., None]
    return np.clip(np.concatenate([rgb, opacity], axis=-1), 0, 255).astype(np.uint8)


def channels_to_classes(rng: np.random.Generator, cube: np.ndarray, classes: int) -> np.ndarray:
    """Attribution `[C, K]`, larger for channels that are more active."""
    strength = cube.sum(axis=(1, 2))
    return strength[:, None] * rng.normal(0, 0.02, (len(strength), classes))


def channels_to_channels(
    rng: np.random.Generator, below: np.ndarray, above: np.ndarray
) -> np.ndarray:
    """Attribution `[c, C]`: some channels contribute to a given one, most do not."""
    lower, upper = below.sum(axis=(1, 2)), above.sum(axis=(1, 2))
    shares = rng.normal(0, 1, (len(lower), len(upper))) ** 3 * (lower / lower.sum())[:, None]
    return shares * upper


def positions_to_classes(rng: np.random.Generator, cube: np.ndarray, classes: int) -> np.ndarray:
    """Signed attribution `[H, W, K]` in which classes share a few positions."""
    spots = blobs(rng, 4, *cube.shape[1:], 0.2)
    shares = np.einsum("nyx,nk->yxk", spots, rng.normal(0, 1, (4, classes)))
    return shares * np.linalg.norm(cube, axis=0)[..., None] / cube[0].size


def positions_to_positions(
    rng: np.random.Generator, below: np.ndarray, above: np.ndarray
) -> np.ndarray:
    """Signed attribution `[h, w, H, W]`: strong near the same position, negative farther off."""
    (h, w), (height, width) = below.shape[1:], above.shape[1:]
    y, x = np.mgrid[0:h, 0:w]
    v = (np.arange(height) + 0.5) * h / height - 0.5
    u = (np.arange(width) + 0.5) * w / width - 0.5
    squared = ((y[..., None, None] - v[:, None]) ** 2 + (x[..., None, None] - u[None]) ** 2) / (
        h * w
    )
    lower, upper = np.linalg.norm(below, axis=0), np.linalg.norm(above, axis=0)
    strength = lower[..., None, None] * upper / np.linalg.norm(below)
    near_and_far = np.exp(-squared / 0.02) - 0.3 * np.exp(-squared / 0.1)
    return strength * near_and_far * rng.uniform(0.6, 1, (h, w, 1, 1))


def factorization(rng: np.random.Generator, cube: np.ndarray, count: int) -> Factorization:
    """Groups at random positions, of random channels; whether they fit the cube does not matter."""
    channels, height, width = cube.shape
    w = 4 * blobs(rng, count, height, width, 0.2)
    h = rng.gamma(0.3, 1.0, (count, channels))
    residual = np.linalg.norm(cube - np.einsum("nyx,nc->cyx", w, h), axis=0)
    magnitude = np.linalg.norm(w, axis=(1, 2)) * np.linalg.norm(h, axis=1)
    return Factorization(
        spatial=w.astype(np.float32),
        channels=h.astype(np.float32),
        magnitude=magnitude.astype(np.float32),
        explained=float(rng.uniform(0.5, 0.9)),
        residual=residual.astype(np.float32),
        negative=0.0,
    )


# ---------------------------------------------------------------------------------------- contents
@dataclass
class Scene:
    """What the contents of one photograph are made from.

    Attributes
    ----------
    rng
        A generator of random numbers.
    cubes
        Layer → activations `[C, H, W]`.
    logits
        f4 `[K]`.
    evidence
        Layer → attribution of its positions to the classes `[H, W, K]`, as far as it is made.
    """

    rng: np.random.Generator
    cubes: Mapping[str, np.ndarray]
    logits: np.ndarray
    evidence: dict[str, np.ndarray] = field(default_factory=dict)

    @cached_property
    def groups_rng(self) -> np.random.Generator:
        """For groups only, so that other contents keep their numbers when groups change."""
        return self.rng.spawn(1)[0]

    @cached_property
    def positions_rng(self) -> np.random.Generator:
        """For positions only."""
        return self.rng.spawn(1)[0]


def contents(interfaces: Mapping[str, Interface]) -> list[Content]:
    """What the figures name, each once, and after it whatever else that requires."""
    named = [content for interface in interfaces.values() for content in interface.contents]
    return list(dict.fromkeys([*named, *with_requirements(tuple(named))]))


def datasets(
    rng: np.random.Generator, wanted: Sequence[Content], layers: Sequence[Layer], classes: int
) -> dict[str, schema.Datasets]:
    """Make every content: its path → datasets, named and typed as the build's."""
    cubes = {layer.name: activations(rng, layer.shape) for layer in layers}
    logits = rng.normal(0, 2.5, classes).astype(np.float32)
    shown = Activation(Substrate(INPUT, WHOLE))
    found = {
        shown.path: schema.pixels(shown, photograph(rng)),
        Activation(CLASSES).path: schema.activation(Activation(CLASSES), logits),
    }
    scene = Scene(rng, cubes, logits)
    for content in sorted(wanted, key=_turn):
        if content.path not in found:
            found[content.path] = made(scene, content)
    return found


def _turn(content: Content) -> int:
    """When a content is made: saliency after the attributions that it is made of."""
    atoms = [substrate.atom for substrate in content.substrates]
    if isinstance(content, Saliency):
        return 3
    if SPATIAL in atoms:
        return 2
    return 1 if any(isinstance(atom, Group) for atom in atoms) else 0


def made(scene: Scene, content: Content) -> schema.Datasets:
    """Make the datasets of one content."""
    match content:
        case Activation(Substrate(layer, Group(count))):
            found = factorization(scene.groups_rng, scene.cubes[layer], count)
            return schema.groups(content, found)
        case Activation(Substrate(layer)):
            return schema.activation(content, scene.cubes[layer])
        case Attribution(source, target):
            return schema.attribution(content, attribution(scene, source, target))
        case Concentration(Substrate(_, Group(count))):
            compatible = scene.groups_rng.uniform(0.4, 0.9, count).astype(np.float32)
            independent = scene.groups_rng.uniform(0.2, 0.6, count).astype(np.float32)
            return schema.concentration(content, compatible, independent)
        case Saliency():
            return saliency(scene, content)
    raise TypeError(f"{content.path}: there is nothing like it here")


def attribution(scene: Scene, source: Substrate, target: Substrate) -> np.ndarray:
    """Make attributions, the source's dimensions first; where groups are, the residual is last."""
    below, above = scene.cubes[source.layer], scene.cubes.get(target.layer)
    classes = len(scene.logits)
    match source.atom, target.atom:
        case Group(count), Group(upper):
            shape = (count + 1, upper + 1)
            return scene.groups_rng.normal(0.2, 1.0, shape).astype(np.float32)
        case Group(count), _ if target == CLASSES:
            shape = (count + 1, classes)
            return scene.groups_rng.normal(0.2, 1.0, shape).astype(np.float32)
    if source.atom == CHANNEL and target == CLASSES:
        return channels_to_classes(scene.rng, below, classes)
    if source.atom == SPATIAL and target == CLASSES:
        values = float16(positions_to_classes(scene.positions_rng, below, classes))
        scene.evidence[source.layer] = values.astype(np.float32)
        return values
    assert above is not None, f"{source} → {target}"
    if source.atom == CHANNEL == target.atom:
        return channels_to_channels(scene.rng.spawn(1)[0], below, above)
    assert source.atom == SPATIAL == target.atom, f"{source} → {target}"
    return positions_to_positions(scene.positions_rng, below, above)


def saliency(scene: Scene, content: Saliency) -> schema.Datasets:
    """Factorize the attribution of positions to all classes, as the build does."""
    classes = np.argsort(-scene.logits, kind="stable")
    evidence = {layer: scene.evidence[layer][..., classes] for layer in content.layers}
    found = {
        sign: factor_saliency(evidence, content.layers[-1], FACTORS, sign=sign) for sign in Sign
    }
    shares = {sign: factors.classes for sign, factors in found.items()}
    spatial = {sign: factors.spatial for sign, factors in found.items()}
    return schema.saliency(content, classes, shares, spatial)


# ------------------------------------------------------------------------------------------- store
def make(
    root: Path,
    *,
    photographs: Sequence[Photograph] = PHOTOGRAPHS,
    layers: Sequence[Layer] = LAYERS,
    seed: int = 0,
) -> Atlas:
    """Write a store below `root` and return the atlas that reads it.

    One feature visualization of each layer does not activate its channel, and one is missing.
    """
    rng = np.random.default_rng(seed)
    settings = Settings(
        title='An atlas of "blobs" & <blobs>',
        dataset=DatasetTable(images=("*.jpg",)),
        features=FeaturesTable(channels="all"),
    )
    names = [layer.name for layer in layers]
    shown = [each.name for each in photographs]
    atlas = Atlas(
        settings=settings,
        network=ShownNetwork("Blob<Net> & co", CLASSES_NAMES, SIZE, 1_234_567, tuple(layers)),
        photographs=tuple(photographs),
        store=Store(root),
        interfaces=figures.interfaces(names, settings),
        fingerprint=fingerprint_of(seed, shown, names),
        fingerprints={
            VISUALIZATIONS: {(name,): fingerprint_of(seed, name) for name in names},
            GRIDS: {(shown[0], name): fingerprint_of(seed, name) for name in names},
        },
    )
    wanted = contents(atlas.interfaces)
    for each in photographs:
        write_photograph(
            atlas, each, datasets(rng, wanted, layers, len(CLASSES_NAMES)), fingerprint_of(seed)
        )
    for layer in layers:
        _write_visualizations(rng, atlas, layer)
    _write_grids(atlas, seed)
    return atlas


def write_photograph(
    atlas: Atlas, shown: Photograph, found: Mapping[str, schema.Datasets], fingerprint: str
) -> None:
    """Add contents to a photograph's file, or replace them.

    Parameters
    ----------
    found
        Path of a content → its datasets.
    fingerprint
        Of these contents; new values need a new one, or what has been read before is shown again.
    """
    computed = {path: Computed(fingerprint, arrays) for path, arrays in found.items()}
    path = atlas.store.photograph_path(shown.name)
    join(path, KIND, fingerprint_of(shown.name), computed)


def _write_visualizations(rng: np.random.Generator, atlas: Atlas, layer: Layer) -> None:
    found = {
        unit
        for figure in figures.chosen()
        for each in atlas.photographs
        for unit in figures.visualizations(figure, atlas, each).get(layer.name, ())
    }
    units = sorted(found, key=str)
    channels = [unit for unit in units if unit.channel_index is not None]
    if not channels:
        return
    units.remove(channels[-1])
    alpha = layer is atlas.network.layers[-1]
    alive = np.ones(len(units), dtype=bool)
    alive[units.index(channels[len(channels) // 2])] = False
    pictures = np.stack([picture(rng, alpha) for _ in units])
    objective, activation = rng.uniform(1, 9, (2, len(units))).astype(np.float32)
    atlas.store.write_visualizations(
        layer.name,
        atlas.fingerprints[VISUALIZATIONS][layer.name,],
        [str(unit) for unit in units],
        schema.visualizations(pictures, objective, activation, alive),
    )


def _write_grids(atlas: Atlas, seed: int) -> None:
    """Write the activation grids of the first photograph; one cell of each is not alive."""
    rng = np.random.default_rng((seed, 1))
    for (name, layer), fingerprint in atlas.fingerprints[GRIDS].items():
        _, height, width = atlas.layer(layer).shape
        # Every cell has a colour of its own, so that a test can tell which one it sees.
        hues = rng.integers(40, 216, (height, width, 1, 1, 3))
        noise = rng.integers(-30, 30, (height, width, GRID_CELL, GRID_CELL, 3))
        alive = np.ones((height, width), dtype=bool)
        alive[2, 3] = False
        likeness = np.ones((height, width), np.float32)
        datasets = schema.grid((hues + noise).astype(np.uint8), likeness, alive)
        write(atlas.store.grid_path(name, layer), GRIDS, fingerprint, datasets)
