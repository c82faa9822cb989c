"""Whether a network's answers to photographs are plausible: finite, varied, and prepared right.

A wrong preprocessing (another order of colours, another range) raises no error: the network only
answers worse. It shows where another preprocessing does far better. With true labels, "better" is
the share of right answers. Without, it is how much the answers tell photographs apart: the mutual
information between the photograph and the class,

    I = H(mean over photographs of q) - mean over photographs of H(q),

where q is the mean of the probabilities for a photograph and for its mirror image, and H an entropy
in nats. It is high where the network is sure, agrees with itself, and does not say the same of
everything; N photographs allow log N. Of classes that do not exclude each other the softmax is
taken here as well: the question is only whether answers differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import AtlasError
from pipeline.likelihood import softmax
from pipeline.models.preprocessing import IMAGENET_MEAN, IMAGENET_STD

if TYPE_CHECKING:
    from pipeline.network import Network, Preprocessing

FEWEST = 3  # photographs without which nothing can be told
FAR_SURER = 0.25  # of log N, by which another preprocessing must be ahead
FAR_RIGHTER = 0.25  # of the photographs with labels


@dataclass(frozen=True)
class Answers:
    """What a network makes of N photographs.

    Attributes
    ----------
    straight, mirrored
        Probabilities f8 `[N, K]`, of the photographs and of their mirror images.
    logits
        Of the photographs, f8 `[N, K]`.
    """

    straight: np.ndarray
    mirrored: np.ndarray
    logits: np.ndarray

    @property
    def look_like_probabilities(self) -> bool:
        """Whether what should be logits is never negative and adds up to 1."""
        return bool((self.logits >= 0).all() and (abs(self.logits.sum(axis=1) - 1) < 1e-3).all())

    @property
    def information(self) -> float:
        """I, in nats."""
        both = (self.straight + self.mirrored) / 2
        return float(_entropy(both.mean(axis=0)) - _entropy(both).mean())

    def accuracy(self, labels: Mapping[int, int]) -> float:
        """The share of right answers among the photographs with a label: index → class."""
        right = [self.straight[i].argmax() == label for i, label in labels.items()]
        return float(np.mean(right))


def _entropy(probabilities: np.ndarray) -> np.ndarray:
    safe = np.maximum(probabilities, 1e-300)
    return -(probabilities * np.log(safe)).sum(axis=-1)


def answers(network: Network, photographs: Sequence[np.ndarray]) -> Answers:
    """Run a network on photographs, uint8 `[H, W, 3]`, and on their mirror images.

    Raises
    ------
    AtlasError
        When a logit is not finite.
    """
    straight, mirrored = (_logits(network, photographs, mirror) for mirror in (False, True))
    return Answers(softmax(straight), softmax(mirrored), straight)


def _logits(network: Network, photographs: Sequence[np.ndarray], mirror: bool) -> np.ndarray:
    import torch

    found = []
    with torch.inference_mode():
        for pixels in photographs:
            x = network.input(pixels[:, ::-1].copy() if mirror else pixels)
            logits = network.logits(x)[0].double()
            if not bool(torch.isfinite(logits).all()):
                advice = 'look at its weights, and at "model.mean" and "model.std"'
                raise AtlasError(f"{network.title}: logits are not finite numbers; {advice}")
            found.append(logits.cpu().numpy())
    return np.stack(found)


def alternatives(used: Preprocessing) -> Iterator[tuple[str, Preprocessing]]:
    """Yield other preprocessings, each with what a configuration needs for it."""
    if used.order not in ("rgb", "bgr"):
        return
    order = "bgr" if used.order == "rgb" else "rgb"
    colours = {"rgb": '["red", "green", "blue"]', "bgr": '["blue", "green", "red"]'}
    swapped = replace(used, order=order, mean=used.mean[::-1], std=used.std[::-1])
    yield f"channels = {colours[order]}", swapped
    for text, mean, std in (
        ("mean = 0.0, std = 1.0", (0.0,) * 3, (1.0,) * 3),
        ("mean = 0.5, std = 0.5", (0.5,) * 3, (0.5,) * 3),
        (
            f"mean = {list(IMAGENET_MEAN)}, std = {list(IMAGENET_STD)}",
            IMAGENET_MEAN,
            IMAGENET_STD,
        ),
        ("mean = 0.0, std = 0.00392 (0…255)", (0.0,) * 3, (1 / 255,) * 3),
        (
            "mean = [0.408, 0.459, 0.482], std = 0.00392, BGR (Caffe's)",
            (104 / 255, 117 / 255, 123 / 255),
            (1 / 255,) * 3,
        ),
    ):
        other = "bgr" if "BGR" in text else "rgb"
        yield text, replace(used, mean=mean, std=std, order=other)


def warnings(
    network: Network, photographs: Sequence[np.ndarray], labels: Mapping[int, int]
) -> Iterator[str]:
    """Yield what is implausible about a network's answers.

    Parameters
    ----------
    network
        With its preprocessing.
    photographs
        Uint8 `[H, W, 3]`, fitted to its input.
    labels
        Index of a photograph → its true class, where that is known.

    Raises
    ------
    AtlasError
        When a logit is not finite.
    """
    own = answers(network, photographs)
    if own.look_like_probabilities:
        problem = "numbers that add up to 1: probabilities, it seems, not logits"
        yield f"the network returns {problem}; let it return what goes into its softmax"
    if len(photographs) > 1 and np.ptp(own.straight, axis=0).max() < 1e-6:
        yield "the network says the same of every photograph; are its weights loaded?"
        return
    if len(photographs) < FEWEST and len(labels) < FEWEST:
        return
    others = {
        text: answers(replace(network, preprocessing=other), photographs)
        for text, other in alternatives(network.preprocessing)
    }
    if len(labels) >= FEWEST:
        yield from _by_labels(own, others, labels)
    else:
        yield from _by_information(own, others, len(photographs))


def _by_labels(
    own: Answers, others: Mapping[str, Answers], labels: Mapping[int, int]
) -> Iterator[str]:
    right = own.accuracy(labels)
    yield f"right about {right:.0%} of the {len(labels)} photographs with a true class"
    best = max(others, key=lambda text: others[text].accuracy(labels), default=None)
    if best is not None and others[best].accuracy(labels) >= right + FAR_RIGHTER:
        better = others[best].accuracy(labels)
        yield f"another preprocessing is right about {better:.0%}; try {best} in [model]"


def _by_information(own: Answers, others: Mapping[str, Answers], count: int) -> Iterator[str]:
    most = math.log(count)
    best = max(others, key=lambda text: others[text].information, default=None)
    if best is not None and others[best].information > own.information + FAR_SURER * most:
        found = f"{others[best].information:.2f} against {own.information:.2f} of {most:.2f} nats"
        what = "another preprocessing tells the photographs apart far better"
        yield f"{what} ({found}); try {best} in [model]"
