"""A network's profile: its layers, their shapes, and which of them suit an atlas.

A layer is a bottleneck if everything passes through it: with its output detached, the logits no
longer depend on the photograph. Attribution to it accounts for the whole decision. Around any
other layer goes a part of the decision, through a skip connection or a parallel branch.

A probe runs the network once. The profile is kept as `network.h5` in the store, so that a later
build, or the site's generator, can check a configuration's layers without loading torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pipeline.errors import AtlasError, did_you_mean
from pipeline.fingerprints import fingerprint_of
from pipeline.store import State, Store, state, write

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.autograd.graph import Node

    from pipeline.network import Network

VERSION = 2  # raised when a probe finds out other things than before
KIND = "network"


@dataclass(frozen=True)
class LayerProfile:
    """One submodule.

    Attributes
    ----------
    shape
        Of its output, without N.
    signed
        Whether the output has negative values.
    runs
        How often a forward pass runs it.
    bottleneck
        Whether everything passes through it; otherwise it is bypassed.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    signed: bool
    runs: int
    bottleneck: bool = True

    @property
    def cube(self) -> tuple[int, int, int]:
        """[C, H, W], of a layer that suits."""
        channels, height, width = self.shape
        return channels, height, width

    @property
    def objection(self) -> str | None:
        """Why the layer cannot be shown, or None."""
        if self.runs != 1:
            return f"runs {self.runs} times in one forward pass"
        if len(self.shape) != 3:
            return f"output [{', '.join(map(str, self.shape))}] is not [C, H, W]"
        return None


@dataclass(frozen=True)
class NetworkProfile:
    """What a probe found out.

    Attributes
    ----------
    weights
        The fingerprint of the network that was probed.
    size
        Side of its input in pixels.
    layers
        In running order.
    labels
        The fingerprint of what the configuration calls the network and its classes.
    """

    weights: str
    title: str
    classes: tuple[str, ...]
    size: int
    parameters: int
    layers: tuple[LayerProfile, ...]
    labels: str = ""

    def layer(self, name: str) -> LayerProfile:
        """Return one layer's profile.

        Raises
        ------
        AtlasError
            When there is no such layer, or it does not suit.
        """
        known = {layer.name: layer for layer in self.layers}
        if name not in known:
            hint = did_you_mean(name, known) or ";"
            advice = '"building-blocks layers CONFIG" lists them'
            raise AtlasError(f'no layer "{name}" in {self.title}{hint} {advice}')
        objection = known[name].objection
        if objection:
            advice = '"building-blocks layers CONFIG" lists those that do'
            reason = f"does not suit: {objection}"
            raise AtlasError(f'layer "{name}" of {self.title} {reason}; {advice}')
        return known[name]


def probe(network: Network, weights: str, labels: str = "") -> NetworkProfile:
    """Run the network once on noise and note what every submodule returns.

    Parameters
    ----------
    network
        To be probed.
    weights, labels
        Fingerprints of the network, and of what it and its classes are called.

    Raises
    ------
    AtlasError
        When the network does not run, does not return logits, or has another number of outputs
        than class names.
    """
    import torch

    size = network.preprocessing.size
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(1, 3, size, size, generator=generator).to(network.device).requires_grad_()
    try:
        with _watching(network) as seen, torch.enable_grad():
            logits = network.logits(noise)
    except (RuntimeError, ValueError, TypeError) as error:
        failed = f"does not run on {size} × {size} pixels ({error})"
        advice = 'set "model.size" to the side of its input'
        raise AtlasError(f"{network.title}: {failed}; {advice}") from error
    outputs = int(logits.shape[1])
    if outputs != len(network.classes):
        counts = f"{outputs} outputs but {len(network.classes)} class names"
        advice = 'name a file with one a line in "model.classes"'
        raise AtlasError(f"{network.title}: {counts}; {advice}")
    bottlenecks = _bottlenecks(noise, logits, seen.outputs)
    layers = tuple(
        replace(layer, bottleneck=layer.name in bottlenecks) for layer in seen.layers.values()
    )
    parameters = sum(parameter.numel() for parameter in network.module.parameters())
    classes = tuple(network.classes)
    return NetworkProfile(weights, network.title, classes, size, parameters, layers, labels)


