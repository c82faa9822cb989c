"""A torch module seen as named layers: activations, partial runs, and its preprocessing.

Works for any `nn.Module` whose layers are submodules: nothing is traced; a layer is caught by a
forward hook that lives in a context manager. Whatever the layout of its output, a layer is seen as
a cube `[N, C, H, W]` (`layouts`). Photographs are `x[N, 3, H, W]`, RGB in 0…1; `Preprocessing`
turns them into what the network was trained on, differentiably.
"""

from pipeline.network.devices import SIZES, filled, finish, first_rows, free_memory, plans, whole
from pipeline.network.float32 import full_precision
from pipeline.network.layouts import Layout
from pipeline.network.modules import call_name, is_scripted, module_name, watchable
from pipeline.network.network import Network
from pipeline.network.preprocessing import Preprocessing, colours_for
from pipeline.network.recognition import NOTHING, Recognised

__all__ = [
    "NOTHING",
    "SIZES",
    "Layout",
    "Network",
    "Preprocessing",
    "Recognised",
    "call_name",
    "colours_for",
    "filled",
    "finish",
    "first_rows",
    "free_memory",
    "full_precision",
    "is_scripted",
    "module_name",
    "plans",
    "watchable",
    "whole",
]
