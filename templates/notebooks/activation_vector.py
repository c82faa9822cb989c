# %% [markdown]
# A position's vector of activations as one picture. How much of its squared length the strongest
# channels account for says how much a list of them leaves out.

# %%
from skimage.measure import block_reduce

figure, axes = plt.subplots(1, len(page["layers"]), figsize=(4 * len(page["layers"]), 4))
for axis, baked in zip(np.atleast_1d(axes), page["layers"]):
    cube, block = h5[f"activation/{baked['layer']}"][:].astype(np.float32), baked["block"]
    cells = block_reduce(cube, (1, block, block), np.nanmean, cval=np.nan)
    length = np.linalg.norm(cells, axis=0)
    values = bb.unpack(baked["values"]).astype(float)
    share = (values**2).sum(2) / np.maximum(length**2, 1e-12)
    same(bb.unpack(baked["length"]), length, 1e-2 * length.max())
    same(bb.unpack(baked["share"]), share, 1e-2)
    axis.imshow(share, cmap="Greys", vmin=0, vmax=1)
    axis.set_title(baked["layer"])
