"""Colours of saliency factors: the article's published maps, and palettes of every count."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.attribution.saliency import factor_saliency
from pipeline.views.saliency import colours, palette

LAYERS = ("mixed3a", "mixed4a", "mixed4d", "mixed5a")


def test_published_maps_pixel_by_pixel(shared: Path) -> None:
    with np.load(shared / "gold/pig/spatial_attribution_top50.npz") as published:
        attributions = {layer: published[layer] for layer in LAYERS}
    factors = factor_saliency(attributions, fit_on="mixed5a", n=2)
    for layer in LAYERS:
        image = Image.open(shared / f"gold/pig/two_factor_{layer}.png").convert("RGB")
        expected = np.asarray(image).astype(int)
        found = colours(factors.spatial[layer]).astype(int)
        assert np.abs(found - expected).max() <= 1, layer


@pytest.mark.parametrize("n", range(1, 7))
def test_a_palette_has_different_colours_that_add_up_to_white(n: int) -> None:
    found = palette(n)
    assert found.shape == (n, 3)
    np.testing.assert_allclose(found.sum(0), [1, 1, 1])
    assert len(np.unique(found.round(6), axis=0)) == n


@pytest.mark.parametrize("n", range(1, 7))
def test_any_count_of_factors_can_be_coloured(n: int) -> None:
    spatial = np.random.default_rng(n).random((n, 8, 5)).astype(np.float32)
    found = colours(spatial)
    assert found.shape == (8, 5, 3)
    assert found.dtype == np.uint8
    assert len(np.unique(found)) > 1


def test_no_evidence_has_one_colour() -> None:
    assert len(np.unique(colours(np.zeros((2, 8, 8), np.float32)))) == 1
