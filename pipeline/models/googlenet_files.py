"""Files of GoogLeNet's weights, in the four forms in which they go around.

| file | names |
|---|---|
| NumPy's `.npz`, one array a weight or bias | Caffe's: `inception_3a/3x3_reduce.weight` |
| Caffe's `.caffemodel`, as BVLC published it | the same, in a message |
| TensorFlow's graph in a `.zip` with the class names, or alone as `.pb`, as Google published it | \
`mixed3a_3x3_bottleneck_w` |
| a state dict of torch or safetensors | Caffe's, Lucent's, or those of our module |
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import AtlasError
from pipeline.models import wire_format as wire
from pipeline.models.weights_files import read_state

if TYPE_CHECKING:
    from torch import Tensor

GRAPH, LABELS = "tensorflow_inception_graph.pb", "imagenet_comp_graph_label_strings.txt"

# Numbers of fields, from caffe.proto and from TensorFlow's graph.proto.
_OLD_LAYERS, _LAYERS = 2, 100  # caffe.NetParameter
_OLD_NAME, _OLD_BLOBS, _NAME, _BLOBS = 4, 6, 1, 7  # of a layer in either
_BLOB_SIDES, _BLOB_VALUES, _BLOB_SHAPE = (1, 2, 3, 4), 5, 7

_OUTSIDE_BLOCKS = {
    "conv1/7x7_s2": "conv1",
    "conv2/3x3_reduce": "conv2_reduce",
    "conv2/3x3": "conv2",
    "loss3/classifier": "classifier",
    "conv2d0": "conv1",
    "conv2d1": "conv2_reduce",
    "conv2d2": "conv2",
    "softmax2": "classifier",
}
_BRANCHES = {
    "3x3_bottleneck": "3x3_reduce",
    "5x5_bottleneck": "5x5_reduce",
    "pool_reduce": "pool_proj",
}


@dataclass(frozen=True)
class Weights:
    """What a file holds.

    Attributes
    ----------
    state
        Name in our module → tensor.
    classes
        The names of the outputs, where the file has them.
    norm
        Size, alpha, beta and k of the normalizations, where the file has them.
    """

    state: dict[str, Tensor]
    classes: tuple[str, ...] = ()
    norm: tuple[int, float, float, float] | None = None


def read(path: Path) -> Weights:
    """Read GoogLeNet's weights from a file of any of the forms.

    Raises
    ------
    AtlasError
        When the file is damaged, or none of them.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        return Weights({_name_in_module(key): value for key, value in read_state(path).items()})
    try:
        return reader(path)
    except (
        *(OSError, ValueError, EOFError, AttributeError, KeyError),
        *(struct.error, zipfile.BadZipFile, NotImplementedError),
    ) as error:
        kind = {".npz": "a NumPy .npz file"}.get(path.suffix, f"a {path.suffix} of GoogLeNet")
        advice = "source googlenet reads one array for each weight and bias"
        raise AtlasError(f"{path}: not {kind} ({error}); {advice}") from error


def _tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    import torch

    return {
        _name_in_module(key): torch.from_numpy(values.astype(np.float32))
        for key, values in arrays.items()
    }


def _name_in_module(key: str) -> str:
    """`inception_3a/3x3_reduce.weight` → `inception_3a.conv_3x3_reduce.weight`.

    So do TensorFlow's `mixed3a_3x3_bottleneck_w` and Lucent's
    `mixed3a_3x3_bottleneck_pre_relu_conv.weight`; other names stay as they are.
    """
    layer, _, kind = key.rpartition(".")
    layer = re.sub(r"_pre_(relu_conv|activation_matmul)$", "", layer)
    if layer in _OUTSIDE_BLOCKS:
        return f"{_OUTSIDE_BLOCKS[layer]}.{kind}"
    if found := re.fullmatch(r"(inception_\d\w)/(\w+)", layer):
        return f"{found[1]}.conv_{found[2]}.{kind}"
    if found := re.fullmatch(r"mixed(\d\w)_(\w+)", layer):
        return f"inception_{found[1]}.conv_{_BRANCHES.get(found[2], found[2])}.{kind}"
    return key


# ------------------------------------------------------------------------------------------- NumPy
def _read_npz(path: Path) -> Weights:
    with np.load(path, allow_pickle=False) as arrays:
        return Weights(_tensors({key: arrays[key] for key in arrays.files}))


