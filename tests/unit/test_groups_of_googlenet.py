"""Compatible groups on a real network and real photographs: their attribution concentrates."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.attribution import compute
from pipeline.config import AttributionTable, Config, DatasetTable, ModelTable, Settings
from pipeline.grammar import CLASSES, WHOLE, Attribution, Concentration, Group, Substrate
from pipeline.models import googlenet

LOWER, UPPER = "inception_4a", "inception_4d"
BELOW = Substrate(LOWER, Group(6, (UPPER, 6)))
CONCENTRATION = Concentration(BELOW)
TO_CLASSES = Attribution(BELOW, CLASSES)
WHOLE_TO_CLASSES = Attribution(Substrate(LOWER, WHOLE), CLASSES)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dog_cat", "flowers", "chain"])
def test_attribution_of_compatible_groups_is_more_concentrated(shared: Path, name: str) -> None:
    weights = str(shared / "models" / "bvlc_googlenet.npz")
    model = ModelTable(source="googlenet", weights=weights)
    settings = Settings(dataset=DatasetTable(images=("x",)), model=model)
    network = googlenet.load(Config(path=shared / "x.toml", settings=settings))
    with Image.open(shared / "images" / f"{name}.jpeg") as picture:
        x = network.input(np.asarray(picture.convert("RGB").resize((224, 224))).copy())
    found = compute(
        network,
        x,
        [CONCENTRATION, TO_CLASSES, WHOLE_TO_CLASSES],
        AttributionTable(method="linear"),
    )
    concentration = found[CONCENTRATION.path]
    compatible = concentration[CONCENTRATION.path].values
    assert compatible.mean() > concentration[CONCENTRATION.independent].values.mean()
    groups = found[TO_CLASSES.path][TO_CLASSES.path].values
    residual = found[TO_CLASSES.path][TO_CLASSES.residual_of_source].values
    whole = found[WHOLE_TO_CLASSES.path][WHOLE_TO_CLASSES.path].values.astype(np.float32)
    bound = 1e-3 * np.abs(whole).max()
    np.testing.assert_allclose(groups.sum(0) + residual, whole, rtol=0, atol=bound)
