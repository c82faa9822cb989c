"""The optimizer: from requests to finished pictures, batch by batch.

A `Request` asks for the picture of one unit under one objective; `render` yields a `Batch` of finished ones as soon as it
has them, so that the caller can store it before the next begins. All randomness of a picture (its start, its views)
comes from its own generator, seeded by seed, layer, unit and attempt: a picture does not depend on its batch-mates, its
place in the batch or the number of workers, beyond floating-point rounding.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.errors import AtlasError
from pipeline.featurevis import objectives as terms
from pipeline.featurevis import transforms
from pipeline.featurevis.folding import fold
from pipeline.featurevis.objectives import Objective, Responses
from pipeline.featurevis.parameterizations import PARAMETERIZATIONS, Parameters
from pipeline.featurevis.recipes import Recipe
from pipeline.featurevis.rectifiers import redirected
from pipeline.grammar import INPUT, OUTPUT
from pipeline.network import Network


@dataclass(frozen=True)
class Request:
    """One picture wanted.

    Parameters
    ----------
    layer
        Layer that the picture belongs to; requests of one layer share batches.
    unit
        Its name within the layer, like "channel:12".
    objective
        What the picture should do.
    """

    layer: str
    unit: str
    objective: Objective


@dataclass(frozen=True)
class Batch:
    """Finished pictures of one layer.

    Parameters
    ----------
    layer, units
        What they are pictures of.
    pictures
        uint8 `[B, S, S, 3]`, or 4 with opacity.
    objective
        f4 `[B]`: the objective reached, penalties included, by the picture as stored, untransformed.
    activation
        f4 `[B]`: the same without penalties: what the picture makes the unit do.
    alive
        bool `[B]`: whether the picture activates its unit at all, and more than the noise it began from.
    seconds
        That the batch took.
    """

    layer: str
    units: list[str]
    pictures: np.ndarray
    objective: np.ndarray
    activation: np.ndarray
    alive: np.ndarray
    seconds: float


def requests_for_channels(layer: str, channels: Iterable[int]) -> list[Request]:
    """Return requests for channels of a layer, units named "channel:12"."""
    return [Request(layer, f"channel:{index}", terms.channel(layer, int(index))) for index in channels]


def generator_of(seed: int, layer: str, unit: str, attempt: int = 0) -> np.random.Generator:
    """Return a picture's own source of randomness."""
    digest = hashlib.sha256(f"{seed}|{layer}|{unit}|{attempt}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))


def respond(network: Network, pictures: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """Run the network on `x[B, 3, S, S]` as far as needed: the responses of layers, of `OUTPUT` too if among them."""
    hidden = [layer for layer in layers if layer != OUTPUT]
    if OUTPUT not in layers:
        return network.run_to(pictures, hidden)
    caught, logits = network.run(pictures, hidden)
    return {**caught, OUTPUT: logits}


def render(
    network: Network,
    requests: Sequence[Request],
    recipe: Recipe,
    *,
    seed: int = 0,
    dtype: str = "auto",
    batch_size: int | None = None,
) -> Iterator[Batch]:
    """Make the pictures asked for.

    Parameters
    ----------
    network
        Any; a folded copy of it is used.
    requests
        In any order, of any layers; batches do not mix layers.
    recipe
        How.
    seed
        Of the atlas.
    dtype
        "float32", "bfloat16" (autocast), or "auto": bfloat16 where the processor has it.
    batch_size
        Pictures at a time; by default from the memory there is.

    Yields
    ------
    Batch
        As soon as it is finished. Pictures that leave their unit inactive are begun anew and come in later batches.

    Raises
    ------
    AtlasError
        For an unknown layer, a unit that a layer does not have, or when one picture alone exceeds the memory.
    """
    by_layer: dict[str, list[Request]] = defaultdict(list)
    for request in requests:
        by_layer[request.layer].append(request)
    wanted = list(dict.fromkeys(layer for request in requests for layer in request.objective.layers if layer != OUTPUT))
    folded = fold(network, wanted)
    for layer, members in by_layer.items():
        studio = _Studio(folded, recipe, seed, autocast_type(network.device, dtype))
        size = batch_size or batch_size_for(folded, members[0].objective.layers, recipe)
        yield from _render_layer(studio, layer, members, size)


def autocast_type(device: torch.device, dtype: str) -> torch.dtype | None:
    """Return the type to compute in besides float32, or None: bfloat16 where asked for or, with "auto", native."""
    if dtype == "float32" or device.type == "mps":
        return None
    native = torch.cuda.is_bf16_supported() if device.type == "cuda" else _processor_has_bfloat16()
    return torch.bfloat16 if native or dtype == "bfloat16" else None


def _processor_has_bfloat16() -> bool:
    # Without these instructions oneDNN emulates bfloat16, which is slower than float32.
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def batch_size_for(network: Network, layers: Sequence[str], recipe: Recipe) -> int:
    """Return how many pictures fit comfortably into memory at a time: at most 16 on a CPU, 256 on a GPU."""
    held = 0

    def measure(_module: torch.nn.Module, _inputs: object, output: object) -> None:
        nonlocal held
        held += output.numel() * output.element_size() if isinstance(output, Tensor) else 0

    leaves = [module for module in network.module.modules() if not any(module.children())]
    handles = [module.register_forward_hook(measure) for module in leaves]
    try:
        with torch.no_grad():
            respond(network, torch.full((1, 3, recipe.size, recipe.size), 0.5, device=network.device), layers)
    finally:
        for handle in handles:
            handle.remove()
    most = 256 if network.device.type == "cuda" else 16
    # Each output is held for the backward pass, beside its gradient and copies in convolutions.
    return int(min(max(_free_memory(network.device) // 2 // max(4 * held, 1), 1), most))


def _free_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return 2 << 30  # of a CPU's memory: leaves room for the rest of the build on a small machine


def _render_layer(studio: _Studio, layer: str, requests: Sequence[Request], batch_size: int) -> Iterator[Batch]:
    queue = [(request, 0) for request in requests]
    while queue:
        members, queue = queue[:batch_size], queue[batch_size:]
        began = time.perf_counter()
        try:
            finished = studio.make([request for request, _ in members], [attempt for _, attempt in members])
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            if len(members) == 1:
                raise AtlasError(
                    f'layer "{layer}": one picture of {studio.recipe.size} px exceeds the memory of {studio.network.device}; '
                    "choose a smaller [features] size"
                ) from error
            batch_size, queue = max(len(members) // 2, 1), members + queue
            continue
        again = [not alive and attempt + 1 < studio.recipe.attempts for alive, (_, attempt) in zip(finished.alive, members, strict=True)]
        queue += [(request, attempt + 1) for (request, attempt), redo in zip(members, again, strict=True) if redo]
        keep = np.flatnonzero(~np.array(again))
        if len(keep):
            yield Batch(
                layer,
                [members[index][0].unit for index in keep],
                finished.pictures[keep],
                finished.objective[keep],
                finished.activation[keep],
                finished.alive[keep],
                time.perf_counter() - began,
            )


def _is_out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or any(
        words in str(error) for words in ("out of memory", "can't allocate memory", "not enough memory")
    )


@dataclass(frozen=True)
class _Finished:
    pictures: np.ndarray
    objective: np.ndarray
    activation: np.ndarray
    alive: np.ndarray


@dataclass
class Descent:
    """Adam (Kingma & Ba 2015) on the negative objective, whose state can be cut along with the batch.

    Parameters
    ----------
    parameters
        Updated in place.
    momentum, memory
        β₁ and β₂.
    """

    parameters: Parameters
    momentum: float = 0.9
    memory: float = 0.999
    count: int = 0

    def __post_init__(self) -> None:
        for value in self.parameters.values():
            value.requires_grad_(True)
        self.means = {name: torch.zeros_like(value) for name, value in self.parameters.items()}
        self.squares = {name: torch.zeros_like(value) for name, value in self.parameters.items()}

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Go one step down the gradients that `backward` left, and clear them."""
        self.count += 1
        corrected = rate / (1 - self.momentum**self.count)
        root = math.sqrt(1 - self.memory**self.count)
        for name, value in self.parameters.items():
            gradient = value.grad
            if gradient is None:
                continue
            self.means[name].lerp_(gradient, 1 - self.momentum)
            self.squares[name].mul_(self.memory).addcmul_(gradient, gradient, value=1 - self.memory)
            value.addcdiv_(self.means[name], (self.squares[name].sqrt() / root).add_(1e-8), value=-corrected)
            value.grad = None


@dataclass(frozen=True)
class _Studio:
    """Where one layer's pictures are made."""

    network: Network
    recipe: Recipe
    seed: int
    autocast: torch.dtype | None

    def make(self, requests: Sequence[Request], attempts: Sequence[int]) -> _Finished:
        """Make the pictures of a batch, all together."""
        recipe, device = self.recipe, self.network.device
        generators = [generator_of(self.seed, each.layer, each.unit, attempt) for each, attempt in zip(requests, attempts, strict=True)]
        param = PARAMETERIZATIONS[recipe.parameterization]
        parameters = {name: value.to(device) for name, value in param.start(generators, recipe.size).items()}
        draws = transforms.draw(generators, recipe.steps, jitter=recipe.jitter, scales=recipe.scales, degrees=recipe.degrees).to(device)
        objectives = [self.penalized(request.objective) for request in requests]
        # A second attempt redirects for longer: the first one's steps did not bring its unit to life.
        patient = max(attempts) + 1
        with _denormals_flushed():
            start = self.pictures(parameters)
            descent = Descent(parameters)
            for step in range(recipe.steps):
                self.step(descent, objectives, draws[:, step], step < recipe.redirected * patient, step)
            return self.finish(requests, objectives, start, self.pictures(parameters))

    def penalized(self, objective: Objective) -> Objective:
        """Subtract the recipe's penalties."""
        recipe = self.recipe
        for weight, penalty in ((recipe.blur, terms.blur()), (recipe.total_variation, terms.total_variation()), (recipe.l1, terms.l1())):
            objective = objective - weight * penalty if weight else objective
        return objective

    def step(self, descent: Descent, objectives: Sequence[Objective], draws: Tensor, redirect: bool, step: int) -> None:
        """Show the pictures to the network through this step's views, and move them uphill."""
        recipe = self.recipe
        size, view = self.canvas(step)
        pictures = PARAMETERIZATIONS[recipe.parameterization].pictures(descent.parameters, size)
        affine = transforms.maps(draws, recipe.size, round(recipe.size * view / size))
        views = transforms.resample(pictures, affine, view)
        seen = views.detach().contiguous(memory_format=torch.channels_last)
        gradient = self.gradient(objectives, seen)
        silent = (gradient == 0).flatten(1).all(1).nonzero().flatten() if redirect else []
        if len(silent):
            with redirected():
                gradient[silent] = self.gradient([objectives[index] for index in silent], seen[silent])
        penalties = terms.evaluate([each.on_pictures for each in objectives], {INPUT: pictures})
        if penalties.requires_grad:
            torch.autograd.backward([views, penalties], [gradient, -torch.ones_like(penalties)])
        else:
            views.backward(gradient)
        descent.step(self.rate(step))

    def gradient(self, objectives: Sequence[Objective], views: Tensor) -> Tensor:
        """Return how the negative objective grows with each pixel of what the network sees, `[B, 3, V, V]`."""
        views = views.requires_grad_(True)
        layers = list(dict.fromkeys(layer for objective in objectives for layer in objective.layers))
        with torch.autocast(self.network.device.type, self.autocast or torch.bfloat16, enabled=self.autocast is not None):
            responses = respond(self.network, views, layers)
        score = terms.evaluate([each.on_network for each in objectives], responses)
        return torch.autograd.grad(-score.sum(), views)[0]

    def canvas(self, step: int) -> tuple[int, int]:
        """Return the side of the canvas and of the view at a step."""
        recipe = self.recipe
        share = recipe.coarse[1] if recipe.coarse and step < recipe.coarse[0] * recipe.steps else 1.0
        size = round(recipe.size * share)
        return size, round(size * recipe.view)

    def rate(self, step: int) -> float:
        """Return the learning rate at a step."""
        recipe = self.recipe
        return recipe.learning_rate * (0.5 + 0.5 * math.cos(math.pi * step / recipe.steps) if recipe.decay else 1.0)

    @torch.no_grad()
    def pictures(self, parameters: Parameters) -> Tensor:
        """Return the pictures as they will be stored: uint8 `[B, 3 or 4, S, S]`."""
        x = PARAMETERIZATIONS[self.recipe.parameterization].pictures(parameters, self.recipe.size)
        return (x * 255).round().clamp(0, 255).to(torch.uint8)

    @torch.no_grad()
    def finish(self, requests: Sequence[Request], objectives: Sequence[Objective], start: Tensor, end: Tensor) -> _Finished:
        """Measure what the stored pictures do to the network, untransformed and in float32."""
        layers = list(dict.fromkeys(layer for objective in objectives for layer in objective.layers))

        def measure(pictures: Tensor) -> tuple[Tensor, Tensor]:
            x = pictures.float() / 255
            responses: Responses = {**respond(self.network, x, layers), INPUT: x}
            return terms.evaluate(objectives, responses), terms.evaluate([each.objective.main for each in requests], responses)

        (_, before), (objective, activation) = measure(start), measure(end)
        alive = (activation > 0) & (activation > before)
        return _Finished(
            end.permute(0, 2, 3, 1).cpu().numpy(), objective.cpu().numpy(), activation.cpu().numpy(), alive.cpu().numpy().astype(bool)
        )


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    # Vanishing gradients otherwise become denormal numbers, which processors compute a hundred times slower.
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
