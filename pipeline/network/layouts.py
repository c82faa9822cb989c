"""Layouts: how the output of a module holds a cube `[N, C, H, W]`.

Convolutions return the cube itself, "NCHW". Some blocks keep the channels last, "NHWC".
Transformers return tokens, "NTC": one for each position, row by row, and before them those that
stand for no position, such as a class token or registers ("NTC+1", "NTC+5"). These are set apart:
they are no part of the cube, and pass by it unchanged.

All other rooms see cubes: `Network` translates where it catches or replaces an output.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.errors import AtlasError

CHANNELS_FIRST, CHANNELS_LAST, TOKENS = "NCHW", "NHWC", "NTC"
MOST_APART = 8  # tokens before the first position; a class token and four registers are usual

Size = tuple[int, int]  # height and width in pixels


@dataclass(frozen=True)
class Layout:
    """How an output holds a cube.

    Parameters
    ----------
    kind
        `CHANNELS_FIRST`, `CHANNELS_LAST` or `TOKENS`.
    apart
        The number of tokens before those of positions.
    """

    kind: str = CHANNELS_FIRST
    apart: int = 0

    def __str__(self) -> str:
        return f"{self.kind}+{self.apart}" if self.apart else self.kind

    @staticmethod
    def parse(text: str) -> Layout:
        """Read "NCHW", "NHWC", "NTC" or "NTC+1".

        Raises
        ------
        AtlasError
            For any other text.
        """
        found = re.fullmatch(r"(NCHW|NHWC|NTC)(?:\+(\d{1,3}))?", text)
        if not found or (found[2] and found[1] != TOKENS):
            known = "NCHW, NHWC, NTC, or NTC+1 for tokens after one class token"
            raise AtlasError(f'no layout "{text}"; write one of {known}')
        return Layout(found[1], int(found[2] or 0))

    def suits(self, output: Tensor, canvas: Size) -> bool:
        """Whether an output can have this layout, for a canvas of some height and width."""
        if self.kind == TOKENS:
            return output.ndim == 3 and grid(output.shape[1] - self.apart, canvas) is not None
        return output.ndim == 4

    def cube(self, output: Tensor, canvas: Size) -> Tensor:
        """Return the cube `[N, C, H, W]` that an output holds; a view of it."""
        if self.kind == CHANNELS_FIRST:
            return output
        if self.kind == CHANNELS_LAST:
            return output.permute(0, 3, 1, 2)
        sides = grid(output.shape[1] - self.apart, canvas)
        assert sides is not None
        return output[:, self.apart :].transpose(1, 2).unflatten(2, sides)

    def restore(self, cube: Tensor, output: Tensor) -> Tensor:
        """Return an output that holds a cube, with all else as in `output`.

        Parameters
        ----------
        cube
            `[B, C, H, W]`.
        output
            Of B rows, or of one.
        """
        if self.kind == CHANNELS_FIRST:
            return cube
        if self.kind == CHANNELS_LAST:
            return cube.permute(0, 2, 3, 1).contiguous()
        tokens = cube.flatten(2).transpose(1, 2)
        if not self.apart:
            return tokens.contiguous()
        apart = output[:, : self.apart]
        return torch.cat([apart.expand(len(tokens), -1, -1), tokens], 1)


def grid(tokens: int, canvas: Size) -> Size | None:
    """Arrange tokens in rows and columns of the canvas's proportions; None where that is not so."""
    height, width = canvas
    rows = round((max(tokens, 0) * height / width) ** 0.5)
    if rows < 1 or tokens % rows or rows * width != tokens // rows * height:
        return None
    return rows, tokens // rows


def proportionate(sides: Size, canvas: Size) -> bool:
    """Whether rows and columns have a canvas's proportions, up to rounding, and fit into it."""
    (rows, columns), (height, width) = sides, canvas
    if rows > height or columns > width:
        return False
    if height == width:
        return rows == columns
    return abs(rows - columns * height / width) < 1 or abs(columns - rows * width / height) < 1


def candidates(shape: Sequence[int], canvas: Size) -> Iterator[Layout]:
    """Yield the layouts that an output may have by its shape alone, the likeliest first.

    Parameters
    ----------
    shape
        Of the output, without N.
    canvas
        Height and width of the network's input, in pixels.
    """
    if len(shape) == 3:
        if proportionate((shape[1], shape[2]), canvas):
            yield Layout(CHANNELS_FIRST)
        if proportionate((shape[0], shape[1]), canvas):
            yield Layout(CHANNELS_LAST)
    if len(shape) == 2:
        for apart in range(min(MOST_APART, shape[0] - 1) + 1):
            if grid(shape[0] - apart, canvas) is not None:
                yield Layout(TOKENS, apart)
                return
