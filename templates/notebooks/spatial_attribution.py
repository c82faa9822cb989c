# %% [markdown]
# In every layer, the share of each position in a class's logit. Cells of fine layers add up several
# positions.

# %%
from skimage.measure import block_reduce

classes = page["mapped"]
figure, axes = plt.subplots(1, len(page["layers"]), figsize=(4 * len(page["layers"]), 4))
for axis, baked in zip(np.atleast_1d(axes), page["layers"]):
    layer, block = baked["layer"], baked["block"]
    shares = h5[f"attribution/{layer}.spatial/output.neuron"][:][..., classes].astype(float)
    shares = np.nan_to_num(shares)  # of classes that are far from probable none are computed
    cells = block_reduce(shares, (block, block, 1), np.sum)
    same(bb.unpack(baked["share"]), cells.transpose(2, 0, 1), 5e-3 * np.abs(cells).max())
    same(bb.unpack(baked["total"]), cells.sum((0, 1)), 1e-2)
    whole = h5["logits"][:] - h5[f"baseline/{layer}"][:]
    same(bb.unpack(baked["whole"]), whole[classes], 1e-4)
    largest = np.abs(cells[..., 0]).max()
    axis.imshow(cells[..., 0], cmap="RdBu", vmin=-largest, vmax=largest)
    axis.set_title(layer)

# %% [markdown]
# The shares of the last layer, computed again by the network.

# %%
network = bb.load(CONFIG)
again = bb.attribute(network, h5["input"][:], f"{layer}.spatial", classes[0], **METHOD)
same(again.values, shares[..., 0], 0.02 * np.abs(shares[..., 0]).max())
