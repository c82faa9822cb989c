"""What a worker has for its jobs: the device to compute on, and the network, loaded once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pipeline import models
from pipeline.config import Config
from pipeline.errors import AtlasError
from pipeline.memory import keep_memory

if TYPE_CHECKING:
    from pipeline.network import Network

_loading = threading.Lock()
_loaded: dict[str, Network] = {}


def choose_device(wanted: str, scheduler: str | None = None) -> str:
    """Turn "auto" into the best device there is; with a scheduler, its workers do that.

    Raises
    ------
    AtlasError
        When there is no such device here.
    """
    if scheduler is not None:
        return wanted
    import torch

    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wanted == "auto":
        return next(name for name, there in available.items() if there)
    kind = wanted.partition(":")[0]
    if kind not in available:
        raise AtlasError(f'no device "{wanted}"; write auto, cpu, cuda, cuda:1 or mps')
    if not available[kind]:
        raise AtlasError(f'this machine has no device "{wanted}"; write --device cpu or auto')
    return wanted


def network(config: Config, device: str) -> Network:
    """The configured network on a device, loaded once per process and kept.

    Raises
    ------
    AtlasError
        When the network cannot be loaded.
    """
    import torch

    # Gradients of channels that hardly fire are denormal numbers, which some processors handle many
    # times more slowly. This setting is of a thread, and a worker may have several.
    torch.set_flush_denormal(True)
    device = choose_device(device)
    key = f"{config.path.resolve()} {config.settings.model.model_dump_json()} {device}"
    with _loading:
        if key not in _loaded:
            keep_memory()
            _loaded.clear()
            _loaded[key] = models.load(config).to(torch.device(device))
        return _loaded[key]
