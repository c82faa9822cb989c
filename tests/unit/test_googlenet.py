"""GoogLeNet: both of its trainings, the forms of its files, and what is downloaded."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline import models, photographs
from pipeline.errors import AtlasError
from pipeline.models import googlenet
from pipeline.models.googlenet_module import BLOCKS, BVLC, INCEPTION5H, GoogLeNet
from pipeline.models.torchvision_import import import_torchvision
from tests.unit.test_models import config

PUBLISHED = {
    "dog_cat": {"golden retriever": 0.40, "Labrador retriever": 0.39, "kuvasz": 0.08},
    "flowers": {"lemon": 0.38, "vase": 0.27},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_googlenet_gives_the_published_probabilities(shared: Path, name: str) -> None:
    weights = "models/bvlc_googlenet.npz"
    network = models.load(config(shared, source="googlenet", weights=weights))
    decoded = photographs.decode(shared / "images" / f"{name}.jpeg")
    pixels = photographs.fit(decoded, 224, "squeeze")
    with torch.inference_mode():
        probabilities = network.logits(network.input(pixels)).softmax(1)[0]
    for label, value in PUBLISHED[name].items():
        assert abs(float(probabilities[network.classes.index(label)]) - value) < 0.02


OUTSIDE_BLOCKS = {
    "conv1": "conv1/7x7_s2",
    "conv2_reduce": "conv2/3x3_reduce",
    "conv2": "conv2/3x3",
    "classifier": "loss3/classifier",
}
SHAPES = {
    "inception_3a": (256, 28, 28),
    "inception_4a": (512, 14, 14),
    "inception_4d": (528, 14, 14),
    "inception_5a": (832, 7, 7),
}


def random_arrays() -> dict[str, np.ndarray]:
    """Random values under the published names, in the published shapes."""

    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for name, tensor in GoogLeNet().state_dict().items():
        layer, kind = name.rsplit(".", 1)
        key = OUTSIDE_BLOCKS.get(layer) or layer.replace(".conv_", "/")
        arrays[f"{key}.{kind}"] = rng.normal(0, 0.05, tuple(tensor.shape)).astype(np.float32)
    return arrays


def test_googlenet_reads_the_published_layout(tmp_path: Path) -> None:
    """Arrays of the published names and shapes are enough; logits follow from them alone."""
    arrays = random_arrays()
    some = {"inception_4a/5x5_reduce.bias", "inception_5b/pool_proj.weight", "conv1/7x7_s2.weight"}
    assert some <= set(arrays)
    assert sum(array.size for array in arrays.values()) == 6_998_552
    np.savez(tmp_path / "w.npz", **arrays)
    network = models.load(config(tmp_path, source="googlenet", weights="w.npz"))
    assert network.logits(torch.rand(1, 3, 224, 224)).shape == (1, 1000)
    loaded = network.module.inception_3a.conv_5x5.weight
    np.testing.assert_array_equal(loaded, arrays["inception_3a/5x5.weight"])
    caught, _ = network.run(torch.rand(1, 3, 224, 224), list(SHAPES))
    assert {name: tuple(tensor.shape[1:]) for name, tensor in caught.items()} == SHAPES


def test_an_incomplete_googlenet_is_refused(tmp_path: Path) -> None:
    arrays = random_arrays()
    np.savez(tmp_path / "short.npz", **{key: arrays[key] for key in list(arrays)[:-1]})
    message = r'short.npz: weights of another network than GoogLeNet: "classifier.bias" is missing'
    with pytest.raises(AtlasError, match=message):
        models.load(config(tmp_path, source="googlenet", weights="short.npz"))


def test_googlenets_names_are_those_of_its_blocks() -> None:

    assert list(googlenet.NAMES) == list(BLOCKS)
    assert set(googlenet.LAYERS) <= set(BLOCKS)


# ----------------------------------------------------------------------------- Google's training
BRANCHES = {
    "conv_1x1": "1x1",
    "conv_3x3_reduce": "3x3_bottleneck",
    "conv_3x3": "3x3",
    "conv_5x5_reduce": "5x5_bottleneck",
    "conv_5x5": "5x5",
    "conv_pool_proj": "pool_reduce",
}
FIRST = {"conv1": "conv2d0", "conv2_reduce": "conv2d1", "conv2": "conv2d2"}


def in_tensorflow(name: str) -> str:
    """`inception_3a.conv_3x3_reduce` → `mixed3a_3x3_bottleneck`."""
    block, _, branch = name.partition(".")
    if branch:
        return f"mixed{block.removeprefix('inception_')}_{BRANCHES[branch]}"
    return FIRST.get(name, "softmax2")


def googles(seed: int = 0) -> dict[str, Tensor]:
    """A random state of Google's variant that keeps activations of ordinary size."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}
    for name, tensor in GoogLeNet(INCEPTION5H).state_dict().items():
        spread = (2 / tensor[0].numel()) ** 0.5 if tensor.ndim > 1 else 0.1
        state[name] = torch.randn(tensor.shape, generator=generator) * spread
    return state


