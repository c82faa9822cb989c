"""What a network does with pictures: the responses that objectives look at, and their gradient."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline.featurevis.objectives import Objective, evaluate, layers_of
from pipeline.featurevis.precision import FLOAT32, Precision
from pipeline.featurevis.redirection import redirected
from pipeline.grammar import OUTPUT
from pipeline.network import Network, filled, first_rows, plans


def respond(network: Network, pictures: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """Run the network on `x[B, 3, S, S]` as far as needed and return the responses of layers.

    `OUTPUT` among them stands for the logits.
    """
    hidden, shown = [layer for layer in layers if layer != OUTPUT], filled(pictures)
    if OUTPUT not in layers:
        caught = network.run_to(shown, hidden)
    else:
        caught, logits = network.run(shown, hidden)
        caught = {**caught, OUTPUT: logits}
    return first_rows(caught, len(pictures))


def gradient(
    network: Network,
    objectives: Sequence[Objective],
    views: Tensor,
    precision: Precision = FLOAT32,
) -> tuple[Tensor, Tensor]:
    """Return how objectives change with the pixels of what the network is shown.

    Parameters
    ----------
    network
        Any.
    objectives
        One per view; only their terms on the network count.
    views
        `[B, 3, V, V]` in 0…1.
    precision
        To compute in.

    Returns
    -------
    gradient, score
        The gradient of the negative objective, `[B, 3, V, V]`, and the objectives' values, `[B]`.
    """
    views = views.requires_grad_(True)
    with precision.on(network.device):
        responses = respond(network, views, layers_of(objectives))
    score = evaluate([each.on_network for each in objectives], responses)
    return torch.autograd.grad(-score.sum(), views)[0], score.detach()


def redirect_some(
    slope: Tensor,
    silent: Tensor,
    network: Network,
    objectives: Sequence[Objective],
    views: Tensor,
    precision: Precision,
) -> None:
    """Replace the gradients of some views by redirected ones, in place.

    Parameters
    ----------
    slope
        `[B, 3, V, V]`, of all views.
    silent
        `[n]`: which views.
    network, objectives, views, precision
        As for `gradient`, of all views.
    """
    if not len(silent):
        return
    # Where another size of batch would have to be planned, all are computed.
    chosen = torch.arange(len(views), device=views.device) if plans(views.device) else silent
    of_chosen = [objectives[index] for index in chosen.tolist()]
    with redirected():
        found, _ = gradient(network, of_chosen, views[chosen], precision)
    slope[silent] = found[torch.searchsorted(chosen, silent)]


@torch.no_grad()
def check_objectives(network: Network, objectives: Sequence[Objective], side: int) -> None:
    """Show the network one blank picture and check objectives against its responses.

    Parameters
    ----------
    network
        Any.
    objectives
        Any.
    side
        Of the blank picture, in pixels.

    Raises
    ------
    AtlasError
        When a layer lacks the channel, class or position that an objective names.
    Exception
        Whatever the network raises for a picture of this side.
    """
    blank = torch.full((1, 3, side, side), 0.5, device=network.device)
    responses = respond(network, blank, layers_of(objectives))
    shapes = {layer: tuple(response.shape[1:]) for layer, response in responses.items()}
    for objective in objectives:
        objective.check(shapes)
