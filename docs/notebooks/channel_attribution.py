# %% [markdown]
# # Channel attribution
#
# The channels that contribute most to one class rather than another, and what they look for.

# %%
from skimage import data

import pipeline as bb

network, cat = bb.load("../../configs/demo.toml"), data.chelsea()
layer, classes = "blocks.5.0.bn1", ("Egyptian cat", "tiger cat")
a, b = (bb.attribute(network, cat, f"{layer}.channel", name).values for name in classes)
strongest = (a - b).argsort()[::-1][:4]
print({int(channel): round(float(a[channel] - b[channel]), 3) for channel in strongest})
bb.render(network, [f"{layer}:{channel}" for channel in strongest])
