# %% [markdown]
# # Spatial attribution
#
# How much each position of a layer contributes to a class. The shares of all positions add up to
# the class's logit less the logit without the layer.

# %%
from skimage import data

import pipeline as bb

network, cat = bb.load("../../configs/demo.toml"), data.chelsea()
found = bb.attribute(network, cat, "blocks.5.0.bn1.spatial", "Egyptian cat")
print(f"together {found.values.sum():+.2f}, missing {float(found.gap):+.3f}")
found
