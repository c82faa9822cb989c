"""A probe: a network runs twice, and every call of every submodule is noted.

The first pass, on several pictures, shows layouts, signs and dead channels (`Network.recognised`);
the second keeps the graph, which shows what everything passes through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pipeline.errors import AtlasError
from pipeline.memory import is_out_of_memory
from pipeline.probe.graph import bottlenecks
from pipeline.probe.profile import LayerProfile, NetworkProfile

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.autograd.graph import Node

    from pipeline.network import Network, Recognised

_Call = tuple[str, int]


def probe(network: Network, weights: str, labels: str = "") -> NetworkProfile:
    """Run the network and note what every submodule returns.

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
        than class names; when memory runs out.
    """
    try:
        return _probed(network, weights, labels)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        failed = f"memory ran out when it was examined on {network.device}"
        advice = "use a machine with more memory, or another --device"
        raise AtlasError(f"{network.title}: {failed}; {advice}") from error


def _probed(network: Network, weights: str, labels: str) -> NetworkProfile:
    import torch

    size = network.preprocessing.size
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(1, 3, size, size, generator=generator).to(network.device).requires_grad_()
    try:
        with _watching(network) as seen, torch.enable_grad():
            logits = network.logits(noise)
    except (RuntimeError, ValueError, TypeError, AssertionError, IndexError) as error:
        if is_out_of_memory(error):
            raise
        failed = f"does not run on {_sides(network)} pixels ({error})"
        advice = 'set "model.size" to the side of its input'
        raise AtlasError(f"{network.title}: {failed}; {advice}") from error
    _check_logits(network, logits)
    _check_gradient(network, logits, noise)
    _note_influence(logits, noise, seen)
    through = bottlenecks(noise, logits, {**seen.cubes, **seen.wholes})
    layers = tuple(_profiles(seen, through))
    _refuse_one_piece(network, {name for name, _ in seen.layers})
    parameters = sum(parameter.numel() for parameter in network.module.parameters())
    classes = tuple(network.classes)
    facts = (network.ending, network.has_one_output, network.loose_activations)
    return NetworkProfile(
        *(weights, network.title, classes, size, parameters, layers, labels),
        *(*facts, network.probabilities or ""),
    )


def _sides(network: Network) -> str:
    height, width = network.preprocessing.native
    return f"{height} × {width}"


def _check_logits(network: Network, logits: Tensor) -> None:
    outputs = int(logits.shape[1])
    if outputs != len(network.classes):
        counts = f"{outputs} outputs but {len(network.classes)} class names"
        advice = 'name a file with one a line in "model.classes"'
        raise AtlasError(f"{network.title}: {counts}; {advice}")


def _check_gradient(network: Network, logits: Tensor, x: Tensor) -> None:
    """Refuse a network of which no share can be computed."""
    import torch

    if logits.grad_fn is not None:
        total = logits.sum()
        try:
            (found,) = torch.autograd.grad(total, x, retain_graph=True, allow_unused=True)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            found = None
        if found is not None:
            return
    reason = "no gradient leads from its logits to the photograph"
    advice = "it may be quantized, or run under torch.no_grad; give the network that was trained"
    raise AtlasError(f"{network.title}: {reason}; {advice}")


def _refuse_one_piece(network: Network, ran: set[str]) -> None:
    """Refuse a network none of whose modules has been seen.

    Raises
    ------
    AtlasError
        With the reason.
    """
    from pipeline.network import is_scripted

    if is_scripted(network.module):
        reason = "is a scripted module, which runs as one piece: its layers cannot be watched"
        advice = "give the module that was scripted, with the same weights"
        raise AtlasError(f"{network.title}: {reason}; {advice}")
    holding = {
        name: module
        for name, module in network.module.named_modules()
        if name and any(True for _ in module.parameters(recurse=False))
    }
    if ran.intersection(holding) or not holding:
        return
    if all(is_scripted(module) for module in holding.values()):
        reason = "its weights are in scripted modules, which run as one piece each"
        advice = "give the modules that were scripted, with the same weights"
        raise AtlasError(f"{network.title}: {reason}; {advice}")
    reason = "none of its modules runs when it runs, as in an exported program"
    advice = "give the module that was exported, with the same weights"
    raise AtlasError(f"{network.title}: {reason}; {advice}")


# --------------------------------------------------------------------------------------- watching
@dataclass
class _Seen:
    """Of every call, in the order in which they ended: what it returned, and its nodes.

    The nodes are those of autograd's graph: `(call, "cube")` of what stands for positions,
    `(call, "whole")` of the whole output. An output that does not depend on the input has none.
    """

    layers: dict[_Call, LayerProfile] = field(default_factory=dict)
    cubes: dict[tuple[_Call, str], Node] = field(default_factory=dict)
    wholes: dict[tuple[_Call, str], Node] = field(default_factory=dict)
    counts: set[_Call] = field(default_factory=set)
    runs: Counter[str] = field(default_factory=Counter)


@contextmanager
def _watching(network: Network) -> Iterator[_Seen]:
    """Note what every submodule returns in a forward pass."""
    from pipeline.network import watchable

    seen, recognised = _Seen(), network.recognised()
    watcher = _Watcher(seen, recognised, network.preprocessing.native)
    with network.hooks() as handles:
        for name, module in watchable(network.module):
            handles.append(module.register_forward_hook(watcher.hook(name)))
        yield seen


@dataclass
class _Watcher:
    """Hooks that note outputs; `returned`: the tensors handed on, with the call that made them."""

    seen: _Seen
    recognised: dict[_Call, Recognised]
    canvas: tuple[int, int]
    returned: dict[int, tuple[_Call, Tensor, int]] = field(default_factory=dict)

    def hook(self, name: str) -> Any:
        def hook(module: nn.Module, _inputs: Any, output: Any) -> Any:
            self.seen.runs[name] += 1
            return self._note((name, self.seen.runs[name]), type(module).__name__, output)

        return hook

    def _note(self, call: _Call, kind: str, output: Any) -> Any:
        from torch import Tensor

        from pipeline.network import NOTHING, Layout

        known = self.recognised.get(call, NOTHING)
        layout = known.layout
        if not isinstance(output, Tensor) or (layout and not layout.suits(output, self.canvas)):
            layout = None
        if known is NOTHING and isinstance(output, Tensor) and output.ndim == 4:
            layout = Layout() if len(output) == 1 else None
        self.seen.layers[call] = self._profile(call, kind, output, known, layout)
        if not isinstance(output, Tensor) or output.grad_fn is None:
            return None
        # Copies, because an in-place activation behind the layer may rewrite the graph.
        copied = output.clone()
        assert copied.grad_fn is not None
        self.seen.wholes[call, "whole"] = copied.grad_fn
        cube = copied
        if layout is not None and layout != Layout():
            cube = layout.cube(copied, self.canvas).clone()
            copied = layout.restore(cube, copied)
        self._watch_cube(call, cube)
        self.returned[id(copied)] = (call, copied, copied._version)
        return copied

    def _origin(self, output: Any) -> _Call | None:
        """The call that returned this very tensor, if nothing has changed it in place since."""
        call, tensor, version = self.returned.get(id(output), (None, None, 0))
        return call if tensor is not None and tensor._version == version else None

    def _watch_cube(self, call: _Call, cube: Tensor) -> None:
        def note(gradient: Tensor | None) -> None:
            if gradient is not None and bool((gradient != 0).any()):
                self.seen.counts.add(call)

        assert cube.grad_fn is not None
        self.seen.cubes[call, "cube"] = cube.grad_fn
        cube.register_hook(note)

    def _profile(
        self, call: _Call, kind: str, output: Any, known: Recognised, layout: Any
    ) -> LayerProfile:
        from torch import Tensor

        signed, shape = known.signed, tuple[int, ...]()
        if isinstance(output, Tensor):
            shape = tuple(output.shape[1:])
            if known.layout is None:
                signed = not output.is_floating_point() or bool((output < 0).any())
            if layout is not None:
                shape = tuple(layout.cube(output, self.canvas).shape[1:])
        origin = self._origin(output)
        same = self.seen.layers[origin] if origin else None
        return LayerProfile(
            name=call[0],
            kind=f"{kind}, then ReLU" if known.rectified else kind,
            rectified=known.rectified,
            shape=shape,
            signed=signed,
            runs=1,
            layout=str(layout) if layout is not None else "",
            confirmed=known.confirmed,
            dead=round(known.dead, 4),
            made_by=(same.made_by or same.kind) if same else "",
            same_as=f"{origin[0]}#{origin[1]}" if origin else "",
        )


def _note_influence(logits: Tensor, x: Tensor, seen: _Seen) -> None:
    """Send one gradient through the graph, which notes the cubes that the logits depend on."""
    import torch

    if logits.grad_fn is not None:
        generator = torch.Generator().manual_seed(0)
        weights = torch.randn(logits.shape, generator=generator).to(logits)
        torch.autograd.grad((logits * weights).sum(), x, retain_graph=True, allow_unused=True)
    if not seen.counts:  # a network without gradients, or whose last weights are zero
        seen.counts.update(seen.layers)


def _profiles(seen: _Seen, through: set[tuple[_Call, str]]) -> Iterator[LayerProfile]:
    from pipeline.network import call_name

    def name_of(call: _Call) -> str:
        return call_name(*call, seen.runs[call[0]])

    for call, layer in seen.layers.items():
        origin = layer.same_as.rpartition("#")
        yield replace(
            layer,
            name=name_of(call),
            runs=seen.runs[call[0]],
            bottleneck=(call, "cube") in through,
            whole=(call, "whole") in through,
            counts=call in seen.counts,
            same_as=name_of((origin[0], int(origin[2]))) if origin[0] else "",
        )
