# %% [markdown]
# A picture for every position of a layer. How long the vector of activations is there says how much
# the picture's position has to say.

# %%
figure, axes = plt.subplots(1, len(LAYERS), figsize=(4 * len(LAYERS), 4))
for axis, layer, baked in zip(np.atleast_1d(axes), LAYERS, page["layers"], strict=True):
    length = np.linalg.norm(h5[f"activation/{layer}"][:].astype(np.float32), axis=0)
    same(bb.unpack(baked["lengths"]), length, 1e-2 * length.max())
    row, column = baked["strongest"]
    assert length[row, column] >= length[1:-1, 1:-1].max(initial=0)
    axis.imshow(length, cmap="Greys")
    axis.set_title(layer)
