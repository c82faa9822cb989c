from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import nnls
from sklearn.decomposition import NMF
from threadpoolctl import threadpool_info

from pipeline.errors import AtlasError
from pipeline.factorization import (
    SIGNED,
    Factorization,
    compatible,
    concentration,
    factorize,
    factorize_preserving,
    is_signed,
)


def activations(seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).normal(0.3, 1, (10, 6, 7))
    return np.maximum(values, 0).astype(np.float32)


def reconstruction(groups: Factorization) -> np.ndarray:
    return np.einsum("nyx,nc->cyx", groups.spatial, groups.channels)


def test_groups_are_scikit_learns() -> None:
    a, n = activations(), 3
    groups = factorize(a, n)
    model = NMF(n, init="nndsvd", tol=1e-4, max_iter=200)
    w = model.fit_transform(a.transpose(1, 2, 0).reshape(-1, len(a))).reshape(6, 7, n)
    moments = [sum(x * w[:, x, g] @ w[:, x, g] for x in range(7)) for g in range(n)]
    order = np.argsort(np.array(moments) / (w**2).sum((0, 1)))
    close = {"rtol": 1e-5, "atol": 1e-6}
    np.testing.assert_allclose(groups.spatial, w[:, :, order].transpose(2, 0, 1), **close)
    np.testing.assert_allclose(groups.channels, model.components_[order], **close)
    for g in range(n):
        share = np.multiply.outer(groups.channels[g], groups.spatial[g])
        assert groups.magnitude[g] == pytest.approx(np.linalg.norm(share), rel=1e-5)


def test_matrices_are_multiplied_by_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def fit_transform(self: NMF, matrix: np.ndarray) -> np.ndarray:
        seen.extend(threads())
        return original(self, matrix)

    original = NMF.fit_transform
    monkeypatch.setattr(NMF, "fit_transform", fit_transform)
    before = threads()
    factorize(np.random.default_rng(0).random((8, 5, 5)).astype(np.float32), 2)
    assert set(seen) == {1}
    assert threads() == before


def threads() -> list[int]:
    return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]


def test_groups_and_residual_are_the_whole() -> None:
    a = activations()
    groups = factorize(a, 4)
    residual = a - reconstruction(groups)
    np.testing.assert_allclose(groups.residual, np.sqrt((residual**2).sum(0)), rtol=1e-5)
    unexplained, whole = ((each.astype(np.float64) ** 2).sum() for each in (residual, a))
    assert groups.explained == pytest.approx(1 - unexplained / whole, rel=1e-5)
    assert factorize(a, 8).explained > groups.explained > factorize(a, 1).explained
    assert groups.negative == 0


def test_negative_activations_are_left_to_the_residual_and_counted() -> None:
    a = activations() - 0.05
    groups = factorize(a, 3)
    assert 0 < groups.negative < SIGNED
    np.testing.assert_allclose(groups.spatial, factorize(np.maximum(a, 0), 3).spatial)
    assert groups.negative == pytest.approx(-a[a < 0].sum() / np.abs(a).sum(), rel=1e-5)
    assert (groups.residual**2).sum() >= (a[a < 0] ** 2).sum() * 0.99


