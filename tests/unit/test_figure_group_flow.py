"""Group flow: what is baked equals the store, and parts add up to whole layers however they are cut."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

from pipeline.atlas import Atlas
from pipeline.attribution import compute
from pipeline.config import DatasetTable, GroupsTable, Settings
from pipeline.figures import group_flow, groupings, packing
from pipeline.figures.classes import leading
from pipeline.grammar import Attribution
from pipeline.store import File, write
from tests import synthetic

LOWER, UPPER = synthetic.LAYERS[0].name, synthetic.LAYERS[1].name


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("flow") / "store")


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a real, small network makes of a photograph: the contents of this figure."""
    import torch

    from tests.unit.networks import network

    torch.manual_seed(3)
    settings = Settings(dataset=DatasetTable(images=("x",)), groups=GroupsTable(counts={"early": (2, 3), "late": (2, 3)}))
    contents = group_flow.interface(["early", "late"], settings).contents
    path = tmp_path_factory.mktemp("computed") / "image.h5"
    write(path, "image", "f", compute(network(), torch.rand(1, 3, 32, 32), contents, settings.attribution, settings.groups))
    return path


def unpacked(packed: dict) -> np.ndarray:
    values = np.frombuffer(base64.b64decode(packed["data"]), dtype=packing.TYPES[packed["type"]]).reshape(packed["shape"])
    return values * packed.get("scale", 1)


def cut(layer: str, count: int, aligned_to: tuple[str, int] | None = None) -> group_flow.Substrate:
    return groupings.substrate(layer, count, aligned_to)


def test_parts_feed_a_group_by_the_same_total_however_the_lower_layer_is_cut(computed: Path) -> None:
    with File(computed) as file:
        for m in (2, 3):
            cuts = [cut("early", n, aligned) for n in (2, 3) for aligned in (None, ("late", m))]
            totals = [group_flow.feeds(file, each, cut("late", m)).sum(axis=0) for each in cuts]
            for total in totals[1:]:
                assert np.allclose(total, totals[0], rtol=1e-3, atol=1e-5)
            assert np.abs(totals[0]).max() > 1e-3


def test_a_feed_is_the_attribution_over_the_length_of_the_part(computed: Path) -> None:
    lower, upper = cut("early", 3, ("late", 2)), cut("late", 2)
    with File(computed) as file:
        found = group_flow.feeds(file, lower, upper)
        whole = file.values(Attribution(lower, upper).path)
        w, h = (file.values(f"group/late/2/{name}").astype(float) for name in ("spatial", "channels"))
        rest = np.linalg.norm(file.values("group/late/2/residual"))
        of_target = file.values("residual/early.group.3@late@2/late.group.2/of_target")
    assert found.shape == (4, 3)
    for i in range(3):
        for g in range(2):
            assert found[i, g] == pytest.approx(whole[i, g] / np.linalg.norm(np.einsum("yx,c->cyx", w[g], h[g])), rel=1e-4)
        assert found[i, 2] == pytest.approx(of_target[i] / rest, rel=1e-4)


def test_groups_and_rest_make_up_a_layers_contribution(computed: Path) -> None:
    with File(computed) as file:
        totals = []
        for each in (cut("late", 2), cut("late", 3)):
            path = Attribution(each, group_flow.CLASSES).path
            totals.append(file.values(path).sum(axis=0) + file.values(f"residual/{path.removeprefix('attribution/')}/of_source"))
    assert np.allclose(totals[0], totals[1], rtol=1e-3, atol=1e-5)


def test_what_is_baked_equals_the_store(atlas: Atlas) -> None:
    photograph = atlas.photographs[1]
    baked = group_flow.bake(atlas, photograph)
    named = [prediction.index for prediction in leading(atlas, photograph)]
    assert (baked["lower"], baked["upper"], baked["first"]) == (LOWER, UPPER, [6, 6])
    assert len(baked["cuts"]) == 2 + 2 + 4
    assert len(baked["feeds"]) == 8
    with atlas.image(photograph) as file:
        for key, grouping in ((f"{UPPER} 3", cut(UPPER, 3)), (f"{LOWER} 6@3", cut(LOWER, 6, (UPPER, 3)))):
            values = file.values(Attribution(grouping, group_flow.CLASSES).path)[:, named]
            found = baked["cuts"][key]
            assert np.array_equal(unpacked(found["effect"])[:-1], values)
            factors = groupings.read(file, grouping)
            presence = np.concatenate([factors.presence, factors.left[None]])
            assert np.abs(unpacked(found["presence"]) - presence).max() <= found["presence"]["scale"] / 2 + 1e-5
        expected = group_flow.feeds(file, cut(LOWER, 6, (UPPER, 3)), cut(UPPER, 3))
    assert np.allclose(unpacked(baked["feeds"][f"{LOWER} 6@3>{UPPER} 3"]), expected, rtol=1e-6)


def test_every_group_has_a_picture_of_its_direction(atlas: Atlas) -> None:
    for photograph in atlas.photographs:
        baked, wanted = group_flow.bake(atlas, photograph), group_flow.units(atlas, photograph)
        vectors = group_flow.directions(atlas, photograph)
        for layer in (LOWER, UPPER):
            shown = {unit for key, found in baked["cuts"].items() if key.startswith(layer) for unit in found["units"]}
            assert shown == wanted[layer] == set(vectors[layer])
        opened = group_flow.opening(atlas, photograph)
        assert opened == {LOWER: baked["cuts"][f"{LOWER} 6@6"]["units"], UPPER: baked["cuts"][f"{UPPER} 6"]["units"]}


def test_an_atlas_with_one_layer_flows_to_the_classes_only(tmp_path: Path) -> None:
    atlas = synthetic.make(tmp_path, photographs=synthetic.PHOTOGRAPHS[:1], layers=synthetic.LAYERS[:1])
    baked = group_flow.bake(atlas, atlas.photographs[0])
    assert baked["lower"] is None
    assert baked["first"] == [None, 6]
    assert not baked["feeds"]
    assert group_flow.page(atlas)["lower"] is None
