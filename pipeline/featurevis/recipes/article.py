"""`article`: icons as in the article, in which what does not matter to the unit fades away.

110 px, with opacity, after Lucid's alpha_feature_vis.ipynb.
"""

from __future__ import annotations

from pipeline.featurevis.recipes.recipe import Recipe, Stage

ARTICLE = Recipe(
    "article",
    size=110,
    steps=192,
    parameterization="fourier_alpha",
    learning_rate=0.03,
    opacity=0.5,
    stages=(Stage(patience=0.005),),
)
