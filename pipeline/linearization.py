"""A network linearized at one photograph: gradients pulled back, and tangents pushed forward, between layers.

The network runs once on a batch of B equal rows, and its graph is kept. Then any number of cotangents `[B, *cube]` at one
layer are pulled back to all earlier layers at once (one backward pass each time), and any number of tangents at one layer
are pushed forward to all later ones (one linear pass each time). A push is the derivative of a pull: the pull `Jᵀu` is
linear in u, so the gradient of `⟨Jᵀu, t⟩` by u is `J t`. It therefore works for every network whose gradients can
themselves be differentiated, and uses the very same (possibly relaxed) linear map as the pull.

Convolutions with frozen weights, concatenations and batch norms in evaluation are linear (or affine), and stand here as
such: torch's own second derivatives would compute gradients of weights and of statistics, and sums of zero-padded slices,
besides.

Symbols: `cube` is a layer's `[C, H, W]`, the photograph's `[3, H, W]`, or the logits `[K]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from pipeline.errors import AtlasError
from pipeline.grammar import INPUT, OUTPUT
from pipeline.network import Network
from pipeline.pooling import relaxed_pooling

aten = torch.ops.aten
T = TypeVar("T")


# ------------------------------------------------------------------------------------------------------- linear functions
class _Convolution(torch.autograd.Function):
    """A convolution with frozen weights: its gradient is its transpose, whose gradient is the convolution again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, *geometry: Any) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = geometry
        stride, padding, dilation, groups = geometry
        return aten.convolution(x, weight, bias, stride, padding, dilation, False, [0, 0], groups)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        return _TransposedConvolution.apply(gradients[0], x, weight, *ctx.geometry), *[None] * 6


class _TransposedConvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor, weight: Tensor, *geometry: Any) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.geometry = geometry
        stride, padding, dilation, groups = geometry
        arguments = (None, stride, padding, dilation, False, [0, 0], groups, [True, False, False])
        return aten.convolution_backward(g, x, weight, *arguments)[0]

    @staticmethod
    def backward(ctx: Any, *tangents: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        stride, padding, dilation, groups = ctx.geometry
        return aten.convolution(tangents[0], weight, None, stride, padding, dilation, False, [0, 0], groups), *[None] * 6


class _Concatenation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, dim: int, *tensors: Tensor) -> Tensor:
        ctx.dim, ctx.sizes = dim, [tensor.shape[dim] for tensor in tensors]
        return torch.cat(tensors, dim)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return None, *_Split.apply(gradients[0], ctx.dim, ctx.sizes)


class _Split(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, g: Tensor, dim: int, sizes: list[int]) -> tuple[Tensor, ...]:
        ctx.dim = dim
        return tuple(piece.contiguous() for piece in torch.split(g, sizes, dim))

    @staticmethod
    def backward(ctx: Any, *tangents: Tensor) -> tuple[Tensor | None, ...]:
        return torch.cat(tangents, ctx.dim), None, None


class _LinearFunctions(TorchFunctionMode):
    """Answers calls of `conv2d`, `cat` and `batch_norm` with the functions above wherever these say the same."""

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        answer = _LINEAR.get(func)
        result = answer(*args, **kwargs) if answer else None
        return func(*args, **kwargs) if result is None else result


