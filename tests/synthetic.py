"""A small atlas without a network: structured random arrays in a real store.

Tests of the figures and the site read it; `tests.synthetic_values` makes the arrays. Names and
titles are as awkward as users' own: markup, quotes, emoji, right-to-left text, 200 characters.

Symbols: C channels, H × W positions, K classes, m groups with their residual.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from pipeline import figures, schema
from pipeline.arrays import float16
from pipeline.atlas import Atlas, Layer, Photograph, ShownNetwork
from pipeline.attribution.saliency import factor_saliency
from pipeline.config import DatasetTable, FeaturesTable, Settings
from pipeline.fingerprints import fingerprint_of
from pipeline.grammar import (
    CHANNEL,
    CLASSES,
    INPUT,
    SPATIAL,
    WHOLE,
    Activation,
    AtBaseline,
    Attribution,
    Coalitions,
    Concentration,
    Content,
    Group,
    Interface,
    Removal,
    Saliency,
    Sign,
    Substrate,
    with_requirements,
)
from pipeline.store import GRIDS, VISUALIZATIONS, Computed, Store, join, write
from pipeline.store import PHOTOGRAPHS as KIND
from pipeline.views.trust import KIND as TRUST
from tests import synthetic_trust
from tests import synthetic_values as values

SIZE = values.SIZE
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
    Photograph("third", "<script>alert('title')</script>", "third.png", label=7),
)
LAYERS = (
    Layer("blocks.2", "early", (24, 28, 28)),
    Layer("blocks.4/x:y,z=1&w", "middle <i>layer</i>", (40, 14, 14)),
    Layer("head", "late", (64, 7, 7)),
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
    empty
        Layer → the logits with the layer at its baseline, f4 `[K]`.
    shares
        (Source, target) → shares, as far as they are made.
    games
        Groups → the game of which their shares and removals come, as far as it is made.
    """

    rng: np.random.Generator
    cubes: Mapping[str, np.ndarray]
    logits: np.ndarray
    empty: Mapping[str, np.ndarray]
    shares: dict[tuple[Substrate, Substrate], np.ndarray] = field(default_factory=dict)
    games: dict[Substrate, values.Game] = field(default_factory=dict)

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
    cubes = {layer.name: values.activations(rng, layer.shape) for layer in layers}
    logits = rng.normal(0, 2.5, classes).astype(np.float32)
    shown = Activation(Substrate(INPUT, WHOLE))
    found = {
        shown.path: schema.pixels(shown, values.photograph(rng)),
        Activation(CLASSES).path: schema.activation(Activation(CLASSES), logits),
    }
    scene = Scene(rng, cubes, logits, at_baseline(rng.spawn(1)[0], logits, cubes))
    for content in sorted(wanted, key=_turn):
        if content.path not in found:
            found[content.path] = made(scene, content)
    return found


def at_baseline(
    rng: np.random.Generator, logits: np.ndarray, layers: Iterable[str]
) -> dict[str, np.ndarray]:
    """Layer → the logits without it; around the first layer goes half of them."""
    around = {
        layer: (0 if i else 0.5) * logits + rng.normal(0, 0.3, len(logits))
        for i, layer in enumerate(layers)
    }
    return {layer: found.astype(np.float32) for layer, found in around.items()}


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
            found = values.factorization(scene.groups_rng, scene.cubes[layer], count)
            return schema.groups(content, found)
        case Activation(Substrate(layer)):
            return schema.activation(content, scene.cubes[layer])
        case Attribution(source, target):
            return attributed(scene, content, shares(scene, source, target))
        case Removal(source, target):
            return schema.between(content, removals(scene, source, target))
        case Coalitions(groups):
            return schema.coalitions(content, game(scene, groups).coalitions())
        case AtBaseline(layer):
            return schema.at_baseline(content, scene.empty[layer])
        case Concentration(Substrate(_, Group(count))):
            compatible = scene.groups_rng.uniform(0.4, 0.9, count).astype(np.float32)
            independent = scene.groups_rng.uniform(0.2, 0.6, count).astype(np.float32)
            return schema.concentration(content, compatible, independent)
        case Saliency():
            return saliency(scene, content)
    raise TypeError(f"{content.path}: there is nothing like it here")


