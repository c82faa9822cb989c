"""Import torchvision even where its compiled operators do not fit the installed torch.

torchvision's operators are compiled against one build of torch. Beside another build, such as a
CPU-only torch, they do not load, and importing torchvision fails with "operator torchvision::nms
does not exist": its Python code registers kernels for operators that were never declared.
Classifiers use none of these operators, so declaring them is enough. Where torchvision imports
without help, nothing is declared. timm imports torchvision, so this comes before timm as well.
"""

from __future__ import annotations

import sys
from types import ModuleType

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_declared: list[torch.library.Library] = []  # the declarations last as long as these objects


def import_torchvision() -> ModuleType:
    """Import and return torchvision, declaring its operators only if the import fails for them.

    Raises
    ------
    ImportError
        When torchvision is not installed.
    """
    try:
        import torchvision
    except RuntimeError as error:
        if not operators_are_missing(error):
            raise
        _forget_half_imported()
        _declare_operators()
        import torchvision
    return torchvision


def operators_are_missing(error: RuntimeError) -> bool:
    """Whether an import failed because torchvision's operators do not fit the installed torch."""
    return "operator torchvision::" in str(error) and "does not exist" in str(error)


def _declare_operators() -> None:
    library = torch.library.Library("torchvision", "DEF")
    for schema in _SCHEMAS:
        library.define(schema)
    _declared.append(library)


def _forget_half_imported() -> None:
    # A failed import leaves submodules behind, which would not run again.
    for name in list(sys.modules):
        if name == "torchvision" or name.startswith("torchvision."):
            del sys.modules[name]
