"""`maco`: only the phases of Fourier coefficients are free; magnitudes are those of photographs.

Fel et al., "Unlocking Feature Visualization for Deep Networks with MAgnitude Constrained
Optimization", 2023.
"""

from __future__ import annotations

from pipeline.featurevis.recipes.recipe import Recipe

MACO = Recipe(
    "maco", size=160, steps=128, parameterization="maco", learning_rate=0.3, scales=(1.0, 1.6)
)
