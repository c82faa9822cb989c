# %% [markdown]
# # Activation grid
#
# A picture of what the network sees at every position of a layer.

# %%
from skimage import data

import pipeline as bb

network, cat = bb.load("../../configs/demo.toml"), data.chelsea()
bb.activation_grid(network, cat, "blocks.6.0.bn1")
