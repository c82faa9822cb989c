"""Photographs: finding them, decoding them, and fitting them to a network's input.

An entry of `[dataset] images` is a file, a glob, a folder, "skimage:NAME" or "sklearn:NAME"; the
last two are photographs that come with those packages. A folder of folders holds one class in each.
A decoded photograph is uint8 `[H, W, 3]`, in sRGB, upright, with transparent parts on white.
"""

from pipeline.photographs.decoding import decode
from pipeline.photographs.finding import PhotographFile, find, is_packaged
from pipeline.photographs.fitting import fit, fitted
from pipeline.photographs.labels import labels

__all__ = [
    "PhotographFile",
    "decode",
    "find",
    "fit",
    "fitted",
    "is_packaged",
    "labels",
]