def same(x: Tensor, size: int, stride: int, value: float = 0.0) -> Tensor:
    """Pad as TensorFlow's "SAME" does: what is odd goes to the right and to the bottom."""
    total = max(0, (-(-x.shape[-1] // stride) - 1) * stride + size - x.shape[-1])
    before, after = total // 2, total - total // 2
    return functional.pad(x, (before, after, before, after), value=value)


def normalized(x: Tensor, norm: tuple[int, float, float, float]) -> Tensor:
    size, alpha, beta, k = norm
    squares = functional.pad(x.square(), (0, 0, 0, 0, size // 2, size - 1 - size // 2))
    sums = sum(squares[:, i : i + x.shape[1]] for i in range(size))
    return x / (k + alpha / size * sums) ** beta


def published_graph(
    state: dict[str, Tensor], x: Tensor, norm: tuple[int, float, float, float]
) -> dict[str, Tensor]:
    """The published graph, step by step: name of a block, or "logits" → its output."""

    def conv(x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        padded = same(x, weight.shape[-1], stride)
        return functional.conv2d(padded, weight, bias, stride).clamp(min=0)

    def pool(x: Tensor, stride: int) -> Tensor:
        return functional.max_pool2d(same(x, 3, stride, float("-inf")), 3, stride)

    found: dict[str, Tensor] = {}
    x = normalized(pool(conv(x, "conv1", 2), 2), norm)
    x = pool(normalized(conv(conv(x, "conv2_reduce"), "conv2"), norm), 2)
    for block in BLOCKS:
        one = conv(x, f"{block}.conv_1x1")
        three = conv(conv(x, f"{block}.conv_3x3_reduce"), f"{block}.conv_3x3")
        five = conv(conv(x, f"{block}.conv_5x5_reduce"), f"{block}.conv_5x5")
        pooled = conv(pool(x, 1), f"{block}.conv_pool_proj")
        found[block] = x = torch.cat([one, three, five, pooled], 1)
        if block in ("inception_3b", "inception_4e"):
            x = pool(x, 2)
    features = functional.avg_pool2d(x, 7).flatten(1)
    found["logits"] = features @ state["classifier.weight"].T + state["classifier.bias"]
    return found


def difference(module: nn.Module, expected: dict[str, Tensor], x: Tensor) -> float:
    """The largest difference at any block or logit, relative to the largest value there."""
    found: dict[str, Tensor] = {}
    for block in BLOCKS:
        module.get_submodule(block).register_forward_hook(
            lambda _module, _inputs, output, block=block: found.__setitem__(block, output)
        )
    found["logits"] = module(x)
    return max(
        float((found[name] - each).abs().max() / each.abs().max())
        for name, each in expected.items()
    )


LUCENTS = (9, 9.99999974738e-05, 0.5, 1.0)


@torch.inference_mode()
def test_googles_variant_is_the_published_graph(tmp_path: Path) -> None:
    """From a state dict with the names that Lucent gives the same network."""
    state = googles()
    named = {
        f"{in_tensorflow(name.rpartition('.')[0])}_pre_relu_conv.{name.rpartition('.')[2]}": tensor
        for name, tensor in state.items()
        if not name.startswith("classifier")
    }
    for kind in ("weight", "bias"):
        named[f"softmax2_pre_activation_matmul.{kind}"] = state[f"classifier.{kind}"]
    torch.save(named, tmp_path / "w.pth")
    network = models.load(config(tmp_path, source="googlenet", weights="w.pth"))
    assert network.preprocessing.order == "rgb"
    assert len(network.classes) == 1008
    x = torch.rand(2, 3, 224, 224) * 255 - 117
    assert difference(network.module, published_graph(state, x, LUCENTS), x) < 1e-4


@torch.inference_mode()
def test_googles_variant_is_lucents() -> None:
    import_torchvision()
    lucent = pytest.importorskip("lucent.modelzoo", reason="needs the package torch-lucent")
    state = googles()
    theirs = lucent.inceptionv1(pretrained=False, redirected_ReLU=False).eval()
    own = theirs.state_dict()
    for name, tensor in state.items():
        layer, _, kind = name.rpartition(".")
        suffix = "pre_activation_matmul" if layer == "classifier" else "pre_relu_conv"
        own[f"{in_tensorflow(layer)}_{suffix}.{kind}"].copy_(tensor)
    found: dict[str, Tensor] = {}
    for block in BLOCKS:
        theirs.get_submodule(block.replace("inception_", "mixed")).register_forward_hook(
            lambda _module, _inputs, output, block=block: found.__setitem__(block, output)
        )
    theirs.softmax2_pre_activation_matmul.register_forward_hook(
        lambda _module, _inputs, output: found.__setitem__("logits", output)
    )
    x = torch.rand(2, 3, 224, 224) * 255 - 117
    theirs(x)
    module = GoogLeNet(INCEPTION5H)
    module.load_state_dict(state)
    assert difference(module, found, x) < 1e-4


# -------------------------------------------------------------------------------- published files
def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def packed(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def whole(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def single(number: int, value: float) -> bytes:
    return varint(number << 3 | 5) + struct.pack("<f", value)


def graph(state: dict[str, Tensor], radius: int, bias: float) -> bytes:
    """A GraphDef: constants of the network, one that is none of its, and a normalization."""

    def node(name: str, kind: str, **attributes: bytes) -> bytes:
        entries = b"".join(
            packed(5, packed(1, key.encode()) + packed(2, value))
            for key, value in attributes.items()
        )
        return packed(1, packed(1, name.encode()) + packed(2, kind.encode()) + entries)

    def constant(name: str, values: np.ndarray) -> bytes:
        shape = b"".join(packed(2, whole(1, side)) for side in values.shape)
        tensor = whole(1, 1) + packed(2, shape) + packed(4, values.astype("<f4").tobytes())
        return node(name, "Const", dtype=whole(6, 1), value=packed(8, tensor))

    nodes = [constant("softmax0_w", np.zeros((2, 3))), node("input", "Placeholder")]
    for name, tensor in state.items():
        layer, _, kind = name.rpartition(".")
        values = tensor.numpy()
        values = values.transpose(2, 3, 1, 0) if values.ndim == 4 else values.T
        nodes.append(constant(f"{in_tensorflow(layer)}_{kind[0]}", values))
    settings = {"depth_radius": whole(3, radius), "alpha": single(4, 1e-4)}
    nodes.append(node("norm", "LRN", **settings, beta=single(4, 0.5), bias=single(4, bias)))
    return b"".join(nodes)


def archive(state: dict[str, Tensor]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("tensorflow_inception_graph.pb", graph(state, 5, 2.0))
        names = "\n".join(["dummy", *(f"thing {index}" for index in range(1, 1001))])
        file.writestr("imagenet_comp_graph_label_strings.txt", names)
    return content.getvalue()


@torch.inference_mode()
def test_googles_archive_is_read_with_names_and_normalization(tmp_path: Path) -> None:
    state = googles(1)
    (tmp_path / "inception5h.zip").write_bytes(archive(state))
    network = models.load(config(tmp_path, source="googlenet", weights="inception5h.zip"))
    assert network.classes[:2] == ["dummy", "thing 1"]
    assert network.classes[1001:] == [f"unused output {index}" for index in range(1001, 1008)]
    x = torch.rand(1, 3, 224, 224) * 255 - 117
    # TensorFlow's radius of 5 means 11 channels, whose squares it sums instead of averaging.
    expected = published_graph(state, x, (11, 11e-4, 0.5, 2.0))
    assert difference(network.module, expected, x) < 1e-4


def caffemodel(arrays: dict[str, np.ndarray], old: bool) -> bytes:
    """A NetParameter, in the older form (which BVLC's file has) or the newer one."""

    def blob(values: np.ndarray) -> bytes:
        content = packed(5, values.astype("<f4").tobytes())
        if not old:
            return packed(7, packed(1, b"".join(map(varint, values.shape)))) + content
        sides = (1,) * (4 - values.ndim) + values.shape
        return b"".join(whole(i, side) for i, side in enumerate(sides, 1)) + content

    layers: dict[str, list[bytes]] = {"loss1/classifier": [blob(np.zeros((2, 2)))]}
    for key, values in arrays.items():
        layers.setdefault(key.rpartition(".")[0], []).append(blob(values))
    name, blobs, layer = (4, 6, 2) if old else (1, 7, 100)
    return packed(1, b"GoogLeNet") + b"".join(
        packed(layer, packed(name, key.encode()) + b"".join(packed(blobs, each) for each in found))
        for key, found in layers.items()
    )


@pytest.mark.parametrize("old", [True, False])
def test_caffes_file_is_read(tmp_path: Path, old: bool) -> None:
    arrays = random_arrays()
    (tmp_path / "w.caffemodel").write_bytes(caffemodel(arrays, old))
    np.savez(tmp_path / "w.npz", **arrays)
    first, second = (
        models.load(config(tmp_path, source="googlenet", weights=name)).module.state_dict()
        for name in ("w.caffemodel", "w.npz")
    )
    assert all(bool((first[name] == second[name]).all()) for name in second)


@pytest.mark.parametrize("name", ["w.zip", "w.pb", "w.caffemodel", "w.npz"])
@pytest.mark.parametrize("content", [b"", b"\xff" * 40, b"just text", b"PK\x03\x04 cut off"])
def test_damaged_files_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AtlasError, match=rf"{name}: not a .*source googlenet reads one array"):
        models.load(config(tmp_path, source="googlenet", weights=name))


def test_random_weights_of_googlenet(tmp_path: Path) -> None:
    network = models.load(config(tmp_path, source="googlenet", weights="random"))
    assert len(network.classes) == BVLC.classes


def test_published_weights_have_a_fingerprint_before_they_are_there(tmp_path: Path) -> None:
    found = {
        models.fingerprint(config(tmp_path, source="googlenet", weights=name))
        for name in ("bvlc", "inception5h", "random")
    }
    assert len(found) == 3
    assert None not in found
