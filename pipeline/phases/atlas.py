"""The atlas that figures and templates read, made from a survey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pipeline import figures, models
from pipeline.atlas import Atlas, Layer, Photograph, ShownNetwork
from pipeline.fingerprints import fingerprint_of
from pipeline.phases.phase import Phase
from pipeline.survey import Survey
from pipeline.views.classes import is_mistake


def atlas_of(survey: Survey, phases: Sequence[Phase[Any, Any, Any]]) -> Atlas:
    """Return the atlas of a configuration, as far as the store holds it.

    Parameters
    ----------
    survey
        What is configured.
    phases
        Those whose things the site is baked from; its fingerprint includes theirs.
    """
    profile, plan = survey.profile, survey.plan
    fingerprints = {phase.kind: phase.fingerprints(survey) for phase in phases}
    layers = tuple(_layer(survey, name) for name in plan.layers)
    probabilities = profile.probabilities(survey.settings.model.probabilities)
    return Atlas(
        settings=survey.settings,
        network=ShownNetwork(
            *(profile.title, profile.classes, profile.size, profile.parameters),
            *(layers, probabilities),
        ),
        photographs=tuple(
            Photograph(each.name, each.title, each.source, survey.labels.get(each.name))
            for each in survey.photographs
        ),
        left_out=tuple(each.title for each in survey.failed),
        store=survey.store,
        interfaces=figures.interfaces(plan.layers, survey.settings),
        fingerprints=fingerprints,
        fingerprint=fingerprint_of(
            "site",
            [plan.figures, plan.layers, profile.title, profile.classes, probabilities],
            fingerprints,
            [each.title for each in survey.failed],
            survey.settings.model_dump(exclude={"execution"}),
        ),
    )


def in_order(atlas: Atlas) -> Atlas:
    """Put mistakes first, if that is configured; the store holds what the network made of them."""
    if atlas.settings.dataset.first != "mistakes":
        return atlas
    ordered = sorted(atlas.photographs, key=lambda each: not is_mistake(atlas, each))
    return replace(atlas, photographs=tuple(ordered))


def _layer(survey: Survey, name: str) -> Layer:
    title, profile = models.display_name(survey.config, name), survey.profile.layer(name)
    return Layer(name, title, profile.cube, profile.bottleneck)
