"""Factorizations: a layer's cube as a few groups. Arrays in, arrays out.

Non-negative where the layer is; with directions of either sign where much of it is negative.
"""

from pipeline.factorization.factorizing import (
    SIGNED,
    Compatible,
    Factorization,
    compatible,
    concentration,
    factorize,
    factorize_preserving,
    is_signed,
)
from pipeline.factorization.threads import one_thread

__all__ = [
    "SIGNED",
    "Compatible",
    "Factorization",
    "compatible",
    "concentration",
    "factorize",
    "factorize_preserving",
    "is_signed",
    "one_thread",
]