@dataclass
class _Seen:
    """Of every submodule, in the order in which they last ran: its profile, and its output's node.

    The node is that of autograd's graph; an output that does not depend on the input has none.
    """

    layers: dict[str, LayerProfile] = field(default_factory=dict)
    outputs: dict[str, Node] = field(default_factory=dict)


@contextmanager
def _watching(network: Network) -> Iterator[_Seen]:
    """Note what every submodule returns in a forward pass."""
    from torch import Tensor

    seen = _Seen()

    def hook_of(name: str) -> Callable[[nn.Module, Any, Any], Tensor | None]:
        def hook(module: nn.Module, _inputs: Any, output: Any) -> Tensor | None:
            before = seen.layers.pop(name, None)
            runs = before.runs + 1 if before else 1
            shape, signed = _shape_and_sign(output)
            seen.layers[name] = LayerProfile(name, type(module).__name__, shape, signed, runs)
            if not isinstance(output, Tensor) or output.grad_fn is None:
                return None
            # An in-place activation behind the layer may rewrite the graph of what it changes.
            copied = output.clone()
            assert copied.grad_fn is not None
            seen.outputs[name] = copied.grad_fn
            return copied

        return hook

    submodules = [(name, module) for name, module in network.module.named_modules() if name]
    with network.hooks() as handles:
        for name, module in submodules:
            handles.append(module.register_forward_hook(hook_of(name)))
        yield seen


def _shape_and_sign(output: Any) -> tuple[tuple[int, ...], bool]:
    from torch import Tensor

    if not isinstance(output, Tensor):
        return (), True
    signed = not output.is_floating_point() or bool((output < 0).any())
    return tuple(output.shape[1:]), signed


def _bottlenecks(x: Tensor, logits: Tensor, outputs: Mapping[str, Node]) -> set[str]:
    """Names of the layers without whose outputs the logits would not depend on the input `x`.

    Autograd's graph of one forward pass has the answer for all layers: detaching an output cuts the
    graph there, and the logits depend on what can still be reached from them.
    """
    if logits.grad_fn is None:
        return set()
    before = _graph(logits.grad_fn)
    inputs = {node for node in before if getattr(node, "variable", None) is x}
    return {
        name
        for name, output in outputs.items()
        if inputs.isdisjoint(_reached(logits.grad_fn, before, output))
    }


def _graph(last: Node) -> dict[Node, list[Node]]:
    """Each node that `last` depends on, and itself → the nodes directly before it."""
    before: dict[Node, list[Node]] = {}
    waiting = [last]
    while waiting:
        node = waiting.pop()
        if node not in before:
            before[node] = [each for each, _ in node.next_functions if each is not None]
            waiting += before[node]
    return before


def _reached(last: Node, before: Mapping[Node, Sequence[Node]], detached: Node) -> set[Node]:
    """What `last` depends on when the output of one node is detached."""
    reached = {detached}
    waiting = [last]
    while waiting:
        node = waiting.pop()
        if node not in reached:
            reached.add(node)
            waiting += before[node]
    return reached


