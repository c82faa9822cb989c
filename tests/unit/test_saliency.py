"""Factors of the attributions of positions to classes; their colours are in test_views_saliency."""

import numpy as np
import pytest

from pipeline.attribution.saliency import factor_saliency
from pipeline.errors import AtlasError
from pipeline.grammar import Sign


def attributions(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"low": rng.normal(size=(8, 8, 12)), "high": rng.normal(size=(4, 4, 12))}


def test_signs_are_kept_apart() -> None:
    maps = attributions()
    support, oppose = (factor_saliency(maps, "high", 2, sign) for sign in Sign)
    flipped = factor_saliency({layer: -values for layer, values in maps.items()}, "high", 2)
    for layer in maps:
        np.testing.assert_allclose(oppose.spatial[layer], flipped.spatial[layer])
    assert not np.allclose(support.classes, oppose.classes)


def test_no_evidence_of_a_sign_gives_no_factors() -> None:
    maps = {layer: np.abs(values) for layer, values in attributions().items()}
    factors = factor_saliency(maps, "high", 2, Sign.AGAINST)
    assert not factors.classes.any()
    assert all(not values.any() for values in factors.spatial.values())


@pytest.mark.parametrize("n", range(1, 7))
def test_factors_of_every_count(n: int) -> None:
    factors = factor_saliency(attributions(), "high", n)
    assert factors.spatial["low"].shape == (n, 8, 8)
    assert factors.classes.shape == (n, 12)


def test_the_factors_explain_what_they_were_fitted_on() -> None:
    where = np.random.default_rng(1).random((2, 16))
    share = np.random.default_rng(2).random((2, 12))
    exact = (where.T @ share).reshape(4, 4, 12)
    factors = factor_saliency({"high": exact}, "high", 2)
    rebuilt = np.einsum("nyx,nk->yxk", factors.spatial["high"], factors.classes)
    np.testing.assert_allclose(rebuilt, exact / exact.mean(), rtol=0.05)


@pytest.mark.parametrize(
    ("fit_on", "n", "message"),
    [
        ("hihg", 2, 'did you mean "high"'),
        ("high", 7, "ask for 1 to 6"),
        ("high", 0, "ask for 1 to 6"),
    ],
)
def test_mistakes_are_named(fit_on: str, n: int, message: str) -> None:
    with pytest.raises(AtlasError, match=message):
        factor_saliency(attributions(), fit_on, n)
    with pytest.raises(AtlasError, match="finite"):
        factor_saliency({"high": np.full((4, 4, 12), np.nan)}, "high", 2)
