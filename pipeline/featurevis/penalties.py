"""What is subtracted from the score of a picture: terms on its pixels."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from pipeline.featurevis import objectives
from pipeline.featurevis.objectives import Objective
from pipeline.featurevis.recipes import Recipe
from pipeline.grammar import INPUT

# Recipe's field → penalty whose weight it is.
PENALTIES = {
    "blur": objectives.blur(),
    "total_variation": objectives.total_variation(),
    "l1": objectives.l1(),
    "opacity": objectives.opacity(),
}


def penalties(
    recipe: Recipe, wanted: Sequence[Objective], pictures: Tensor, score: Tensor
) -> Tensor:
    """Return what is subtracted from each score.

    Parameters
    ----------
    recipe
        Its penalties count in parts of the score.
    wanted
        The objective of each picture, whose own terms on the pixels count as they are.
    pictures
        `x[B, 3 or 4, S, S]` in 0…1.
    score
        `[B]`, of the objectives' terms on the network.

    Returns
    -------
    Tensor
        `[B]`.
    """
    responses = {INPUT: pictures}
    own = -objectives.evaluate([each.on_pictures for each in wanted], responses)
    of_recipe = Objective(())
    for name, penalty in PENALTIES.items():
        weight = getattr(recipe, name)
        if weight:
            of_recipe += weight * penalty
    return own + score.clamp(min=0) * objectives.evaluate([of_recipe] * len(wanted), responses)
