# %% [markdown]
# At each position, the channels that are most active there. Cells of fine layers average several
# positions.

# %%
from skimage.measure import block_reduce

for baked in page["layers"]:
    cube, block = h5[f"activation/{baked['layer']}"][:].astype(np.float32), baked["block"]
    cells = block_reduce(cube, (1, block, block), np.nanmean, cval=np.nan)
    channels, values = bb.unpack(baked["channels"]).astype(int), bb.unpack(baked["values"])
    strongest = -np.sort(-cells, axis=0)[: values.shape[2]].transpose(1, 2, 0)
    same(values, np.maximum(strongest, 0), 2e-3 * strongest.max())
    there = np.take_along_axis(cells.transpose(1, 2, 0), channels, axis=2)
    same(values, np.maximum(there, 0), 2e-3 * strongest.max())
    same(bb.unpack(baked["length"]), np.linalg.norm(cells, axis=0), 1e-2 * strongest.max())

# %%
row, column = baked["cell"]
plt.barh([str(channel) for channel in channels[row, column]], values[row, column])
plt.gca().invert_yaxis()
plt.xlabel(f"activation in {baked['layer']}, row {row + 1}, column {column + 1}")
