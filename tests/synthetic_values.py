"""What the synthetic atlas is made of: structured random arrays.

Photographs are coloured blobs; activations are blobs of other sizes, mostly zero, as after a ReLU.
Shares add up to the change of the logit, up to a small gap, and removals are of their size, some of
them of the other sign.

Symbols: C channels, H × W positions, K classes, n groups, m = n + 1 of them with the residual.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.factorization import Factorization

SIZE = 112
PICTURE = 64
COMPLETE = 0.996  # of the change of a logit, what shares add up to


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


def added_up(shares: np.ndarray, change: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Shares `[…, K]` that add up to nearly all of `change[K]`.

    What lacks goes to the atoms by their strength `[…]`.
    """
    lacking = COMPLETE * change - shares.reshape(-1, shares.shape[-1]).sum(axis=0)
    return shares + (strength / strength.sum())[..., None] * lacking


def removed(rng: np.random.Generator, shares: np.ndarray) -> np.ndarray:
    """Effects of removal: of the shares' size or smaller, one in four of the other sign."""
    return (shares * rng.uniform(-0.4, 1.2, shares.shape)).astype(np.float32)


@dataclass(frozen=True)
class Game:
    """Groups and their residual as players, of which pairs gain or lose by each other.

    Attributes
    ----------
    empty
        `[K]`, the logits with all of them at their baseline.
    alone
        `[m, K]`, what each adds to that.
    pairs
        `[m, m, K]`, symmetric, zero on the diagonal: what two of them add besides.
    """

    empty: np.ndarray
    alone: np.ndarray
    pairs: np.ndarray

    @classmethod
    def of(cls, rng: np.random.Generator, empty: np.ndarray, shares: np.ndarray) -> Game:
        """Make a game whose Shapley values are `shares[m, K]`; most pairs do the same twice."""
        m, classes = shares.shape
        upper = np.triu(rng.normal(-0.15, 0.3, (classes, m, m)), 1)
        pairs = (upper + upper.transpose(0, 2, 1)).transpose(1, 2, 0)
        return cls(empty, shares - pairs.sum(axis=1) / 2, pairs)

    @property
    def shares(self) -> np.ndarray:
        """The Shapley values `[m, K]`: a pair's sum is divided equally."""
        return self.alone + self.pairs.sum(axis=1) / 2

    @property
    def removals(self) -> np.ndarray:
        """What all lose without each `[m, K]`."""
        return self.alone + self.pairs.sum(axis=1)

    def coalitions(self) -> np.ndarray:
        """The logits `[2^m, K]` for every subset; player i is in subset s where bit i of s is 1."""
        m = len(self.alone)
        there = (np.arange(2**m)[:, None] >> np.arange(m)) & 1
        both = np.einsum("si,sj,ijk->sk", there, there, self.pairs) / 2
        return self.empty + there @ self.alone + both
