"""Preprocessing: from RGB in 0…1 to what a network was trained on, differentiably.

A network may have any number of input channels; each gets one of the photograph's colours, its
brightness, or nothing. A network whose input is not square sees the whole square, squeezed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from pipeline.errors import AtlasError, did_you_mean

LUMA = (0.299, 0.587, 0.114)  # of ITU-R BT.601
# What an input channel may get → the weights of red, green and blue.
COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (1, 0, 0),
    "green": (0, 1, 0),
    "blue": (0, 0, 1),
    "grey": LUMA,
    "zero": (0, 0, 0),
}
_ORDERS = {"rgb": ("red", "green", "blue"), "bgr": ("blue", "green", "red"), "grey": ("grey",)}


@dataclass(frozen=True)
class Preprocessing:
    """From RGB in 0…1 to the network's input: `(x[order] - mean) / std`.

    Parameters
    ----------
    size
        Side of the square that a photograph is fitted to, in pixels.
    mean, std
        One number per input channel, in units of 0…1, in the network's channel order.
    order
        "rgb", "bgr", or "grey" for networks with one input channel (luma of ITU-R BT.601); or, for
        each input channel, one of `COLOURS`: "red", "green", "blue", "grey", "zero".
    shape
        Height and width of the input in pixels, where it is not square; `size` is the larger one.
    """

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    order: str | tuple[str, ...] = "rgb"
    shape: tuple[int, int] | None = None

    @property
    def native(self) -> tuple[int, int]:
        """Height and width of the network's input in pixels."""
        return self.shape or (self.size, self.size)

    @property
    def colours(self) -> tuple[str, ...]:
        """What each input channel gets.

        Raises
        ------
        AtlasError
            For an unknown word.
        """
        order = _ORDERS.get(self.order, ()) if isinstance(self.order, str) else self.order
        for word in order or (str(self.order),):
            if word not in COLOURS:
                hint = did_you_mean(word, COLOURS) or ";"
                known = f"an input channel gets one of {', '.join(COLOURS)}"
                raise AtlasError(f'no colour "{word}"{hint} {known}')
        return order

    def __call__(self, x: Tensor) -> Tensor:
        """Turn `x[N, 3, H, W]`, RGB in 0…1, into the network's input `[N, channels, H, W]`."""
        if self.order == "bgr":
            x = x.flip(1)
        elif self.order == "grey":
            weights = x.new_tensor(LUMA)
            x = (x * weights[:, None, None]).sum(1, keepdim=True)
        elif self.order != "rgb":
            weights = x.new_tensor([COLOURS[each] for each in self.colours])
            x = (x[:, None] * weights[:, :, None, None]).sum(2)
        mean, std = x.new_tensor(self.mean), x.new_tensor(self.std)
        return (x - mean[:, None, None]) / std[:, None, None]


def colours_for(channels: int) -> str | tuple[str, ...]:
    """Return what the channels of an input get where nobody says: an `order` of `Preprocessing`.

    One channel gets grey and three get RGB. Two get grey, and more than three get RGB and grey in
    each further one, so that no channel is empty.
    """
    if channels == 3:
        return "rgb"
    if channels == 1:
        return "grey"
    known: Sequence[str] = _ORDERS["rgb"] if channels > 3 else ()
    return (*known, *("grey",) * (channels - len(known)))