# -------------------------------------------------------------------- activations of either sign
def signed_parts(seed: int = 0, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three blobs side by side, each with a direction of either sign: a, maps, directions."""
    random = np.random.default_rng(seed)
    x, centres = np.arange(12), np.array([1.5, 5.5, 9.5])
    maps = np.exp(-((x - centres[:, None]) ** 2) / 2)[:, None, :].repeat(8, 1)
    directions = random.normal(size=(3, 20))
    a = np.einsum("nyx,nc->cyx", maps, directions) + noise * random.normal(size=(20, 8, 12))
    return a.astype(np.float32), maps, directions


def test_parts_of_either_sign_are_found_again() -> None:
    a, maps, directions = signed_parts(noise=0.02)
    groups = factorize(a, 3)
    assert groups.explained > 0.99
    assert groups.negative == 0, "nothing is left out for its sign"
    assert (groups.spatial >= 0).all()
    assert (groups.channels < 0).any()
    for found, expected in zip(groups.spatial, maps, strict=True):
        assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.95
    for found, expected in zip(groups.channels, directions, strict=True):
        assert np.corrcoef(found, expected)[0, 1] > 0.95


def test_a_sign_explains_what_the_positive_part_cannot() -> None:
    a = signed_parts(noise=0.1)[0]
    positive = factorize(np.maximum(a, 0), 3)
    left = ((a - reconstruction(positive)) ** 2).sum() / (a**2).sum()
    assert factorize(a, 3).explained > 1 - left + 0.3


def test_directions_explain_the_maps_best() -> None:
    a = signed_parts(noise=0.3)[0]
    groups = factorize(a, 3)
    unexplained = (a - reconstruction(groups)).reshape(20, -1)
    maps = groups.spatial.reshape(3, -1)
    across = np.abs(maps @ unexplained.T).max()
    assert across < 1e-3 * np.abs(maps @ a.reshape(20, -1).T).max()
    again = factorize(a, 3)
    np.testing.assert_array_equal(again.spatial, groups.spatial)


def test_where_little_is_negative_directions_have_no_sign() -> None:
    for offset, signed in ((0.05, False), (0.5, True)):
        a = activations() - np.float32(offset)
        assert is_signed(a) is signed
        assert bool((factorize(a, 3).channels < 0).any()) is signed


def test_signed_groups_can_preserve_attributions_and_agree_with_upper_ones() -> None:
    a, maps, _ = signed_parts(noise=0.02)
    kept = {"attributions": a[None] * 2}
    groups = factorize_preserving(a, 3, kept, {"activations": 1.0, "attributions": 1.0})
    assert groups.explained > 0.95
    assert (groups.channels < 0).any()
    upper = np.stack([a * maps[0], a * (maps[1] + maps[2])])
    found = compatible(a, 3, upper)
    assert found.factorization.explained > 0.8
    assert (found.flow >= 0).all()
    np.testing.assert_allclose(found.flow.sum(1), 1, rtol=1e-5)
    assert found.flow[0, 0] > 0.8
    assert found.flow[2, 1] > 0.8


def test_published_groups(shared: Path) -> None:
    a = np.load(shared / "gold/pig/mixed4d_activations.npy")[0].transpose(2, 0, 1)
    with np.load(shared / "gold/pig/mixed4d_groups.npz") as published:
        for n in (3, 5, 7, 9, 11):
            groups, spatial = factorize(a, n), published[f"spatial_{n}"].transpose(2, 0, 1)
            for found, expected in zip(groups.spatial, spatial, strict=True):
                assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.9999
                scale = (found * expected).sum() / (expected**2).sum()
                assert scale == pytest.approx(1, abs=1e-3)
            np.testing.assert_allclose(groups.magnitude, published[f"magnitude_{n}"], rtol=1e-4)


def test_compatible_groups_are_the_slow_loop() -> None:
    a, n, upper = activations(), 3, 2
    r = np.random.default_rng(1).normal(size=(upper, *a.shape)).astype(np.float32)
    r[:, 2, 1, 1] = 0  # nobody's: split evenly
    split = np.zeros((6 * 7, 10 * upper))
    for p, c, g in np.ndindex(42, 10, upper):
        y, x = divmod(p, 7)
        total = np.abs(r[:, c, y, x]).sum()
        share = np.abs(r[g, c, y, x]) / total if total else 1 / upper
        split[p, c * upper + g] = a[c, y, x] * share
    model = NMF(n, init="nndsvd", tol=1e-4, max_iter=200)
    w = model.fit_transform(split.astype(np.float32))
    h = model.components_.reshape(n, 10, upper)
    groups, flow = compatible(a, n, r)
    squares = (w.reshape(6, 7, n) ** 2).sum(0)
    order = np.argsort((np.arange(7)[:, None] * squares).sum(0) / squares.sum(0))
    close = {"rtol": 1e-3, "atol": 1e-4}
    np.testing.assert_allclose(groups.spatial, w[:, order].T.reshape(n, 6, 7), **close)
    np.testing.assert_allclose(groups.channels, h.sum(2)[order], **close)
    np.testing.assert_allclose(flow, (h.sum(1) / h.sum((1, 2))[:, None])[order], **close)


@pytest.mark.parametrize("seed", [1, 4, 6])
def test_compatible_groups_separate_what_upper_groups_use(seed: int) -> None:
    # Each upper group uses one of two parts, which overlap everywhere.
    rng = np.random.default_rng(seed)
    maps, mixing = rng.random((2, 8, 8)), rng.random((2, 12)) + 0.5
    parts = np.einsum("gyx,gc->gcyx", maps, mixing).astype(np.float32)
    independent = factorize(parts.sum(0), 2)
    aligned, flow = compatible(parts.sum(0), 2, parts)

    def to_upper(groups: Factorization) -> np.ndarray:
        """How much of each part goes to each group, at best: `[n, N]`."""
        w = groups.spatial.reshape(2, -1).T
        best = [sum(nnls(w, channel.ravel())[0] for channel in part) for part in parts]
        return np.stack(best, 1)

    gain = concentration(flow).mean() - concentration(to_upper(independent)).mean()
    assert gain > 0.02
    expected = concentration(to_upper(aligned))
    np.testing.assert_allclose(concentration(flow), expected, rtol=1e-3)


def test_preserving_only_activations_is_the_factorization() -> None:
    a = activations()
    found = factorize_preserving(a, 3, {}, {"activations": 1.0})
    assert found.explained == pytest.approx(factorize(a, 3).explained, abs=1e-3)


def test_preserving_attributions_keeps_them_apart() -> None:
    # Activations are alike on both sides, attributions are not: the groups must follow these.
    rng = np.random.default_rng(4)
    a = (rng.random((8, 6, 6)) + 0.1).astype(np.float32)
    left = np.zeros((6, 6), np.float32)
    left[:, :3] = 1
    attributions = np.stack([a * left, a * (1 - left)])
    weights = {"activations": 0.01, "attributions": 1.0}
    found = factorize_preserving(a, 2, {"attributions": attributions}, weights)
    share = [group[:, :3].sum() / group.sum() for group in found.spatial]
    assert share[0] > 0.9
    assert share[1] < 0.1


RANK_ONE = np.multiply.outer(np.arange(1.0, 5), np.arange(1.0, 10).reshape(3, 3))


@pytest.mark.parametrize(
    ("values", "n", "message"),
    [
        (np.zeros((4, 3, 3)), 2, "mixed4d: no activation is positive"),
        (-np.ones((4, 3, 3)), 2, "mixed4d: 2 groups asked for.*rank 1"),
        (np.full((4, 3, 3), np.nan), 2, "mixed4d: activations hold NaN"),
        (np.full((4, 3, 3), np.inf), 2, "mixed4d: activations hold NaN or infinite"),
        (np.ones((4, 9)), 2, r"mixed4d: expected activations \[C, H, W\], got shape \[4, 9\]"),
        (RANK_ONE, 2, "mixed4d: 2 groups asked for.*rank 1"),
        (
            np.random.default_rng(0).random((4, 3, 3)),
            5,
            "mixed4d: 5 groups asked for.*rank 4; ask for 1 to 4",
        ),
    ],
)
def test_what_cannot_be_factorized_is_named(values: np.ndarray, n: int, message: str) -> None:
    with pytest.raises(AtlasError, match=message):
        factorize(values, n, "mixed4d")


def test_weights_of_zero_are_refused() -> None:
    with pytest.raises(AtlasError, match="preserve"):
        factorize_preserving(activations(), 2, {}, {"activations": 0.0})
