"""Group flow: what is baked equals the store; parts add up to whole layers, however cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.atlas import Atlas
from pipeline.attribution import compute
from pipeline.config import DatasetTable, GroupsTable, Settings
from pipeline.figures import group_flow, visualizations
from pipeline.grammar import (
    CLASSES,
    WHOLE,
    Activation,
    Attribution,
    Concentration,
    Removal,
    Substrate,
)
from pipeline.store import File, write
from pipeline.units import Unit
from pipeline.views import groups
from pipeline.views.classes import top_classes
from pipeline.views.groups import substrate
from pipeline.views.packing import unpack
from tests import synthetic

LOWER, UPPER = (layer.name for layer in synthetic.LAYERS[:2])


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("flow") / "store")


def small_settings() -> Settings:
    counts = {"early": (2, 3), "late": (2, 3)}
    return Settings(dataset=DatasetTable(images=("x",)), groups=GroupsTable(counts=counts))


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a real, small network makes of a photograph: the contents of this figure."""
    import torch

    from tests.unit.networks import network

    torch.manual_seed(3)
    settings = small_settings()
    contents = group_flow.interface(["early", "late"], settings).contents
    x = torch.rand(1, 3, 32, 32)
    found = compute(network(), x, contents, settings.attribution, settings.groups)
    path = tmp_path_factory.mktemp("computed") / "image.h5"
    arrays = {name: array for each in found.values() for name, array in each.items()}
    write(path, "image", "f", arrays)
    return path


def test_the_total_of_the_shares_does_not_depend_on_how_the_lower_layer_is_cut(
    computed: Path,
) -> None:
    with File(computed) as file:
        for m in (2, 3):
            upper = substrate("late", m)
            cuts = [substrate("early", n, to) for n in (2, 3) for to in (None, ("late", m))]
            totals = [group_flow.shares(file, Attribution(cut, upper)).sum(axis=0) for cut in cuts]
            for total in totals[1:]:
                assert np.allclose(total, totals[0], rtol=1e-3, atol=1e-5)
            assert np.abs(totals[0]).max() > 1e-3


def scores(a: np.ndarray, w: np.ndarray, h: np.ndarray) -> list[float]:
    """How far the activations reach along each part, the residual last."""
    parts = [np.multiply.outer(each, maps) for each, maps in zip(h, w, strict=True)]
    parts.append(a - sum(parts))
    return [float((a * part).sum() / np.linalg.norm(part)) for part in parts]


@pytest.mark.parametrize(
    ("kind", "residual"), [(Attribution, "residual"), (Removal, "removal_residual")]
)
def test_a_share_is_the_part_of_the_score(computed: Path, kind: type, residual: str) -> None:
    lower, upper = substrate("early", 3, ("late", 2)), substrate("late", 2)
    with File(computed) as file:
        found = group_flow.shares(file, kind(lower, upper))
        whole = file.values(kind(lower, upper).path)
        a = file.values(Activation(Substrate("late", WHOLE)).path).astype(float)
        w = file.values("group/late/2/spatial").astype(float)
        h = file.values("group/late/2/channels").astype(float)
        of_target = file.values(f"{residual}/early.group.3@late@2/late.group.2/of_target")
    assert found.shape == (4, 3)
    first, second, last = scores(a, w, h)
    for i in range(3):
        assert found[i, 0] == pytest.approx(whole[i, 0] / first, rel=1e-3)
        assert found[i, 1] == pytest.approx(whole[i, 1] / second, rel=1e-3)
        assert found[i, 2] == pytest.approx(of_target[i] / last, rel=1e-3)


def test_groups_and_residual_make_up_a_layers_contribution(computed: Path) -> None:
    with File(computed) as file:
        totals = []
        for cut in (substrate("late", 2), substrate("late", 3)):
            content = Attribution(cut, CLASSES)
            residual = file.values(content.residual_of_source)
            totals.append(file.values(content.path).sum(axis=0) + residual)
    assert np.allclose(totals[0], totals[1], rtol=1e-3, atol=1e-5)


def test_the_interface_names_the_concentration_of_the_compatible_groups(computed: Path) -> None:
    contents = group_flow.interface(["early", "late"], small_settings()).contents
    compatible = [substrate("early", n, ("late", m)) for n in (2, 3) for m in (2, 3)]
    named = [content for content in contents if isinstance(content, Concentration)]
    assert named == [Concentration(cut) for cut in compatible]
    with File(computed) as file:
        for content in named:
            for path in (content.path, content.independent):
                values = file.values(path)
                assert ((values >= 0) & (values <= 1)).all()


