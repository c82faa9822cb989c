# %% [markdown]
# # Neuron groups
#
# A few groups of neurons that together make up a layer's activations: where they are, what they
# look for, and how much each contributes to a class.

# %%
from skimage import data

import pipeline as bb

network, cat = bb.load("../../configs/demo.toml"), data.chelsea()
groups = bb.factorize(network, cat, "blocks.5.0.bn1", 6)
shares = bb.attribute(network, cat, "blocks.5.0.bn1.group.6", "Egyptian cat")
print(shares.values.round(2), "residual", round(float(shares.residual), 2))
groups

# %%
bb.render(network, groups)
