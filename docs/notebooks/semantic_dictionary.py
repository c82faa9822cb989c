# %% [markdown]
# # Semantic dictionary
#
# The channels that are most active at a position, each with its feature visualization.

# %%
from skimage import data

import pipeline as bb

network, cat = bb.load("../../configs/demo.toml"), data.chelsea()
layer, row, column = "blocks.5.0.bn1", 5, 7
activations = bb.activations(network, cat, layer)[:, row, column]
strongest = activations.argsort()[::-1][:4]
bb.render(network, [f"{layer}:{channel}" for channel in strongest])
