"""Logits and the probabilities that belong to them, in double precision. No torch."""

from __future__ import annotations

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the probabilities f8 `[…, K]` of logits of classes that exclude each other."""
    logits = logits.astype(np.float64)
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Return the probabilities f8 of logits, each by itself."""
    small = np.exp(-np.abs(logits.astype(np.float64)))  # never overflows
    return np.where(logits < 0, small, 1.0) / (1 + small)