def attributed(scene: Scene, content: Attribution, found: np.ndarray) -> schema.Datasets:
    """Shares, and what they lack to the change of the score."""
    split = len(content.source.atom.dims)
    total = found.sum(axis=tuple(range(split)), dtype=np.float64)
    change = total / values.COMPLETE
    if content.target == CLASSES:
        change = scene.logits - scene.empty[content.source.layer]
    lacking = (change - total).astype(np.float32)
    if content.target.atom.leaves_residual:
        lacking = lacking[:-1]
    return schema.between(content, found) | schema.gap(content, lacking)


def shares(scene: Scene, source: Substrate, target: Substrate) -> np.ndarray:
    """Make shares, the source's dimensions first; where groups are, the residual is last."""
    if (source, target) not in scene.shares:
        scene.shares[source, target] = made_shares(scene, source, target)
    return scene.shares[source, target]


def made_shares(scene: Scene, source: Substrate, target: Substrate) -> np.ndarray:
    below, above = scene.cubes[source.layer], scene.cubes.get(target.layer)
    if isinstance(source.atom, Group):
        if target == CLASSES:
            return game(scene, source).shares.astype(np.float32)
        assert isinstance(target.atom, Group), f"{source} → {target}"
        shape = (source.atom.count + 1, target.atom.count + 1)
        return scene.groups_rng.normal(0.2, 1.0, shape).astype(np.float32)
    if target == CLASSES:
        change = scene.logits - scene.empty[source.layer]
        if source.atom == CHANNEL:
            found = values.channels_to_classes(scene.rng, below, len(change))
            return float16(values.added_up(found, change, below.sum(axis=(1, 2))))
        found = values.positions_to_classes(scene.positions_rng, below, len(change))
        return float16(values.added_up(found, change, np.linalg.norm(below, axis=0)))
    assert above is not None, f"{source} → {target}"
    if source.atom == CHANNEL == target.atom:
        return values.channels_to_channels(scene.rng.spawn(1)[0], below, above)
    assert source.atom == SPATIAL == target.atom, f"{source} → {target}"
    return values.positions_to_positions(scene.positions_rng, below, above)


def removals(scene: Scene, source: Substrate, target: Substrate) -> np.ndarray:
    """Make effects of removal; those of groups on the logits are those of the coalitions."""
    if isinstance(source.atom, Group) and target == CLASSES:
        return game(scene, source).removals.astype(np.float32)
    return values.removed(scene.rng.spawn(1)[0], shares(scene, source, target))


def game(scene: Scene, groups: Substrate) -> values.Game:
    """What the logits are for every subset of a layer's groups and their residual."""
    if groups not in scene.games:
        rng, empty = scene.groups_rng.spawn(1)[0], scene.empty[groups.layer]
        assert isinstance(groups.atom, Group)
        m = groups.atom.count + 1
        found = rng.normal(0.2, 1.0, (m, len(empty)))
        found += (scene.logits - empty - found.sum(axis=0)) / m
        scene.games[groups] = values.Game.of(rng, empty, found)
    return scene.games[groups]


def saliency(scene: Scene, content: Saliency) -> schema.Datasets:
    """Factorize the attribution of positions to all classes, as the build does."""
    classes = np.argsort(-scene.logits, kind="stable")
    evidence = {
        layer: shares(scene, Substrate(layer, SPATIAL), CLASSES)[..., classes].astype(np.float32)
        for layer in content.layers
    }
    found = {
        sign: factor_saliency(evidence, content.layers[-1], FACTORS, sign=sign) for sign in Sign
    }
    of_classes = {sign: factors.classes for sign, factors in found.items()}
    spatial = {sign: factors.spatial for sign, factors in found.items()}
    return schema.saliency(content, classes, of_classes, spatial)


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
            TRUST: synthetic_trust.fingerprints(shown, names),
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
    synthetic_trust.fill(atlas, seed)
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
    pictures = np.stack([values.picture(rng, alpha) for _ in units])
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
