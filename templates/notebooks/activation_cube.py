# %% [markdown]
# A layer's activations are a cube: a number for each channel at each position. The map shows how
# long the vector of all channels is at each position.

# %%
figure, axes = plt.subplots(1, len(page["layers"]), figsize=(4 * len(page["layers"]), 4))
for axis, baked in zip(np.atleast_1d(axes), page["layers"]):
    cube = h5[f"activation/{baked['layer']}"][:].astype(np.float32)
    length = np.linalg.norm(cube, axis=0)
    axis.imshow(length, cmap="Greys")
    axis.set_title(baked["layer"])
    same(bb.unpack(baked["length"]), length, 1e-3 * length.max())
    same(bb.unpack(baked["maps"]), cube[baked["channels"]], 1e-6)

# %% [markdown]
# The same activations, computed again by the network.

# %%
network = bb.load(CONFIG)
again = bb.activations(network, h5["input"][:], baked["layer"])
same(again, cube, 2e-3 * np.abs(cube).max())
