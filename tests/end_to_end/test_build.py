"""The whole way from photographs to a site, on a small random network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline import build as builder
from pipeline import photographs
from pipeline.config import read
from pipeline.errors import AtlasError
from pipeline.phases import PHASES
from pipeline.progress import Reporter
from pipeline.store import File
from tests.brightness import BRIGHTNESS
from tests.end_to_end.conftest import Copy, Workplace
from tests.unit.networks import network


def test_a_build_ends_with_a_site_and_a_store(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    page = (work.site / "index.html").read_text()
    assert "<title>Small" in page
    assert (work.site / ".nojekyll").exists()
    assert {path.name for path in (work.store / "images").iterdir()} == {"first.h5", "second.h5"}
    assert all((work.store / "visualizations" / layer).is_dir() for layer in ("early", "late"))


def test_the_store_holds_what_the_network_computes(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    net = network()
    decoded = photographs.decode(work.folder / "photos" / "first.png")
    pixels = photographs.fit(decoded, 32, "crop")
    caught, logits = net.run(net.input(pixels).requires_grad_(), ["early", "late"])
    late = caught["late"]
    gradients = [torch.autograd.grad(logits[0, k], late, retain_graph=True)[0] for k in range(5)]
    expected = torch.stack([(late * gradient).sum((0, 2, 3)) for gradient in gradients], 1).detach()
    with File(work.store / "images" / "first.h5") as file:
        np.testing.assert_array_equal(file.values("input"), pixels)
        np.testing.assert_allclose(file.values("logits"), logits[0].detach(), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(
            file.values("activation/late"), late[0].detach(), rtol=2e-3, atol=1e-3
        )
        attribution = file.array("attribution/late.channel/output.neuron")
        assert (attribution.dims, attribution.units) == (("channel", "class"), "logits")
        np.testing.assert_allclose(attribution.values, expected, rtol=2e-3, atol=1e-3)


def test_workers_give_the_same_atlas(
    built: Copy, workplace: Workplace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    alone = built(tmp_path_factory.mktemp("alone"))
    workplace.build(workers=2)
    for path in sorted((alone.store / "images").glob("*.h5")):
        with File(path) as first, File(workplace.store / "images" / path.name) as second:
            assert first.names() == second.names()
            for name in first.names():
                np.testing.assert_allclose(
                    first.values(name), second.values(name), rtol=1e-2, atol=1e-3
                )


def test_channels_asked_for_are_rendered(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    work.write(more='channels = "all"\n')
    work.build()
    units: set[str] = set()
    for path in (work.store / "visualizations" / "late").glob("*.h5"):
        with File(path) as file:
            units |= set(file.values("units"))
    assert units >= {f"channel:{channel}" for channel in range(12)}


def test_layers_are_chosen_where_nobody_did(workplace: Workplace) -> None:
    workplace.edit('layers = ["early", "late"]\n', "")
    workplace.build()
    config = read(workplace.config)
    lines = list(builder.list_layers(config, everything=False))
    assert any(line.startswith("* late") for line in lines)
    assert not any("head" in line for line in lines)
    assert any("head" in line for line in builder.list_layers(config, everything=True))


def test_a_new_phase_is_built_with_the_others(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    phases = (*PHASES, BRIGHTNESS)
    counts = work.build(phases)
    assert counts.pop("brightness") == (2, 0)
    assert counts.pop("site") == (1, 0)  # whose fingerprint includes the new phase's
    assert {computed for computed, _ in counts.values()} == {0}
    counts = work.build(phases)
    assert counts["brightness"] == (0, 2)
    assert counts["site"] == (0, 1)
    work.photograph("second", 5)
    assert work.build(phases)["brightness"] == (1, 1)


# ----------------------------------------------------------------------------- mistakes and limits
def test_a_check_fails_for_a_bad_photograph_unless_it_is_skipped(workplace: Workplace) -> None:
    (workplace.folder / "photos" / "bad.png").write_text("no picture")
    with pytest.raises(AtlasError, match=r"bad.png: not a picture(.|\n)*--skip-bad-images"):
        workplace.check()
    workplace.check(skip_bad_images=True)
    assert not (workplace.store / "images").exists()


MISTAKES = """
[features]
size = 32
recipe = "fats"
channels = {early = [3, 99], lte = [1]}
[attribution]
method = "linaer"
[site]
figures = ["sematic_dictionary"]
[model]
source = "my_models.py:build"
layers = ["early", "lat"]
[model.names]
middle = "x"
[dataset]
images = ["photos/*.png", "photos/*.gif", "absent.jpg"]
"""


def test_check_reports_everything_and_computes_nothing(workplace: Workplace) -> None:
    workplace.config.write_text(MISTAKES)
    (workplace.folder / "photos" / "bad.png").write_text("no picture")
    with pytest.raises(AtlasError) as caught:
        workplace.check()
    message = str(caught.value)
    for part in (
        'no figure "sematic_dictionary"; did you mean "semantic_dictionary"',
        'did you mean "fast"',
        'no method "linaer"; did you mean "linear"',
        'no layer "lat" in tiny; did you mean "late"',
        '"model.names.middle"',
        '"features.channels.lte"',
        "no channel 99; the layer has 8, 0 to 7",
        "no file matches",
        "absent.jpg",
        "bad.png: not a picture",
    ):
        assert part in message
    assert not workplace.store.exists()


def test_a_site_needs_what_it_shows(workplace: Workplace) -> None:
    with pytest.raises(AtlasError, match='"building-blocks build'):
        workplace.regenerate()


def test_a_site_over_its_budget_is_mentioned(
    built: Copy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = built(tmp_path)
    work.write(more="[site]\nbudget_mb = 0.001\n")
    builder.build(read(work.config), work.options(), Reporter(0))
    assert 'larger than "site.budget_mb" allows, 0.001 MB' in capsys.readouterr().err
