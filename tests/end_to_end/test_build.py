"""The whole way from photographs to a site, on a small random network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from pipeline import build as builder
from pipeline import generate, images
from pipeline.config import read
from pipeline.errors import AtlasError
from pipeline.executor import InProcess
from pipeline.progress import Reporter
from pipeline.store import File
from tests.end_to_end.conftest import Workplace
from tests.unit.networks import network

Copy = Callable[[Path], Workplace]


def test_a_build_ends_with_a_site_and_a_store(built: Copy, tmp_path: Path) -> None:
    place = built(tmp_path)
    page = (place.folder / "site" / "index.html").read_text()
    assert "<title>Small" in page
    assert (place.folder / "site" / ".nojekyll").exists()
    assert {path.name for path in (place.store / "images").iterdir()} == {"first.h5", "second.h5"}
    assert all((place.store / "visualizations" / layer).is_dir() for layer in ("early", "late"))


def test_the_store_holds_what_the_network_computes(built: Copy, tmp_path: Path) -> None:
    place = built(tmp_path)
    net = network()
    pixels = images.fit(images.decode(place.folder / "photos" / "first.png"), 32, "crop")
    caught, logits = net.run(net.input(pixels), ["early", "late"], detach=True)
    gradients = [torch.autograd.grad(logits[0, k], caught["late"], retain_graph=True)[0] for k in range(5)]
    expected = torch.stack([(caught["late"] * gradient).sum((0, 2, 3)) for gradient in gradients], 1).detach()
    with File(place.store / "images" / "first.h5") as file:
        np.testing.assert_array_equal(file.values("input"), pixels)
        np.testing.assert_allclose(file.values("logits"), logits[0].detach(), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(file.values("activation/late"), caught["late"][0].detach(), rtol=2e-3, atol=1e-3)
        attribution = file.array("attribution/late.channel/output.neuron")
        assert (attribution.dims, attribution.units) == (("channel", "class"), "logits")
        np.testing.assert_allclose(attribution.values, expected, rtol=2e-3, atol=1e-3)


def test_a_second_build_computes_nothing(built: Copy, tmp_path: Path) -> None:
    place = built(tmp_path)
    before = {path: path.read_bytes() for path in (place.folder / "build").rglob("*.h5")}
    counts = place.build()
    assert {computed for computed, _ in counts.values()} == {0}
    assert counts["photographs"] == (0, 2)
    assert before == {path: path.read_bytes() for path in (place.folder / "build").rglob("*.h5")}


def test_a_changed_photograph_is_computed_alone(built: Copy, tmp_path: Path) -> None:
    place = built(tmp_path)
    kept = (place.store / "images" / "first.h5").read_bytes()
    place.photograph("second", 5)
    counts = place.build()
    assert counts["photographs"] == (1, 1)
    assert counts["site"] == (1, 0)
    assert (place.store / "images" / "first.h5").read_bytes() == kept


def test_an_added_photograph_is_computed_alone(built: Copy, tmp_path: Path) -> None:
    place = built(tmp_path)
    place.photograph("third", 3)
    assert place.build()["photographs"] == (1, 2)


def test_other_steps_render_pictures_but_compute_no_attribution(built: Copy, tmp_path: Path) -> None:
    place = built(tmp_path)
    place.write(steps=5)
    counts = place.build()
    assert counts["photographs"] == (0, 2)
    computed, reused = counts["feature visualizations"]
    assert computed > 0
    assert reused == 0


def test_pictures_with_the_photographs_own_spectrum_follow_the_photographs(built: Copy, tmp_path: Path) -> None:
    place = built(tmp_path)
    for spectrum in ("bundled", "photographs"):
        place.config.write_text(place.config.read_text().partition("recipe")[0] + f'recipe = "maco"\nspectrum = "{spectrum}"\n')
        assert place.build()["feature visualizations"][1] == 0
        place.photograph("second", 5 if spectrum == "bundled" else 6)
        reused = place.build()["feature visualizations"][1]
        assert bool(reused) == (spectrum == "bundled")


def test_another_title_only_generates_the_site(built: Copy, tmp_path: Path) -> None:
    place = built(tmp_path)
    place.config.write_text(place.config.read_text().replace("Small", "Other"))
    assert {name for name, (computed, _) in place.build().items() if computed} == {"site"}


def test_other_names_reach_the_site_and_compute_nothing(built: Copy, tmp_path: Path) -> None:
    place = built(tmp_path)
    place.config.write_text(place.config.read_text().replace("[model]", '[model]\ntitle = "Renamed"'))
    counts = place.build()
    assert {name for name, (computed, _) in counts.items() if computed} == {"site"}
    assert "Renamed" in (tmp_path / "site" / "index.html").read_text()


def test_changed_weights_compute_everything(built: Copy, tmp_path: Path) -> None:
    place = built(tmp_path)
    (tmp_path / "my_models.py").write_text((tmp_path / "my_models.py").read_text().replace("Plain()", "Plain(), seed=1"))
    counts = place.build()
    assert counts["photographs"] == (2, 0)
    assert counts["feature visualizations"][1] == 0


@pytest.mark.parametrize("damage", ["remove", "cut", "rubbish", "foreign"])
@pytest.mark.parametrize("which", ["images/first.h5", "visualizations/late", "grids/first/late.h5", "network.h5"])
def test_a_damaged_file_is_replaced(built: Copy, tmp_path: Path, damage: str, which: str) -> None:
    place = built(tmp_path)
    path = place.store / which
    if path.is_dir():
        path = sorted(path.glob("*.h5"))[0]
    whole = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "rubbish":
        path.write_bytes(b"rubbish")
    elif damage == "foreign":
        with h5py.File(path, "w") as file:
            file["x"] = 1
    counts = place.build()
    stages = {"images/first.h5": "photographs", "visualizations/late": "feature visualizations", "grids/first/late.h5": "activation grids"}
    expected = counts[stages[which]] if which in stages else None
    if expected is not None:
        assert expected[0] > 0
    with File(path) as file:
        assert file.kind in ("image", "visualizations", "grid", "network")
    assert {computed for computed, _ in place.build().values()} == {0}


def test_a_file_missing_from_the_site_is_put_back(built: Copy, tmp_path: Path) -> None:
    place = built(tmp_path)
    next((place.folder / "site").glob("data/first/*.js")).unlink()
    assert place.build()["site"] == (1, 0)


def test_workers_give_the_same_atlas(built: Copy, workplace: Workplace, tmp_path_factory: pytest.TempPathFactory) -> None:
    alone = built(tmp_path_factory.mktemp("alone"))
    workplace.build(workers=2)
    for path in sorted((alone.store / "images").glob("*.h5")):
        with File(path) as first, File(workplace.store / "images" / path.name) as second:
            assert first.names() == second.names()
            for name in first.names():
                np.testing.assert_allclose(first.values(name), second.values(name), rtol=1e-2, atol=1e-3)


def test_an_interruption_keeps_what_was_finished(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "PICTURES_PER_JOB", 4)
    submit, calls = InProcess.submit, []

    def interrupted(self: InProcess, fn: object, /, *args: object, **kwargs: object) -> object:
        calls.append(fn)
        if len(calls) == 4:  # two photographs, then the second batch of pictures
            raise KeyboardInterrupt
        return submit(self, fn, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(InProcess, "submit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        workplace.build()
    assert not (workplace.folder / "site").exists()
    monkeypatch.undo()
    counts = workplace.build()
    assert counts["photographs"] == (0, 2)
    assert counts["feature visualizations"][1] == 4
    assert not list(workplace.folder.rglob("*.part"))


def test_a_failing_site_leaves_the_previous_one(built: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = built(tmp_path)
    before = {path: path.read_bytes() for path in (place.folder / "site").rglob("*") if path.is_file()}
    place.photograph("second", 5)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(generate, "_write_code", fail)
    with pytest.raises(AtlasError, match="could not be written"):
        place.build()
    assert before == {path: path.read_bytes() for path in (place.folder / "site").rglob("*") if path.is_file()}


def test_one_bad_photograph_stops_everything_unless_skipped(workplace: Workplace) -> None:
    (workplace.folder / "photos" / "bad.png").write_text("no picture")
    with pytest.raises(AtlasError, match=r"bad.png: not a picture(.|\n)*--skip-bad-images"):
        workplace.build()
    assert not (workplace.store / "images").exists()
    with pytest.raises(AtlasError, match=r"bad.png"):
        builder.check(read(workplace.config), workplace.options(), Reporter(-1))
    assert workplace.build(skip_bad_images=True)["photographs"] == (2, 0)
    assert "bad" not in (workplace.folder / "site" / "index.html").read_text().replace("badge", "")


def test_check_reports_everything_and_computes_nothing(workplace: Workplace) -> None:
    text = """
    [features]
    size = 32
    recipe = "fats"
    channels = {early = [3, 99], lte = [1]}
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
    workplace.config.write_text(text)
    (workplace.folder / "photos" / "bad.png").write_text("no picture")
    with pytest.raises(AtlasError) as caught:
        builder.check(read(workplace.config), workplace.options(), Reporter(-1))
    message = str(caught.value)
    for part in (
        'no figure "sematic_dictionary"; did you mean "semantic_dictionary"',
        'did you mean "fast"',
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


def test_channels_asked_for_are_rendered(built: Copy, tmp_path: Path) -> None:
    place = built(tmp_path)
    place.write(more='channels = "all"\n')
    place.build()
    units: set[str] = set()
    for path in (place.store / "visualizations" / "late").glob("*.h5"):
        with File(path) as file:
            units |= set(file.values("units"))
    assert units >= {f"channel:{channel}" for channel in range(12)}


def test_layers_are_chosen_where_nobody_did(workplace: Workplace) -> None:
    workplace.config.write_text(workplace.config.read_text().replace('layers = ["early", "late"]\n', ""))
    workplace.build()
    lines = list(builder.list_layers(read(workplace.config), everything=False))
    assert any(line.startswith("* late") for line in lines)
    assert not any("head" in line for line in lines)
    assert any("head" in line for line in builder.list_layers(read(workplace.config), everything=True))


def test_a_site_needs_what_it_shows(workplace: Workplace) -> None:
    with pytest.raises(AtlasError, match='"building-blocks build'):
        builder.regenerate(read(workplace.config), workplace.options(), Reporter(-1))


def test_a_site_over_its_budget_is_mentioned(built: Copy, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = built(tmp_path)
    place.write(more="[site]\nbudget_mb = 0.001\n")
    builder.build(read(place.config), place.options(), Reporter(0))
    assert 'larger than "site.budget_mb" allows, 0.001 MB' in capsys.readouterr().err
