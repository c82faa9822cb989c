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
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from pipeline.errors import AtlasError
from pipeline.featurevis import objectives as terms
from pipeline.featurevis import transforms
from pipeline.featurevis.folding import folded
from pipeline.featurevis.objectives import Objective
from pipeline.featurevis.parameterizations import PARAMETERIZATIONS, Parameterization, Parameters, backdrops
from pipeline.featurevis.receptive import receptive_field
from pipeline.featurevis.recipes import Recipe, Stage
from pipeline.featurevis.rectifiers import redirected
from pipeline.grammar import INPUT, OUTPUT
from pipeline.network import Network
from pipeline.sprites import ICON


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
    family
        Pictures of one family are pushed apart by recipes with diversity; `render` fills it in.
    """

    layer: str
    unit: str
    objective: Objective
    family: str = ""


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
        f4 `[B]`: the objective reached, the recipe's penalties taken off, by the picture as stored, untransformed.
    activation
        f4 `[B]`: the same without any penalty: what the picture makes the unit do. Transparency is shown on mid-grey.
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


def gradient(
    network: Network, objectives: Sequence[Objective], views: Tensor, autocast: torch.dtype | None = None
) -> tuple[Tensor, Tensor]:
    """Ask the network what would please it.

    Parameters
    ----------
    network
        Any.
    objectives
        One per view; only their terms on the network count.
    views
        `[B, 3, V, V]` in 0…1.
    autocast
        Type to compute in besides float32.

    Returns
    -------
    gradient, score
        How the negative objective grows with each pixel, `[B, 3, V, V]`, and the objectives' values, `[B]`.
    """
    views = views.requires_grad_(True)
    with torch.autocast(network.device.type, autocast or torch.bfloat16, enabled=autocast is not None):
        responses = respond(network, views, terms.layers_of(objectives))
    score = terms.evaluate([each.on_network for each in objectives], responses)
    return torch.autograd.grad(-score.sum(), views)[0], score.detach()


def render(
    network: Network,
    requests: Sequence[Request],
    recipe: Recipe,
    *,
    seed: int = 0,
    dtype: str = "auto",
    batch_size: int | None = None,
    magnitude: np.ndarray | None = None,
) -> Iterator[Batch]:
    """Make the pictures asked for.

    Parameters
    ----------
    network
        Any; a folded copy of it is used.
    requests
        In any order, of any layers; batches mix neither layers nor objectives that look at others.
    recipe
        How. With several variants, a unit's second picture is called "channel:12~1", and so on.
    seed
        Of the atlas.
    dtype
        "float32", "bfloat16" (autocast), or "auto": bfloat16 where the processor has it.
    batch_size
        Pictures at a time; by default from the memory there is.
    magnitude
        Natural spectrum for the recipe `maco`, from `pipeline.featurevis.spectrum`; the bundled photographs' by default.

    Yields
    ------
    Batch
        As soon as it is finished. Pictures that leave their unit inactive are begun anew and come in later batches.

    Raises
    ------
    AtlasError
        For an unknown layer, a unit that a layer does not have, or when one picture alone exceeds the memory.
    """
    alike: dict[tuple[str, tuple[str, ...], bool], list[Request]] = defaultdict(list)
    for request in requests:
        alike[request.layer, request.objective.on_network.layers, request.objective.placed].append(request)
    wanted = tuple(layer for layer in terms.layers_of(request.objective for request in requests) if layer != OUTPUT)
    studio = _Studio(folded(network, wanted), recipe, seed, autocast_type(network.device, dtype), magnitude)
    for (layer, *_), members in alike.items():
        objectives = [request.objective for request in members]
        suited = studio.suited(objectives)
        yield from _render_layer(suited, layer, members, batch_size or suited.batch_size(objectives))


def autocast_type(device: torch.device, dtype: str) -> torch.dtype | None:
    """Return the type to compute in besides float32, or None: bfloat16 where asked for or, with "auto", native."""
    if dtype == "float32" or device.type == "mps":
        return None
    native = torch.cuda.is_bf16_supported() if device.type == "cuda" else _processor_has_bfloat16()
    return torch.bfloat16 if native or dtype == "bfloat16" else None


def _processor_has_bfloat16() -> bool:
    # Without these instructions oneDNN emulates bfloat16, which is slower than float32.
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _families(requests: Sequence[Request], recipe: Recipe) -> list[list[Request]]:
    """Return each request's variants: pictures that are made together, because each is pushed away from the others."""
    if recipe.variants == 1:
        return [[request] for request in requests]
    return [
        [replace(each, unit=each.unit + (f"~{variant}" if variant else ""), family=each.unit) for variant in range(recipe.variants)]
        for each in requests
    ]


