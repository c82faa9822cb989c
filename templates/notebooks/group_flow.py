# %% [markdown]
# How much the groups of one layer contribute to those of the next, as shares of each upper group.

# %%
classes = [each["index"] for each in page["classes"]]
for key, baked in page["factorizations"].items():
    layer, n = key.rsplit(" ", 1)
    n, _, aligned = n.partition("@")
    cut = f"{layer}.group.{n}" + (f"@{page['upper']}@{aligned}" if aligned else "")
    groups = h5[f"attribution/{cut}/output.neuron"][:][:, classes].astype(float)
    residual = h5[f"residual/{cut}/output.neuron/of_source"][:][classes].astype(float)
    same(bb.unpack(baked["share"]), np.concatenate([groups, residual[None]]), 1e-3)

# %%
if page["flows"]:
    key, flow = next(iter(page["flows"].items()))
    shares = bb.unpack(flow["share"])
    plt.imshow(shares, cmap="RdBu", vmin=-np.abs(shares).max(), vmax=np.abs(shares).max())
    plt.ylabel(f"groups of {page['lower']}, and their residual")
    plt.xlabel(f"groups of {page['upper']}")
    plt.colorbar()
