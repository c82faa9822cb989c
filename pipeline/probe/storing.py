"""Profiles in the store: `network.h5`, so that a later build need not load the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pipeline.errors import AtlasError
from pipeline.fingerprints import fingerprint_of
from pipeline.probe.profile import LayerProfile, NetworkProfile
from pipeline.store import State, Store, state, write

VERSION = 5  # raised when a probe finds out other things than before
KIND = "network"


def save(store: Store, profile: NetworkProfile) -> None:
    """Keep a profile in the store."""
    fingerprint = _fingerprint(profile.weights, profile.labels)
    write(store.network_path, KIND, fingerprint, {}, asdict(profile))


def load(store: Store, weights: str | None, labels: str = "") -> NetworkProfile | None:
    """Return the profile that the store holds; None if it holds none.

    Parameters
    ----------
    store
        Where it was saved.
    weights
        The fingerprint of the network; None if any will do.
    labels
        The fingerprint of what the network and its classes are called.
    """
    if weights is not None:
        wanted = _fingerprint(weights, labels)
        if state(store.network_path, KIND, wanted) is not State.CURRENT:
            return None
    try:
        with store.network() as file:
            profile = _profile(file.attributes)
            return profile if file.fingerprint == _fingerprint(profile.weights, labels) else None
    except (AtlasError, KeyError, TypeError):
        return None


def _profile(saved: Mapping[str, Any]) -> NetworkProfile:
    others = dict(saved)
    classes = tuple(others.pop("classes"))
    layers = tuple(
        LayerProfile(**{**each, "shape": tuple(each["shape"])}) for each in others.pop("layers")
    )
    return NetworkProfile(**others, classes=classes, layers=layers)


def _fingerprint(weights: str, labels: str) -> str:
    return fingerprint_of(KIND, VERSION, weights, labels)