# ------------------------------------------------------------------------------------------- Caffe
def _read_caffemodel(path: Path) -> Weights:
    message, arrays = memoryview(path.read_bytes()), {}
    for number, value in wire.fields(message):
        if not isinstance(value, memoryview) or number not in (_LAYERS, _OLD_LAYERS):
            continue
        old = number == _OLD_LAYERS
        name = wire.text(value, _OLD_NAME if old else _NAME)
        blobs = wire.submessages(value, _OLD_BLOBS if old else _BLOBS)
        if not re.match(r"loss[12]/", name):  # classifiers that only helped the training
            for kind, blob in zip(("weight", "bias"), blobs, strict=False):
                arrays[f"{name}.{kind}"] = _blob(blob, name, kind)
    if not arrays:
        raise ValueError("it holds no layer with weights")
    return Weights(_tensors(arrays))


def _blob(blob: memoryview, layer: str, kind: str) -> np.ndarray:
    shapes = list(wire.submessages(blob, _BLOB_SHAPE))
    if shapes:
        shape = wire.numbers(shapes[0], 1)
    else:
        sides = {number: value for number, value in wire.fields(blob) if isinstance(value, int)}
        shape = [sides.get(number, 1) for number in _BLOB_SIDES]
    values = wire.floats(blob, _BLOB_VALUES).reshape(shape)
    if kind == "bias":
        return values.ravel()
    return values.reshape(shape[-2:]) if layer.endswith("classifier") else values


# -------------------------------------------------------------------------------------- TensorFlow
def _read_zip(path: Path) -> Weights:
    with zipfile.ZipFile(path) as archive:
        found = _graph(memoryview(archive.read(GRAPH)))
        names = archive.read(LABELS).decode().splitlines()
    outputs = len(found.state["classifier.bias"])
    unused = (f"unused output {index}" for index in range(len(names), outputs))
    return replace(found, classes=(*names, *unused))


def _read_graph(path: Path) -> Weights:
    return _graph(memoryview(path.read_bytes()))


def _graph(message: memoryview) -> Weights:
    """Read the constants and the normalization of a GraphDef."""
    arrays: dict[str, np.ndarray] = {}
    norm = None
    for node in wire.submessages(message, 1):
        name, kind = wire.text(node, 1), wire.text(node, 2)
        if kind == "Const" and re.match(r"conv2d\d_|mixed\d\w_|softmax2_", name):
            layer, _, which = name.rpartition("_")
            if which in ("w", "b"):
                arrays[f"{layer}.{'weight' if which == 'w' else 'bias'}"] = _constant(node)
        elif kind == "LRN":
            norm = _norm(_attributes(node))
    if not arrays:
        raise ValueError("it holds none of GoogLeNet's constants")
    return Weights(_tensors(arrays), norm=norm)


def _attributes(node: memoryview) -> dict[str, memoryview]:
    """Name → the message with the value of an attribute."""
    return {
        wire.text(entry, 1): next(wire.submessages(entry, 2), memoryview(b""))
        for entry in wire.submessages(node, 5)
    }


def _constant(node: memoryview) -> np.ndarray:
    """Read a tensor, its last two dimensions (input × output) first and exchanged, as torch's."""
    tensor = next(wire.submessages(_attributes(node)["value"], 8))
    shape = [
        (wire.numbers(side, 1) or [0])[0]
        for sides in wire.submessages(tensor, 2)
        for side in wire.submessages(sides, 2)
    ]
    content = next(wire.submessages(tensor, 4), None)
    values = wire.floats(tensor, 5) if content is None else np.frombuffer(content, "<f4")
    values = values.reshape(shape)
    if values.ndim == 4:  # height × width × input × output
        return np.ascontiguousarray(values.transpose(3, 2, 0, 1))
    return np.ascontiguousarray(values.T)


def _norm(attributes: Mapping[str, memoryview]) -> tuple[int, float, float, float]:
    """TensorFlow sums over `2 r + 1` channels where torch takes their mean, times alpha."""
    radius = wire.numbers(attributes["depth_radius"], 3)[0]
    alpha, beta, bias = (
        float(wire.floats(attributes[name], 4)[0]) for name in ("alpha", "beta", "bias")
    )
    size = 2 * radius + 1
    return size, alpha * size, beta, bias


_READERS: dict[str, Any] = {
    ".npz": _read_npz,
    ".caffemodel": _read_caffemodel,
    ".zip": _read_zip,
    ".pb": _read_graph,
}