def _convolution(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor | None:
    frozen = not weight.requires_grad and (bias is None or not bias.requires_grad)
    if not frozen or isinstance(padding, str) or input.ndim != 4 or not input.requires_grad:
        return None
    pairs = [[value, value] if isinstance(value, int) else list(value) for value in (stride, padding, dilation)]
    return _Convolution.apply(input, weight, bias, *pairs, groups)


def _concatenation(tensors: Sequence[Tensor], dim: int = 0, **others: Any) -> Tensor | None:
    same = all(tensor.ndim == tensors[0].ndim and tensor.dtype == tensors[0].dtype for tensor in tensors)
    return None if others or not same else _Concatenation.apply(dim, *tensors)


def _normalization(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor | None:
    if training or running_mean is None or running_var is None or input.dtype != running_var.dtype:
        return None
    scale = (running_var + eps).rsqrt() * (1 if weight is None else weight)
    shift = (0 if bias is None else bias) - running_mean * scale
    shape = (1, -1, *[1] * (input.ndim - 2))
    return torch.addcmul(shift.reshape(shape), input, scale.reshape(shape))


_LINEAR: dict[Callable, Callable[..., Tensor | None]] = {
    torch.conv2d: _convolution,
    torch.cat: _concatenation,
    F.batch_norm: _normalization,
}


# ------------------------------------------------------------------------------------------------------------ observation
class Observation:
    """What a network does with one photograph: the layers' cubes in the order in which they run, and what a graph costs.

    Parameters
    ----------
    network, x
        The network and the photograph `x[1, 3, H, W]` in 0…1.
    layers
        Names of layers; `INPUT` and `OUTPUT` may be among them and are always observed.

    Attributes
    ----------
    cubes : dict of str to Tensor
        Layer → `[C, H, W]`; `INPUT` → `[3, H, W]`; `OUTPUT` → `[K]`; in running order.
    graph_bytes : int
        Memory that the graph of one row keeps.
    relaxable : int
        How many max-pools of this pass `relaxed_pooling` would change.

    Raises
    ------
    AtlasError
        When a layer does not exist, does not run or runs more than once, returns anything but one `[N, C, H, W]`, or
        holds NaN or infinite numbers.
    """

    def __init__(self, network: Network, x: Tensor, layers: Sequence[str]) -> None:
        self.network, self.x = network, x.detach()
        hidden = [name for name in dict.fromkeys(layers) if name not in (INPUT, OUTPUT)]

        def leaf(name: str, output: Tensor) -> Tensor:
            return output if output.requires_grad else output.detach().requires_grad_()

        weights = {each.data_ptr() for each in (*network.module.parameters(), *network.module.buffers())}
        kept: dict[int, int] = {}

        def count(tensor: Tensor) -> Tensor:
            if tensor.data_ptr() not in weights:
                kept[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with (
            torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor),
            _LinearFunctions(),
            relaxed_pooling() as pools,
            network.capture(hidden, substitute=leaf) as caught,
        ):
            logits = network.logits(self.x)
        self.relaxable = pools.count
        self.graph_bytes = max(sum(kept.values()), 1)
        self._check(hidden, caught)
        self.cubes = {INPUT: self.x[0], **{name: tensor.detach()[0] for name, tensor in caught.items()}, OUTPUT: logits.detach()[0]}
        for name, cube in self.cubes.items():
            if not torch.isfinite(cube).all():
                raise AtlasError(
                    f'layer "{name}" of {network.title} holds NaN or infinite numbers for this photograph; '
                    "check the weights and the preprocessing, or compute in float32"
                )

    def _check(self, hidden: Sequence[str], caught: dict[str, Tensor]) -> None:
        title, listed = self.network.title, '"building-blocks layers CONFIG" lists layers that suit'
        for name in hidden:
            if name not in caught:
                raise AtlasError(f'layer "{name}" of {title} takes no part in a forward pass; {listed}')
            if caught[name].ndim != 4 or len(caught[name]) != len(self.x):
                shape = list(caught[name].shape)
                raise AtlasError(f'layer "{name}" of {title} returns shape {shape}; attribution needs [N, C, H, W]; {listed}')

    def cube(self, layer: str) -> Tensor:
        """A layer's cube; an all-zero one raises an AtlasError, since there is nothing in it to attribute."""
        cube = self.cubes[layer]
        if not cube.any():
            raise AtlasError(
                f'layer "{layer}" of {self.network.title} is zero everywhere for this photograph, so nothing can be attributed to it; '
                "choose another layer or photograph"
            )
        return cube

    def order(self, layer: str) -> int:
        """Place of a layer in running order."""
        return list(self.cubes).index(layer)


# ---------------------------------------------------------------------------------------------------------- linearization
# How far pushing and pulling may differ by rounding; a path of the network that is missing from a push makes more.
AGREEMENT = 1e-2


class Linearization:
    """The graph of B equal rows, kept for pulls and pushes.

    Parameters
    ----------
    observation
        The photograph's pass through the network.
    layers
        The layers between which gradients are wanted.
    batch
        B.
    relax
        Whether max-pools are relaxed (`pipeline.pooling`).
    """

    def __init__(self, observation: Observation, layers: Sequence[str], batch: int, relax: bool = False) -> None:
        self.observation, self.batch, self.relax = observation, batch, relax
        self.nodes = replicated(observation, layers, lambda _, cube: cube.expand(batch, *cube.shape[1:]), batch, relax)
        self._pull_of: tuple[str, dict[str, Tensor], Tensor] | None = None

    def pull(self, target: str, cotangents: Tensor, sources: Sequence[str]) -> dict[str, Tensor]:
        """Pull cotangents at `target` back: `[b, *cube]` with b ≤ B → gradients `[b, *cube]` at each source.

        Raises
        ------
        AtlasError
            When the target does not depend on one of the sources.
        """
        rows = len(cotangents)
        gradients = torch.autograd.grad(
            depending(self.nodes, sources[0], target, self.observation),
            [self.nodes[source] for source in sources],
            self._padded(cotangents),
            retain_graph=True,
            allow_unused=True,
        )
        return {source: self._found(gradient, source, target)[:rows] for source, gradient in zip(sources, gradients, strict=True)}

    def push(self, source: str, tangents: Tensor, targets: Sequence[str]) -> dict[str, Tensor]:
        """Push tangents at `source` forward: `[b, *cube]` with b ≤ B → tangents `[b, *cube]` at each target.

        Raises
        ------
        AtlasError
            When one of the targets does not depend on the source.
        NotDifferentiable
            When the network holds an operation whose gradient cannot be differentiated.
        """
        rows = len(tangents)
        tangents = self._padded(tangents)
        cotangents, pulled = self._pulled(source, targets)
        wanted = [cotangents[target] for target in targets]
        try:
            pushed = torch.autograd.grad(pulled, wanted, tangents, retain_graph=True, allow_unused=True)
        except RuntimeError as error:
            raise _not_differentiable(error) from error
        for target, tangent in zip(targets, pushed, strict=True):
            if tangent is None:
                self.pull(target, torch.zeros_like(self.nodes[target]), [source])  # raises where the target is independent
                raise NotDifferentiable(f'"{target}" depends on "{source}" through an operation that hides its second derivative')
        self._checked(cotangents, dict(zip(targets, pushed, strict=True)), pulled, tangents)
        return {target: tangent.detach()[:rows] for target, tangent in zip(targets, pushed, strict=True)}

    def _pulled(self, source: str, targets: Sequence[str]) -> tuple[dict[str, Tensor], Tensor]:
        """Random cotangents at the targets, and what is pulled from all of them to the source, as a function of them."""
        if self._pull_of is None or self._pull_of[0] != source or set(targets) != set(self._pull_of[1]):
            self._pull_of = None
            nodes = [depending(self.nodes, source, target, self.observation) for target in targets]
            generator = torch.Generator().manual_seed(0)
            cotangents = {
                target: torch.randn(node.shape, generator=generator).to(node).requires_grad_()
                for target, node in zip(targets, nodes, strict=True)
            }
            try:
                (pulled,) = torch.autograd.grad(
                    nodes, [self.nodes[source]], list(cotangents.values()), create_graph=True, allow_unused=True
                )
            except RuntimeError as error:
                raise _not_differentiable(error) from error
            self._pull_of = source, cotangents, self._found(pulled, source, targets[0])
        return self._pull_of[1:]

    @staticmethod
    def _checked(cotangents: Mapping[str, Tensor], pushed: Mapping[str, Tensor], pulled: Tensor, tangents: Tensor) -> None:
        """Compare ⟨u, J t⟩ with ⟨Jᵀu, t⟩: an operation may hide its second derivative without a word."""
        forward = sum((cotangents[target] * tangent).flatten(1).sum(1) for target, tangent in pushed.items())
        backward = (pulled * tangents).flatten(1).sum(1)
        if float((forward - backward).detach().norm()) > AGREEMENT * float(backward.detach().norm()):
            raise NotDifferentiable("what is pushed forward is not the transpose of what is pulled back")

    def _padded(self, rows: Tensor) -> Tensor:
        missing = self.batch - len(rows)
        rows = torch.cat([rows, rows.new_zeros(missing, *rows.shape[1:])]) if missing else rows
        return rows.contiguous(memory_format=torch.channels_last) if rows.ndim == 4 else rows

    def _found(self, tensor: Tensor | None, source: str, target: str) -> Tensor:
        if tensor is None:
            raise _independent(source, target, self.observation)
        return tensor.detach() if not tensor.requires_grad else tensor


class NotDifferentiable(Exception):
    """An operation of the network has a gradient, but none of that gradient; tangents cannot be pushed, only pulled."""


def _not_differentiable(error: RuntimeError) -> Exception:
    return error if is_out_of_memory(error) else NotDifferentiable(str(error))


def depending(nodes: dict[str, Tensor], source: str, target: str, observation: Observation) -> Tensor:
    """The target's node, where it can depend on the source at all; an AtlasError otherwise."""
    node = nodes[target]
    if target == source or node.grad_fn is None:
        raise _independent(source, target, observation)
    return node


def _independent(source: str, target: str, observation: Observation) -> AtlasError:
    order = list(observation.cubes)
    reason = "comes before it" if order.index(target) < order.index(source) else "does not depend on it"
    reason = "is the same layer" if target == source else reason
    return AtlasError(
        f'attribution from layer "{source}" to "{target}" of {observation.network.title} does not exist: the target {reason}; '
        f"in running order: {', '.join(order)}"
    )


def replicated(
    observation: Observation, layers: Sequence[str], rows: Callable[[str, Tensor], Tensor], batch: int, relax: bool
) -> dict[str, Tensor]:
    """Run the network on a batch with the first of `layers` replaced by other rows, keeping the graph from there on.

    What runs before the first layer runs for one row only, where the network allows (no path around the layer that
    insists on equal batch sizes); otherwise for the whole batch.

    Parameters
    ----------
    observation
        The photograph's pass through the network.
    layers
        The layers to catch.
    rows
        `(layer, cube [1, …]) -> [B, …]`: what stands in place of a layer that depends on no earlier one of `layers`.
    batch, relax
        B, and whether max-pools are relaxed.

    Returns
    -------
    dict of str to Tensor
        Layer → its node in the graph, `[B, *cube]`, the output's always among them.
    """
    try:
        return _replicated(observation, layers, rows, 1, batch, relax)
    except RuntimeError as error:
        if is_out_of_memory(error) or INPUT in layers:
            raise
        return _replicated(observation, layers, rows, batch, batch, relax)


def _replicated(
    observation: Observation, layers: Sequence[str], rows: Callable[[str, Tensor], Tensor], front: int, batch: int, relax: bool
) -> dict[str, Tensor]:
    def leaf(name: str, output: Tensor) -> Tensor:
        return output if output.requires_grad else rows(name, output.detach()[:1]).contiguous(memory_format=layout).requires_grad_()

    network, x = observation.network, observation.x
    layout = torch.channels_last
    hidden = [name for name in dict.fromkeys(layers) if name not in (INPUT, OUTPUT)]
    x = leaf(INPUT, x) if INPUT in layers else x.expand(front, *x.shape[1:])
    with ExitStack() as contexts:
        contexts.enter_context(_LinearFunctions())
        contexts.enter_context(relaxed_pooling(relax))
        caught = contexts.enter_context(network.capture(hidden, substitute=leaf))
        logits = network.logits(x)
    if len(logits) != batch:
        raise RuntimeError(f"{len(logits)} rows of logits instead of {batch}")
    return {INPUT: x, **caught, OUTPUT: logits}


# -------------------------------------------------------------------------------------------------- precision and memory
@contextmanager
def full_precision() -> Iterator[None]:
    """Convolve in float32 throughout: cuDNN by default rounds to TF32, whose errors of 1e-3 show in attributions."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


MEMORY = 2 << 30
ROWS = {"cpu": 16, "cuda": 128, "mps": 32}

# A push keeps the graph of the pass, the graph of its gradient and the values in flight.
COPIES = 3


def batch_size(observation: Observation, memory: int | None = None) -> int:
    """How many rows fit into `memory` bytes (default: 2 GiB, or half of what the GPU has left)."""
    device = observation.x.device
    if memory is None:
        memory = torch.cuda.mem_get_info(device)[0] // 2 if device.type == "cuda" else MEMORY
    return max(1, min(memory // (COPIES * observation.graph_bytes), ROWS.get(device.type, 16)))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that memory ran out, on whichever device."""
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "out of memory" in text or "allocate memory" in text


def with_batches(run: Callable[[int], T], batch: int) -> T:
    """Call `run(batch)`, with half the batch each time that memory runs out.

    Raises
    ------
    AtlasError
        When even a single row does not fit.
    """
    while True:
        try:
            return run(batch)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if batch == 1:
                raise AtlasError("memory ran out with a single photograph; choose later layers, or a machine with more memory") from error
        batch //= 2
