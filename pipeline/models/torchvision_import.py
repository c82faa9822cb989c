"""Import torchvision also where its compiled operators do not fit the installed torch.

torchvision's wheels carry operators built against one build of torch. With a CPU-only torch beside a CUDA build of
torchvision they fail to load, and the import then dies with "operator torchvision::nms does not exist", because
`torchvision.ops` registers Python kernels for operators that were never declared. Classifiers need none of them:
declaring the schemas is enough for the models, the transforms and the feature extraction to import. Where the
operators are there, nothing is declared.
"""

from __future__ import annotations

from types import ModuleType

import torch

_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_library: torch.library.Library | None = None  # the declarations live as long as this object


def _is_unloadable(error: RuntimeError) -> bool:
    return "operator torchvision::" in str(error) and "does not exist" in str(error)


def import_torchvision() -> ModuleType:
    """Import and return torchvision, declaring its missing operators if, and only if, the import fails for them.

    Raises
    ------
    ImportError
        When torchvision is not installed.
    """
    global _library
    try:
        import torchvision
    except RuntimeError as error:
        if not _is_unloadable(error):
            raise
        _forget_half_imported()
        _library = torch.library.Library("torchvision", "DEF")
        for schema in _SCHEMAS.values():
            _library.define(schema)
        import torchvision
    return torchvision


def _forget_half_imported() -> None:
    # A failed import leaves submodules behind that would not be run again.
    import sys

    for name in [name for name in sys.modules if name == "torchvision" or name.startswith("torchvision.")]:
        del sys.modules[name]
