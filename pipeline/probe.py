"""What is known of a network before anything is computed: its layers, their shapes, and which of them suit an atlas.

A probe runs the network once. Its findings are kept as `network.h5` in the store, so that a later build, or the site's
generator, can check a configuration's layers without loading torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pipeline.errors import AtlasError, did_you_mean
from pipeline.store import State, Store, fingerprint_of, state, write

if TYPE_CHECKING:
    from pipeline.network import Network

VERSION = 1  # raised when a probe finds other things than before
KIND = "network"


@dataclass(frozen=True)
class LayerFacts:
    """One submodule: shape of its output without N, whether it has negative values, how often a forward pass runs it."""

    name: str
    kind: str
    shape: tuple[int, ...]
    signed: bool
    runs: int

    @property
    def objection(self) -> str | None:
        """Why the layer cannot be shown, or None."""
        if self.runs != 1:
            return f"runs {self.runs} times in one forward pass"
        if len(self.shape) != 3:
            return f"output [{', '.join(map(str, self.shape))}] is not [C, H, W]"
        return None


@dataclass(frozen=True)
class Facts:
    """A probe's findings. `weights` is the fingerprint of the network that was probed; `layers` in running order."""

    weights: str
    title: str
    classes: tuple[str, ...]
    size: int
    parameters: int
    layers: tuple[LayerFacts, ...]
    labels: str = ""  # fingerprint of what the configuration calls the network and its classes

    def layer(self, name: str) -> LayerFacts:
        """Return one layer's facts; an unknown or unsuitable layer raises an AtlasError that says so."""
        known = {layer.name: layer for layer in self.layers}
        if name not in known:
            hint = did_you_mean(name, known)
            raise AtlasError(f'no layer "{name}" in {self.title}{hint or ";"} "building-blocks layers CONFIG" lists them')
        objection = known[name].objection
        if objection:
            raise AtlasError(
                f'layer "{name}" of {self.title} does not suit: {objection}; "building-blocks layers CONFIG" lists those that do'
            )
        return known[name]


def probe(network: Network, weights: str, labels: str = "") -> Facts:
    """Run the network once on noise and note what every submodule returns.

    Raises
    ------
    AtlasError
        When the network does not run, does not return logits, or has another number of outputs than class names.
    """
    import torch
    from torch import Tensor

    seen: dict[str, LayerFacts] = {}
    handles = []

    def hook_of(name: str) -> Any:
        def hook(module: Any, _inputs: Any, output: Any) -> None:
            shape = tuple(output.shape[1:]) if isinstance(output, Tensor) else ()
            signed = bool((output < 0).any()) if isinstance(output, Tensor) and output.is_floating_point() else True
            before = seen.pop(name, None)  # a layer stands where it ran last
            seen[name] = LayerFacts(name, type(module).__name__, shape, signed, (before.runs if before else 0) + 1)

        return hook

    size = network.preprocessing.size
    try:
        for name, module in network.module.named_modules():
            if name:
                handles.append(module.register_forward_hook(hook_of(name)))
        generator = torch.Generator().manual_seed(0)
        with torch.inference_mode():
            noise = torch.rand(1, 3, size, size, generator=generator).to(network.device)
            outputs = int(network.logits(noise).shape[1])
    except (RuntimeError, ValueError, TypeError) as error:
        raise AtlasError(
            f'{network.title}: does not run on a {size} × {size} picture ({error}); set "model.size" to its input\'s side'
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    if outputs != len(network.classes):
        raise AtlasError(
            f'{network.title}: {outputs} outputs but {len(network.classes)} class names; name a file with one a line in "model.classes"'
        )
    parameters = sum(parameter.numel() for parameter in network.module.parameters())
    return Facts(weights, network.title, tuple(network.classes), size, parameters, tuple(seen.values()), labels)


def suggest(facts: Facts) -> tuple[str, ...]:
    """Choose up to four display layers where neither the configuration nor the source does.

    From a quarter of the input's side downwards, the outermost non-negative layer that ends each resolution, and one
    from the middle of the finest but one: fine textures, two stages of parts, and whole objects, as in the article.
    """
    suited = [layer for layer in facts.layers if layer.objection is None and 1 < min(layer.shape[1:]) <= facts.size / 4]
    candidates = [layer for layer in suited if not layer.signed] or suited
    if not candidates:
        raise AtlasError(f'{facts.title}: no layer with output [C, H, W] found; name the layers in "model.layers"')
    by_side: dict[int, list[str]] = {}
    for layer in candidates:
        by_side.setdefault(min(layer.shape[1:]), []).append(layer.name)
    last = list(by_side.values())[-3:]
    chosen = [names[-1] for names in last]
    if len(last) > 1 and len(last[-2]) > 1:
        chosen.insert(len(chosen) - 2, last[-2][len(last[-2]) // 2 - 1])
    order = [layer.name for layer in facts.layers]
    return tuple(sorted(dict.fromkeys(chosen), key=order.index))


def check_layers(facts: Facts, layers: Sequence[str], where: str, names: Mapping[str, str]) -> list[AtlasError]:
    """What is wrong with a choice of display layers: unknown, unsuitable, or named twice."""
    errors: list[AtlasError] = []
    for name in layers:
        try:
            facts.layer(name)
        except AtlasError as error:
            errors.append(AtlasError(f'{where}: "model.layers": {error}'))
    if len(set(layers)) != len(layers):
        errors.append(AtlasError(f'{where}: "model.layers" names a layer twice'))
    for name in names:
        if name not in layers:
            hint = did_you_mean(name, layers) or ";"
            errors += [AtlasError(f'{where}: "model.names.{name}": not one of the display layers{hint} they are {", ".join(layers)}')]
    return errors


def save(store: Store, facts: Facts) -> None:
    """Keep a probe's findings."""
    write(store.network_path, KIND, _fingerprint(facts.weights, facts.labels), {}, asdict(facts))


def load(store: Store, weights: str | None, labels: str = "") -> Facts | None:
    """The findings kept for these weights (any, if None) and labels, or None where a probe is needed."""
    if weights is not None and state(store.network_path, KIND, _fingerprint(weights, labels)) is not State.CURRENT:
        return None
    try:
        with store.network() as file:
            kept = dict(file.attributes)
            layers = tuple(LayerFacts(**{**each, "shape": tuple(each["shape"])}) for each in kept.pop("layers"))
            facts = Facts(**{**kept, "classes": tuple(kept["classes"]), "layers": layers})
            return facts if file.fingerprint == _fingerprint(facts.weights, labels) else None
    except (AtlasError, KeyError, TypeError):
        return None


def _fingerprint(weights: str, labels: str) -> str:
    return fingerprint_of(KIND, VERSION, weights, labels)
