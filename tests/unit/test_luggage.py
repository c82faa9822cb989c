"""What jobs take along to workers that see neither photographs nor weights."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from pipeline import models
from pipeline.config import Config, Settings
from pipeline.errors import AtlasError
from pipeline.luggage import Packed, carried, pack
from pipeline.models.parcels import parcel


@dataclass(frozen=True)
class Job:
    name: str
    path: Path
    paths: Mapping[str, Path]
    numbers: Mapping[str, int]
    config: object = None


def read(job: Job) -> list[str]:
    found = [job.path, *job.paths.values()]
    return [f"{path.suffix} {path.read_text()}" for path in found]


def complain(job: Job) -> None:
    raise AtlasError(f"photograph {job.name}: {job.path}: cut off")


def travelled(job: object) -> Packed:
    """Pack a job, send it away, and remove what it came from."""
    packed = pickle.loads(pickle.dumps(pack(job)))
    for path in packed.files:
        path.unlink()
    return packed


@pytest.fixture
def job(tmp_path: Path) -> Job:
    for name in ("a.png", "b.jpg", "c.jpg"):
        (tmp_path / name).write_text(f"bytes of {name}")
    paths = {"b": tmp_path / "b.jpg", "c": tmp_path / "c.jpg"}
    return Job("a", tmp_path / "a.png", paths, {"n": 3})


def test_files_that_a_job_names_travel_with_it(job: Job) -> None:
    expected = [".png bytes of a.png", ".jpg bytes of b.jpg", ".jpg bytes of c.jpg"]
    packed = travelled(job)
    assert carried(read, packed, None) == expected
    assert carried(read, packed, None) == expected  # they are there already


def test_errors_name_the_files_of_the_machine_that_a_job_comes_from(job: Job) -> None:
    with pytest.raises(AtlasError, match=f"photograph a: {job.path}: cut off"):
        carried(complain, travelled(job), None)


def test_what_is_no_job_of_ours_travels_as_it_is() -> None:
    assert carried(str, pack(3), None) == "3"


def test_a_file_that_is_gone_is_named(job: Job) -> None:
    job.path.unlink()
    with pytest.raises(OSError, match=r"a\.png"):
        pack(job)


MODEL = """
import layers
from inside.deep import CLASSES

def build():
    return layers.make(CLASSES)
"""
LAYERS = """
from torch import nn

def make(classes):
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, classes)
    return nn.Sequential(nn.Conv2d(3, 4, 3), *head)
"""


def logits(job: Job) -> torch.Tensor:
    network = models.load(job.config)  # type: ignore[arg-type]
    with torch.no_grad():
        return network.module(torch.ones(1, 3, 16, 16))


def test_a_network_is_loaded_from_its_parcel(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "code" / "inside").mkdir(parents=True)
    (home / "code" / "my_models.py").write_text(MODEL)
    (home / "code" / "layers.py").write_text(LAYERS)
    (home / "code" / "inside" / "deep.py").write_text("CLASSES = 2\n")
    (home / "labels.txt").write_text("cat\ndog\n")
    settings = Settings.model_validate(
        {
            "model": {
                "source": "code/my_models.py:build",
                "size": 16,
                "classes": "labels.txt",
                "weights": "weights.pt",
            },
            "dataset": {"images": ("*.png",)},
        }
    )
    config = Config(path=home / "atlas.toml", settings=settings)
    torch.manual_seed(5)
    linear = torch.nn.Linear(4, 2).state_dict()
    convolution = torch.nn.Conv2d(3, 4, 3).state_dict()
    state = {f"3.{key}": value for key, value in linear.items()}
    state |= {f"0.{key}": value for key, value in convolution.items()}
    torch.save(state, home / "weights.pt")
    job = Job("a", home / "labels.txt", {}, {}, config)
    expected = logits(job)
    sent, packed = pickle.loads(pickle.dumps((parcel(config), pack(job))))
    shutil.rmtree(home)
    assert torch.equal(carried(logits, packed, sent), expected)


def test_a_network_of_a_package_needs_no_files(tmp_path: Path) -> None:
    settings = Settings.model_validate({"dataset": {"images": ("*.png",)}})
    config = Config(path=tmp_path / "atlas.toml", settings=settings)
    sent = parcel(config)
    assert sent.files == {}
    assert sent.config == config
