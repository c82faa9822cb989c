# %% [markdown]
# At each position, the channels that are most active there. Cells of fine layers average several
# positions.


# %%
def averaged(cube, block):
    for axis in (1, 2):
        starts = np.arange(0, cube.shape[axis], block)
        sizes = np.diff(np.append(starts, cube.shape[axis]))
        shape = [-1 if i == axis else 1 for i in range(3)]
        cube = np.add.reduceat(cube, starts, axis=axis) / sizes.reshape(shape)
    return cube


for baked in page["layers"]:
    cube = h5[f"activation/{baked['layer']}"][:].astype(np.float32)
    cells = averaged(cube, baked["block"])
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