def suggest(profile: NetworkProfile) -> tuple[str, ...]:
    """Choose up to four display layers where neither the configuration nor the source does.

    Only bottlenecks, if there are any: the last of each of the three lowest resolutions, of a
    quarter of the input's side at most, and one from the middle of the last resolution but one:
    fine textures, two layers of parts, and whole objects, as in the article. At every resolution,
    layers without negative values are preferred.

    Raises
    ------
    AtlasError
        When no layer suits.
    """
    suited = [
        layer
        for layer in profile.layers
        if layer.objection is None and 1 < min(layer.shape[1:]) <= profile.size / 4
    ]
    candidates = [layer for layer in suited if layer.bottleneck] or suited
    if not candidates:
        advice = 'name the layers in "model.layers"'
        raise AtlasError(f"{profile.title}: no layer with output [C, H, W] found; {advice}")
    by_side: dict[int, list[LayerProfile]] = {}
    for layer in candidates:
        by_side.setdefault(min(layer.shape[1:]), []).append(layer)
    last = [_preferred(layers) for layers in list(by_side.values())[-3:]]
    chosen = [names[-1] for names in last]
    if len(last) > 1 and len(last[-2]) > 1:
        chosen.insert(len(chosen) - 2, last[-2][len(last[-2]) // 2 - 1])
    order = [layer.name for layer in profile.layers]
    return tuple(sorted(dict.fromkeys(chosen), key=order.index))


def _preferred(layers: Sequence[LayerProfile]) -> list[str]:
    """Names of the layers without negative values; of all, where all have some.

    What ends a container is the container's output, too, and counts once, by its name.
    """
    kept = [layer.name for layer in layers if not layer.signed]
    names = kept or [layer.name for layer in layers]
    following = [*names[1:], ""]
    return [name for name, after in zip(names, following, strict=True) if not _inside(name, after)]


def _inside(name: str, container: str) -> bool:
    return name.startswith(f"{container}.")


def table(
    profile: NetworkProfile, chosen: Sequence[str], everything: bool = False
) -> Iterator[str]:
    """Yield the lines of a table of layers: those that suit, or all, the chosen ones marked."""
    listed = [layer for layer in profile.layers if everything or layer.objection is None]
    width = max((len(layer.name) for layer in listed), default=5)
    yield f"  {'layer':<{width}}  {'kind':<24}{'C × H × W':<18}{'path':<12}suits"
    for layer in listed:
        mark = "*" if layer.name in chosen else " "
        shape = " × ".join(map(str, layer.shape))
        path = "bottleneck" if layer.bottleneck else "bypassed"
        suits = layer.objection or ("yes, with negative values" if layer.signed else "yes")
        yield f"{mark} {layer.name:<{width}}  {layer.kind:<24}{shape:<18}{path:<12}{suits}"
    yield "bottleneck: everything passes through the layer; bypassed: part of the decision does not"


def check_layers(
    profile: NetworkProfile, layers: Sequence[str], where: str, names: Mapping[str, str]
) -> list[AtlasError]:
    """What is wrong with a choice of display layers.

    Parameters
    ----------
    profile
        The network's.
    layers
        Those chosen. An error names each that is unknown, unsuitable, or chosen twice.
    where
        The configuration file, for messages.
    names
        Layer → what the site calls it; of display layers only.
    """
    errors: list[AtlasError] = []
    for name in layers:
        try:
            profile.layer(name)
        except AtlasError as error:
            errors.append(AtlasError(f'{where}: "model.layers": {error}'))
    if len(set(layers)) != len(layers):
        errors.append(AtlasError(f'{where}: "model.layers" names a layer twice'))
    for name in names:
        if name not in layers:
            hint = did_you_mean(name, layers) or ";"
            message = f"not one of the display layers{hint} they are {', '.join(layers)}"
            errors.append(AtlasError(f'{where}: "model.names.{name}": {message}'))
    return errors


def save(store: Store, profile: NetworkProfile) -> None:
    """Keep a profile in the store."""
    fingerprint = _fingerprint(profile.weights, profile.labels)
    write(store.network_path, KIND, fingerprint, {}, asdict(profile))


def load(store: Store, weights: str | None, labels: str = "") -> NetworkProfile | None:
    """Return the profile that the store holds; None if it holds none.

    Parameters
    ----------
    store
        Where it was saved.
    weights
        The fingerprint of the network; None if any will do.
    labels
        The fingerprint of what the network and its classes are called.
    """
    if weights is not None:
        wanted = _fingerprint(weights, labels)
        if state(store.network_path, KIND, wanted) is not State.CURRENT:
            return None
    try:
        with store.network() as file:
            profile = _profile(file.attributes)
            return profile if file.fingerprint == _fingerprint(profile.weights, labels) else None
    except (AtlasError, KeyError, TypeError):
        return None


def _profile(saved: Mapping[str, Any]) -> NetworkProfile:
    others = dict(saved)
    classes = tuple(others.pop("classes"))
    layers = tuple(
        LayerProfile(**{**each, "shape": tuple(each["shape"])}) for each in others.pop("layers")
    )
    return NetworkProfile(**others, classes=classes, layers=layers)


def _fingerprint(weights: str, labels: str) -> str:
    return fingerprint_of(KIND, VERSION, weights, labels)