def test_what_is_baked_equals_the_store(atlas: Atlas) -> None:
    photograph = atlas.photographs[1]
    baked = group_flow.bake(atlas, photograph)
    named = [prediction.index for prediction in top_classes(atlas, photograph)]
    assert (baked["lower"], baked["upper"], baked["first"]) == (LOWER, UPPER, [6, 6])
    assert len(baked["factorizations"]) == 2 + 2 + 4
    assert len(baked["flows"]) == 8
    upper, lower = substrate(UPPER, 3), substrate(LOWER, 6, (UPPER, 3))
    with atlas.open(photograph) as file:
        for key, cut in ((f"{UPPER} 3", upper), (f"{LOWER} 6@3", lower)):
            values = file.values(Attribution(cut, CLASSES).path)[:, named]
            found = baked["factorizations"][key]
            assert np.array_equal(unpack(found["share"])[:-1], values)
            values = file.values(Removal(cut, CLASSES).path)[:, named]
            assert np.array_equal(unpack(found["removal"])[:-1], values)
            around = file.values(f"baseline/{cut.layer}")[named]
            assert baked["baselines"][cut.layer] == pytest.approx(around, abs=5e-5)
            shown, scale = groups.read(file, cut), found["presence"]["scale"]
            presence = np.concatenate([shown.presence, shown.residual[None]])
            assert np.abs(unpack(found["presence"]) - presence).max() <= scale / 2 + 1e-5
        expected = group_flow.shares(file, Attribution(lower, upper))
        losses = group_flow.shares(file, Removal(lower, upper))
        concentration = Concentration(lower)
        means = [
            file.values(concentration.path).mean(),
            file.values(concentration.independent).mean(),
        ]
    found = unpack(baked["flows"][f"{LOWER} 6@3>{UPPER} 3"]["share"])
    assert np.allclose(found, expected, rtol=1e-6)
    found = unpack(baked["flows"][f"{LOWER} 6@3>{UPPER} 3"]["removal"])
    assert np.allclose(found, losses, rtol=1e-6)
    assert baked["concentration"][f"{LOWER} 6@3"] == pytest.approx(means, abs=5e-5)


def test_the_page_names_the_lower_group_that_an_upper_one_comes_from(atlas: Atlas) -> None:
    described = group_flow.page(atlas)["groups"]
    baked = group_flow.bake(atlas, atlas.photographs[0])
    shares = unpack(baked["flows"][f"{LOWER} 6@6>{UPPER} 6"]["share"])[:-1, :-1]
    for g, group in enumerate(described):
        assert group["source"] == (shares[:, g].argmax() + 1 if shares[:, g].max() > 0 else None)
        assert group["share"] == pytest.approx(max(0, shares[:, g].max()))
    assert any(group["source"] for group in described)


def test_every_group_has_a_feature_visualization_of_its_direction(atlas: Atlas) -> None:
    for photograph in atlas.photographs:
        found = group_flow.bake(atlas, photograph)["factorizations"]
        wanted = visualizations(group_flow, atlas, photograph)
        vectors = group_flow.directions(atlas, photograph)
        for layer in (LOWER, UPPER):
            of_layer = [each["units"] for key, each in found.items() if key.startswith(layer)]
            units = {Unit.parse(unit) for each in of_layer for unit in each}
            assert units == wanted[layer] == set(vectors[layer])
        first = group_flow.shown_first(atlas, photograph)
        assert {layer: [str(unit) for unit in units] for layer, units in first.items()} == {
            LOWER: found[f"{LOWER} 6@6"]["units"],
            UPPER: found[f"{UPPER} 6"]["units"],
        }


def test_an_atlas_with_one_layer_flows_to_the_classes_only(tmp_path: Path) -> None:
    photographs, layers = synthetic.PHOTOGRAPHS[:1], synthetic.LAYERS[:1]
    atlas = synthetic.make(tmp_path, photographs=photographs, layers=layers)
    baked = group_flow.bake(atlas, atlas.photographs[0])
    assert baked["lower"] is None
    assert baked["first"] == [None, 6]
    assert not baked["flows"]
    assert group_flow.page(atlas)["lower"] is None
