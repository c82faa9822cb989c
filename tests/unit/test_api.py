"""The public functions: the same numbers as the rooms behind them, shown as pictures, and what they
reply to mistakes."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import pipeline as bb
from pipeline import factorization
from pipeline.api import display
from pipeline.errors import AtlasError
from pipeline.network import Network
from tests.unit.networks import Plain


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    names = ["cat", "dog", "dog", "cup", "rocket"]
    return bb.wrap(Plain(), names, size=32, mean=(0.0,) * 3, std=(1.0,) * 3, title="tiny")


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)


def test_a_photograph_may_be_a_path_an_image_or_an_array(
    network: Network, picture: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(picture).save(path)
    given = [path, str(path), Image.fromarray(picture), picture, picture / 255]
    for image in given:
        pixels = bb.photograph(image, network)
        assert pixels.shape == (32, 32, 3)
        np.testing.assert_array_equal(pixels, bb.photograph(path, network))
    assert bb.photograph(picture[:, :, 0], network).shape == (32, 32, 3)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4, 5), np.uint8), r"a photograph is a path"),
        (np.full((4, 4, 3), 7.0), "values go from 0 to 255"),
        (np.full((4, 4, 3), np.nan), "values go from 0 to 255"),
        ("absent.jpg", "absent.jpg"),
    ],
)
def test_what_is_no_photograph_is_refused(network: Network, image: Any, message: str) -> None:
    with pytest.raises(AtlasError, match=message):
        bb.photograph(image, network)


def test_a_module_becomes_a_network() -> None:
    numbered = bb.wrap(Plain(), size=32)
    assert numbered.classes == [f"class {i}" for i in range(5)]
    assert numbered.title == "Plain"
    with pytest.raises(AtlasError, match="2 class names for 5 logits"):
        bb.wrap(Plain(), ["a", "b"], size=32)


def test_probabilities_are_made_as_the_caller_has_it(picture: np.ndarray) -> None:
    network = bb.wrap(Plain(), size=32, probabilities="sigmoid")
    logits = network.logits(network.input(bb.photograph(picture, network)))[0]
    found = [value for _, value in bb.predict(network, picture, 5)]
    np.testing.assert_allclose(found, logits.sigmoid().sort(descending=True).values, rtol=1e-5)


def test_predictions_and_activations_are_the_networks(
    network: Network, picture: np.ndarray
) -> None:
    x = network.input(bb.photograph(picture, network))
    probabilities = network.logits(x)[0].softmax(0)
    found = bb.predict(network, picture, 2)
    values, indices = probabilities.topk(2)
    assert [name for name, _ in found] == [network.classes[i] for i in indices]
    np.testing.assert_allclose([value for _, value in found], values, rtol=1e-5)
    expected = network.run_to(x, ["late"])["late"][0].numpy()
    np.testing.assert_array_equal(bb.activations(network, picture, "late"), expected)


@pytest.mark.parametrize("source", ["late.spatial", "late.channel", "late.group.2"])
def test_contributions_add_up_to_the_change_of_the_logit(
    network: Network, picture: np.ndarray, source: str
) -> None:
    found = bb.attribute(network, picture, source, "cup")
    x = network.input(bb.photograph(picture, network))
    cube = network.run_to(x, ["late"])["late"]
    with torch.no_grad():
        empty = network.module.head(torch.zeros_like(cube).mean((2, 3)))[0, 3]
        change = float(network.logits(x)[0, 3] - empty)
    total = found.values.sum() + (0 if found.residual is None else found.residual)
    assert total == pytest.approx(change, abs=max(0.01 * abs(change), 1e-4))
    assert found.target == "cup"
    values = [value for _, value in found.top(3)]
    assert values == sorted(values, key=abs, reverse=True)
    assert found.values[found.top(1)[0][0]] == np.float32(values[0])


def test_a_later_layer_is_a_target_too(network: Network, picture: np.ndarray) -> None:
    found = bb.attribute(network, picture, "early.channel", "late.channel", "linear")
    early, late = (len(bb.activations(network, picture, name)) for name in ("early", "late"))
    assert found.values.shape == (early, late)
    assert "late.channel" in found._repr_html_()


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda n, p: bb.attribute(n, p, "late.channel", "cap"),
            'no class "cap"; did you mean "cup"',
        ),
        (lambda n, p: bb.attribute(n, p, "late.channel", "dog"), 'classes 1, 2 are called "dog"'),
        (lambda n, p: bb.attribute(n, p, "late.channel", 9), "they are 0 to 4"),
        (lambda n, p: bb.attribute(n, p, "late", 0), '"late" names no substrate'),
        (lambda n, p: bb.attribute(n, p, "lute.channel", 0), 'no layer "lute"'),
        (lambda n, p: bb.attribute(n, p, "late.channel", 0, "linar"), 'no method "linar"'),
        (lambda n, p: bb.activations(n, p, "lat"), 'no layer "lat"'),
        (lambda n, p: bb.render(n, "late"), "'late' is no objective"),
        (lambda n, p: bb.render(n, "late:999", steps=1, size=32), "late"),
        (lambda n, p: bb.render(n, "late:1", "fats"), "fats"),
        (lambda n, p: bb.factorize(n, p, "late", 50), "late"),
        (lambda n, p: bb.load("absent.toml"), "absent.toml: no such configuration"),
        (lambda n, p: bb.open_atlas("absent.toml"), "absent.toml: no such configuration"),
    ],
)
def test_mistakes_are_explained(
    network: Network, picture: np.ndarray, ask: Callable[[Any, Any], Any], message: str
) -> None:
    with pytest.raises(AtlasError, match=message):
        ask(network, picture)


def test_groups_are_those_of_the_factorization(network: Network, picture: np.ndarray) -> None:
    found = bb.factorize(network, picture, "late", 2)
    expected = factorization.factorize(bb.activations(network, picture, "late"), 2)
    np.testing.assert_array_equal(found.maps, expected.spatial)
    np.testing.assert_array_equal(found.channels, expected.channels)
    assert found._repr_html_().count("<img") == len(found) == 2


def test_pictures_come_in_the_order_asked_for(network: Network, picture: np.ndarray) -> None:
    groups = bb.factorize(network, picture, "late", 2)
    wanted = ["late:3", ("late", groups.channels[0]), groups, "late:1", "late:3"]
    made = bb.render(network, wanted, steps=2, size=32)
    labels = ["late:3", "a direction of late", "group 0", "group 1", "late:1", "late:3"]
    assert [each.label for each in made] == labels
    np.testing.assert_array_equal(made[1].pixels, made[2].pixels)  # the same direction
    np.testing.assert_array_equal(made[0].pixels, made[-1].pixels)
    assert made[0].pixels.shape == (32, 32, 3)
    assert made._repr_html_().count("<img") == len(made)
    shown = Image.open(io.BytesIO(made[0]._repr_png_()))
    np.testing.assert_array_equal(np.asarray(shown), made[0].pixels)


def test_an_activation_grid_has_a_cell_for_each_position(
    network: Network, picture: np.ndarray
) -> None:
    _, height, width = bb.activations(network, picture, "late").shape
    found = bb.activation_grid(network, picture, "late", cell=16, steps=1)
    assert found.pixels.shape == (height * 16, width * 16, 3)


def test_a_map_shows_most_where_it_is_largest_and_tints_by_sign() -> None:
    pixels = np.full((64, 64, 3), 200, np.uint8)
    values = np.zeros((4, 4), np.float32)
    values[0, 0], values[3, 3] = 2.0, -2.0
    shown = display.over(pixels, values).astype(int)
    positive, negative, nothing = shown[4, 4], shown[-4, -4], shown[32, 32]
    assert positive.sum() > nothing.sum()
    assert positive[0] > positive[2]
    assert negative[2] > negative[0]
    assert (nothing == round(display.DIMMED * 200)).all()


def test_labels_do_not_become_markup() -> None:
    shown = display.titled("<b>", display.bars([("<i>", 1.0)])) + display.image(
        np.zeros((2, 2, 3), np.uint8), '"<u>'
    )
    assert not any(tag in shown for tag in ("<b>", "<i>", "<u>", '""<u>'))


def test_the_names_are_one_list_and_load_nothing_early() -> None:
    from pipeline import api

    assert bb.__all__ == api.__all__
    assert all(callable(getattr(bb, name)) for name in bb.__all__)
    with pytest.raises(AttributeError, match="no attribute 'atribute'"):
        bb.atribute  # noqa: B018
    code = "import sys, pipeline; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (Path(bb.__file__).parent / "py.typed").is_file()