def _render_layer(studio: _Studio, layer: str, requests: Sequence[Request], batch_size: int) -> Iterator[Batch]:
    recipe = studio.recipe
    queue = [(family, 0) for family in _families(requests, recipe)]
    while queue:
        # As even as can be: a last batch of one or two would take nearly as long as a full one.
        batches = math.ceil(len(queue) / max(batch_size // recipe.variants, 1))
        count = math.ceil(len(queue) / batches)
        taken, queue = queue[:count], queue[count:]
        began = time.perf_counter()
        members = [request for family, _ in taken for request in family]
        try:
            finished = studio.make(members, [attempt for family, attempt in taken for _ in family])
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
            if len(taken) == 1:
                raise AtlasError(
                    f'layer "{layer}": {len(members)} pictures of {recipe.size} px exceed the memory of {studio.network.device}; '
                    "choose a smaller [features] size"
                ) from error
            batch_size, queue = len(members) // 2, taken + queue
            continue
        alive = [bool(each.all()) for each in finished.alive.reshape(len(taken), -1)]
        again = [not fine and attempt + 1 < recipe.attempts for fine, (_, attempt) in zip(alive, taken, strict=True)]
        queue += [(family, attempt + 1) for redo, (family, attempt) in zip(again, taken, strict=True) if redo]
        kept = np.flatnonzero(~np.repeat(again, recipe.variants))
        if len(kept):
            units = [members[index].unit for index in kept]
            yield Batch(
                layer,
                units,
                finished.pictures[kept],
                finished.objective[kept],
                finished.activation[kept],
                finished.alive[kept],
                time.perf_counter() - began,
            )


def _is_out_of_memory(error: RuntimeError) -> bool:
    # A CPU's allocator raises a plain RuntimeError.
    return isinstance(error, torch.OutOfMemoryError) or any(
        words in str(error) for words in ("out of memory", "can't allocate memory", "not enough memory")
    )


@dataclass
class Descent:
    """Adam (Kingma & Ba 2015) on the negative objective, with second moments that the parameters of a picture largely share.

    Adam gives every parameter steps of the same size, those too whose gradient is only noise, and the finest frequencies
    are most of a picture's parameters: its pictures are grainy until the learning rate or many steps wear the grain off.
    Dividing by the second moment `(1 - s) g² + s mean(g²)` instead moves a parameter the more the more its gradient stands out, which
    gives cleaner pictures in fewer steps; s = 0 is Adam, s = 1 gradient descent scaled to unit length per picture.

    Where a unit comes to its limit (ReLU6, say), only noise is left of its gradient, which Adam would blow up to full steps. So
    the divisor forgets slowly, `v̂ₜ = max(p v̂ₜ₋₁, vₜ)`: p = 0 is Adam, p = 1 AMSGrad (Reddi et al. 2018).

    Parameters
    ----------
    parameters
        Each `[B, ...]`; updated in place.
    sharing
        The part s of a second moment that all entries of a picture's parameter share.
    momentum, memory
        Adam's β₁ and β₂.
    peak
        The part p of its largest value so far that the divisor keeps in each step.
    """

    parameters: Parameters
    sharing: float = 0.0
    momentum: float = 0.9
    memory: float = 0.999
    peak: float = 0.0

    def __post_init__(self) -> None:
        def zeros() -> Parameters:
            return {name: torch.zeros_like(value, requires_grad=False) for name, value in self.parameters.items()}

        for value in self.parameters.values():
            value.requires_grad_(True)
        self.means, self.squares, self.peaks, self.sums = zeros(), zeros(), zeros(), zeros()
        # Pictures that have waited for others have taken fewer steps.
        self.steps = {name: torch.zeros(len(value), device=value.device) for name, value in self.parameters.items()}
        self.averaged = {name: torch.zeros(len(value), device=value.device) for name, value in self.parameters.items()}

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Go one step down the gradients that `backward` left, and clear them."""
        for name, value in self.parameters.items():
            steps = self.steps[name].add_(1)
            gradient = value.grad
            if gradient is None:
                continue
            mean = self.means[name].lerp_(gradient, 1 - self.momentum) if self.momentum else gradient
            power = gradient * gradient
            if self.sharing:
                power.lerp_(_beside(power.flatten(1).mean(1), power).expand_as(power), self.sharing)
            self.squares[name].lerp_(power, 1 - self.memory)
            divisor = self.squares[name] / _beside(1 - self.memory**steps, value)
            if self.peak:
                divisor = self.peaks[name] = torch.maximum(self.peaks[name].mul_(self.peak), divisor)
            divisor = divisor.sqrt().add_(_EPSILON)
            if self.momentum:
                divisor *= _beside(1 - self.momentum**steps, value)
            value.addcdiv_(mean, divisor, value=-rate)
            value.grad = None

    def average(self) -> None:
        """Make the parameters of this moment part of the mean that `result` returns."""
        for name, value in self.parameters.items():
            self.averaged[name] += 1
            self.sums[name] += value.detach()

    def result(self) -> Parameters:
        """Return what the descent of each picture came to: the mean of its averaged moments, or where it is if there are none."""
        means = {name: value / _beside(self.averaged[name].clamp(min=1), value) for name, value in self.sums.items()}
        return {
            name: torch.where(_beside(self.averaged[name] > 0, value), means[name], value.detach())
            for name, value in self.parameters.items()
        }

    def part(self, rows: Tensor) -> Descent:
        """Return the descent of some of the pictures."""
        return self._combined([self], lambda states: states[0][rows])

    def joined(self, others: Sequence[Descent]) -> Descent:
        """Return the descent of these pictures and those of others, begun with the same settings."""
        return self._combined([self, *others], torch.cat)

    def _combined(self, descents: Sequence[Descent], combine: Callable[[list[Tensor]], Tensor]) -> Descent:
        """Return a descent with these settings, each of whose states is combined from those of the descents."""
        made = replace(self, parameters={name: combine([each.parameters[name].detach() for each in descents]) for name in self.parameters})
        for state in ("means", "squares", "peaks", "sums", "steps", "averaged"):
            setattr(made, state, {name: combine([getattr(each, state)[name] for each in descents]) for name in self.parameters})
        return made


def _beside(values: Tensor, picture: Tensor) -> Tensor:
    """One value per picture `[B]`, shaped to go with `[B, ...]`."""
    return values.reshape(-1, *[1] * (picture.ndim - 1))


# Objectives of one network reach hundreds, those of another hardly one: far below any gradient that is not zero.
_EPSILON = 1e-16


@dataclass(frozen=True)
class _Finished:
    pictures: np.ndarray
    objective: np.ndarray
    activation: np.ndarray
    alive: np.ndarray


@dataclass
class _Canvases:
    """Pictures of a batch that are worked on together.

    `rows` are their places in the batch; pictures of one number in `families` go on together; `silent` counts for each the latest steps
    without any gradient, not even a redirected one; `history` are the scores of the stage they are in.
    """

    rows: Tensor
    families: Tensor
    objectives: list[Objective]
    generators: list[np.random.Generator]
    draws: Tensor
    descent: Descent
    silent: Tensor
    history: list[Tensor]

    def part(self, chosen: Tensor) -> _Canvases:
        """Return those of these indices, in that order."""
        indices = chosen.tolist()
        return _Canvases(
            self.rows[chosen],
            self.families[chosen],
            [self.objectives[index] for index in indices],
            [self.generators[index] for index in indices],
            self.draws[chosen],
            self.descent.part(chosen),
            self.silent[chosen],
            [scores[chosen] for scores in self.history],
        )

    def joined(self, others: Sequence[_Canvases]) -> _Canvases:
        """Return these and others at the beginning of a stage, in the order of the batch."""
        parts = [self, *others]
        rows = torch.cat([each.rows for each in parts])
        together = _Canvases(
            rows,
            torch.cat([each.families for each in parts]),
            [objective for each in parts for objective in each.objectives],
            [generator for each in parts for generator in each.generators],
            torch.cat([each.draws for each in parts]),
            self.descent.joined([each.descent for each in others]),
            torch.cat([each.silent for each in parts]),
            [],
        )
        return together.part(rows.argsort())


@dataclass(frozen=True)
class _Studio:
    """Where pictures are made: a folded network, a recipe, and what else they depend on."""

    network: Network
    recipe: Recipe
    seed: int
    autocast: torch.dtype | None
    magnitude: np.ndarray | None = None

    @property
    def parameterization(self) -> Parameterization:
        return PARAMETERIZATIONS[self.recipe.parameterization]

    @torch.no_grad()
    def try_out(self, objectives: Sequence[Objective], side: int) -> None:
        """Show the network a blank picture of a side; raise what it says of it, or an AtlasError where an objective asks in vain."""
        blank = torch.full((1, 3, side, side), 0.5, device=self.network.device)
        shapes = {layer: tuple(response.shape[1:]) for layer, response in respond(self.network, blank, terms.layers_of(objectives)).items()}
        for objective in objectives:
            objective.check(shapes)

    def suited(self, objectives: Sequence[Objective]) -> _Studio:
        """Return a studio for objectives that look at the same layers: with the canvas and the views that suit them.

        Units that see little get a small canvas. And pictures are shown only at sides that the network takes and where it has what the
        objectives ask for: one of 64 px, say, vanishes in a network with many strides; stages at such sides show it at its own instead.
        """
        recipe = self.recipe
        if not any(each.placed for each in objectives):
            recipe = replace(recipe, size=self.canvas(terms.layers_of(objectives)))

        def fits(side: int) -> bool:
            try:
                self.try_out(objectives, side)
            except (RuntimeError, ValueError, AssertionError, AtlasError):  # whatever a network says of a picture too small for it
                return False
            return True

        fitting = {side for side in {recipe.side_of(stage) for stage in recipe.stages} if side == recipe.size or fits(side)}
        stages = tuple(stage if recipe.side_of(stage) in fitting else replace(stage, view=1.0, rate=1.0) for stage in recipe.stages)
        return replace(self, recipe=replace(recipe, stages=stages))

    def canvas(self, layers: Sequence[str]) -> int:
        """Return the side of the pictures of units that look at these layers: the recipe's, or a smaller one where no more can be seen."""
        whole = self.recipe.size
        if OUTPUT in layers or not layers or whole <= _LEAST_CANVAS:
            return whole
        seen = max(receptive_field(self.network, layer, whole) for layer in layers)
        return min(max(math.ceil(_FIELDS * seen / 16) * 16, _LEAST_CANVAS), whole)

    def make(self, requests: Sequence[Request], attempts: Sequence[int]) -> _Finished:
        """Make the pictures of a batch, all together."""
        recipe, device = self.recipe, self.network.device
        with denormals_flushed():
            canvases = self.stretch(requests, attempts)
            start = self.pictures(canvases.descent.parameters)
            end = start.clone()
            for stage, steps in recipe.schedule():
                canvases, given_up = self.go_through(stage, steps, canvases)
                for each in given_up:
                    end[each.rows] = self.pictures(each.descent.result())
            if len(canvases.rows):
                end[canvases.rows] = self.pictures(canvases.descent.result())
            return self.finish(requests, start.to(device), end)

    def go_through(self, stage: Stage, steps: range, canvases: _Canvases) -> tuple[_Canvases, list[_Canvases]]:
        """Take pictures through a stage, each until it has converged: those to go on with, and those in which nothing moves."""
        resting: list[_Canvases] = []
        given_up: list[_Canvases] = []
        for step in steps:
            if not len(canvases.rows):
                break
            self.step(canvases, step, redirect=step < self.recipe.redirected)
            hopeless, done = canvases.silent >= _HOPELESS, self.converged(stage, len(steps), canvases)
            leaving = hopeless | done
            if leaving.any():
                for chosen, place in ((hopeless, given_up), (done & ~hopeless, resting)):
                    if chosen.any():
                        place.append(canvases.part(chosen.nonzero().flatten()))
                canvases = canvases.part((~leaving).nonzero().flatten())
        return canvases.joined(resting), given_up

    def stretch(self, requests: Sequence[Request], attempts: Sequence[int]) -> _Canvases:
        """Draw the beginnings and the views of a batch's pictures."""
        recipe, device = self.recipe, self.network.device
        generators = [generator_of(self.seed, each.layer, each.unit, attempt) for each, attempt in zip(requests, attempts, strict=True)]
        started = self.parameterization.start(generators, recipe.size, self.magnitude)
        parameters = {name: value.to(device) for name, value in started.items()}
        draws = transforms.draw(generators, recipe.steps, jitter=recipe.jitter, scales=recipe.scales, degrees=recipe.degrees).to(device)
        objectives = [
            each.objective - recipe.diversity * terms.likeness(each.layer, each.family) if recipe.diversity else each.objective
            for each in requests
        ]
        descent = Descent(parameters, recipe.sharing, recipe.momentum, recipe.memory, recipe.peak)
        rows, silent = torch.arange(len(requests), device=device), torch.zeros(len(requests), dtype=torch.int64, device=device)
        return _Canvases(rows, rows // recipe.variants, objectives, generators, draws, descent, silent, [])

    def step(self, canvases: _Canvases, step: int, redirect: bool) -> None:
        """Show the pictures to the network through this step's views, and move them uphill."""
        recipe = self.recipe
        pictures = self.parameterization.pictures(canvases.descent.parameters, recipe.size)
        shown = transforms.composite(pictures, backdrops(canvases.generators, recipe.size)) if pictures.shape[1] == 4 else pictures
        # All of the canvas, at whatever side.
        views = transforms.resample(shown, transforms.maps(canvases.draws[:, step], recipe.size, recipe.size), recipe.side(step))
        seen = views.detach().contiguous(memory_format=torch.channels_last)
        gradient, score = self.gradient(canvases.objectives, seen)
        quiet = ~gradient.permute(0, 2, 3, 1).flatten(1).any(1)  # as the gradient lies in memory
        canvases.silent = torch.where(quiet & (not redirect), canvases.silent + 1, 0)
        silent = quiet.nonzero().flatten()
        if redirect and len(silent):
            with redirected():
                gradient[silent] = self.gradient([canvases.objectives[index] for index in silent], seen[silent])[0]
        penalties = self.penalties(canvases.objectives, pictures, score)
        roots, slopes = ([views, penalties], [gradient, torch.ones_like(score)]) if penalties.requires_grad else ([views], [gradient])
        torch.autograd.backward(roots, slopes)
        canvases.descent.step(recipe.rate(step))
        if recipe.averages(step):
            canvases.descent.average()
        canvases.history.append(score)

    def gradient(self, objectives: Sequence[Objective], views: Tensor) -> tuple[Tensor, Tensor]:
        """Return `gradient` of these objectives in this studio's network and precision."""
        return gradient(self.network, objectives, views, self.autocast)

    def penalties(self, objectives: Sequence[Objective], pictures: Tensor, score: Tensor) -> Tensor:
        """Return what is taken off each score: the objectives' own terms on the pictures, and the recipe's, in parts of the score."""
        recipe = self.recipe
        own = -terms.evaluate([each.on_pictures for each in objectives], {INPUT: pictures})
        of_recipe = sum(
            (weight * penalty for name, penalty in _PENALTIES.items() if (weight := getattr(recipe, name))), start=terms.Objective(())
        )
        return own + score.clamp(min=0) * terms.evaluate([of_recipe] * len(objectives), {INPUT: pictures})

    def converged(self, stage: Stage, steps: int, canvases: _Canvases) -> Tensor:
        """Say which pictures have gained so little of late that more steps of this stage are not worth it, bool `[B]`.

        A picture that is pushed away from others waits for them.
        """
        history, span = canvases.history, max(steps // 8, 3)
        if not stage.patience or len(history) < max(2 * span, steps // 2):
            return torch.zeros_like(canvases.rows, dtype=torch.bool)
        recent, earlier = (torch.stack(part).mean(0) for part in (history[-span:], history[-2 * span : -span]))
        done = recent - earlier < stage.patience * recent.abs()
        waited_for = torch.zeros(int(canvases.families.max()) + 1, device=done.device).index_add(0, canvases.families, (~done).float())
        return waited_for[canvases.families] == 0

    @torch.no_grad()
    def pictures(self, parameters: Parameters) -> Tensor:
        """Return the pictures as they will be stored: uint8 `[B, 3 or 4, S, S]`."""
        x = self.parameterization.pictures(parameters, self.recipe.size)
        if x.shape[1] == 4:
            least = 1 - self.recipe.fading
            x = torch.cat([x[:, :3], least + self.recipe.fading * x[:, 3:]], dim=1)
        return (x * 255).round().clamp(0, 255).to(torch.uint8)

    @torch.no_grad()
    def finish(self, requests: Sequence[Request], start: Tensor, end: Tensor) -> _Finished:
        """Measure what the stored pictures do to the network, untransformed and in float32."""
        objectives = [each.objective for each in requests]
        layers = terms.layers_of(objectives)

        def measure(pictures: Tensor) -> tuple[Tensor, Tensor]:
            x = pictures.float() / 255
            shown = transforms.composite(x, torch.full_like(x[:, :3], transforms.OUTSIDE)) if x.shape[1] == 4 else x
            responses = respond(self.network, shown, layers)
            score = terms.evaluate([each.on_network for each in objectives], responses)
            activation = terms.evaluate([each.main for each in objectives], responses)
            return score - self.penalties(objectives, x, score), activation

        (_, before), (objective, activation) = measure(start), measure(end)
        alive = (activation > 0) & (activation > before)
        arrays = (end.permute(0, 2, 3, 1), objective, activation, alive)
        return _Finished(*(each.cpu().numpy() for each in arrays))

    @torch.no_grad()
    def batch_size(self, objectives: Sequence[Objective]) -> int:
        """Return how many pictures fit comfortably into memory at a time: at most 16 on a CPU, 256 on a GPU.

        Raises
        ------
        AtlasError
            When an objective asks for something that its layer does not have.
        """
        held, device = 0, self.network.device

        def measure(_module: torch.nn.Module, _inputs: object, output: object) -> None:
            nonlocal held
            held += output.numel() * output.element_size() if isinstance(output, Tensor) else 0

        leaves = [module for module in self.network.module.modules() if not any(module.children())]
        handles = [module.register_forward_hook(measure) for module in leaves]
        try:
            self.try_out(objectives, max(self.recipe.side_of(stage) for stage in self.recipe.stages))
        finally:
            for handle in handles:
                handle.remove()
        # Most outputs are held for the backward pass; on a CPU a batch takes about a quarter of this estimate.
        free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else _CPU_MEMORY
        return int(min(max(free // max(4 * held, 1), self.recipe.variants), 256 if device.type == "cuda" else 16))


_FIELDS = 2  # A larger canvas than so many receptive fields shows the same again, side by side,
_LEAST_CANVAS = ICON  # and one smaller than the site's icons would have to be enlarged, and look blurred.

# Steps without any gradient, once none is redirected any more, after which a picture is given up; other views might still wake its unit.
_HOPELESS = 3

_CPU_MEMORY = 5 << 30  # bytes by that estimate, so that a build fits into a small machine

_PENALTIES = {"blur": terms.blur(), "total_variation": terms.total_variation(), "l1": terms.l1(), "opacity": terms.opacity()}


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Flush denormal numbers to zero while the context lasts."""
    # Vanishing gradients otherwise become denormal numbers, which processors compute a hundred times slower.
    flushed_before = not torch.tensor([1e-39]).mul(1.0).bool().item()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushed_before)
