"""Compatible groups on a real network and real photographs: their attribution concentrates."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.attribution import compute
from pipeline.config import Config, DatasetTable, ModelTable, Settings
from pipeline.grammar import CLASSES, Activation, Atom, Attribution, Grouping, Substrate
from pipeline.models import googlenet

LOWER, UPPER = "inception_4a", "inception_4d"
ABOVE = Substrate(UPPER, Atom.GROUP, Grouping(6))
BELOW = Substrate(LOWER, Atom.GROUP, Grouping(6, (UPPER, 6)))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dog_cat", "flowers", "chain"])
def test_attribution_of_compatible_groups_is_more_concentrated(shared: Path, name: str) -> None:
    model = ModelTable(source="googlenet", weights=str(shared / "models" / "bvlc_googlenet.npz"))
    network = googlenet.load(Config(path=shared / "x.toml", settings=Settings(dataset=DatasetTable(images=("x",)), model=model)))
    with Image.open(shared / "images" / f"{name}.jpeg") as picture:
        x = network.input(np.asarray(picture.convert("RGB").resize((224, 224))).copy())
    contents = [
        Activation(BELOW),
        Attribution(BELOW, ABOVE),
        Attribution(BELOW, CLASSES),
        Attribution(Substrate(LOWER, Atom.WHOLE), CLASSES),
    ]
    arrays = compute(network, x, contents)
    path = Activation(BELOW).path
    assert arrays[f"{path}/concentration"].values.mean() > arrays[f"{path}/concentration_independent"].values.mean()
    groups, residual = arrays[f"attribution/{BELOW}/{CLASSES}"].values, arrays[f"residual/{BELOW}/{CLASSES}/of_source"].values
    whole = arrays[f"attribution/{LOWER}.whole/{CLASSES}"].values.astype(np.float32)
    np.testing.assert_allclose(groups.sum(0) + residual, whole, rtol=0, atol=1e-3 * np.abs(whole).max())
