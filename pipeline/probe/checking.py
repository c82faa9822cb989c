"""What is wrong with a choice of display layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.errors import AtlasError, did_you_mean
from pipeline.probe.profile import NetworkProfile


def check_layers(
    profile: NetworkProfile, layers: Sequence[str], where: str, names: Mapping[str, str]
) -> list[AtlasError]:
    """What is wrong with a choice of display layers.

    Parameters
    ----------
    profile
        The network's.
    layers
        Those chosen. An error names each that is unknown, unsuitable, or chosen twice.
    where
        The configuration file, for messages.
    names
        Layer → what the site calls it; of display layers only.
    """
    errors: list[AtlasError] = []
    for name in layers:
        try:
            profile.layer(name)
        except AtlasError as error:
            errors.append(AtlasError(f'{where}: "model.layers": {error}'))
    if len(set(layers)) != len(layers):
        errors.append(AtlasError(f'{where}: "model.layers" names a layer twice'))
    for name in names:
        if name not in layers:
            hint = did_you_mean(name, layers) or ";"
            message = f"not one of the display layers{hint} they are {', '.join(layers)}"
            errors.append(AtlasError(f'{where}: "model.names.{name}": {message}'))
    return errors
