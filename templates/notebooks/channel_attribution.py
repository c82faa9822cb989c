# %% [markdown]
# In every layer, the channels with the largest shares in a class's logit, for it and against it.

# %%
classes = [each["index"] for each in page["classes"]]
figure, axes = plt.subplots(1, len(page["layers"]), figsize=(4 * len(page["layers"]), 3))
for axis, baked in zip(np.atleast_1d(axes), page["layers"]):
    layer = baked["layer"]
    shares = h5[f"attribution/{layer}.channel/output.neuron"][:][:, classes].astype(float)
    removals = h5[f"removal/{layer}.channel/output.neuron"][:][:, classes].astype(float)
    cube = h5[f"activation/{layer}"][:].astype(float)
    channels = bb.unpack(baked["channels"]).astype(int)
    same(bb.unpack(baked["toClasses"]), shares[channels], 1e-6)
    same(bb.unpack(baked["removals"]), removals[channels], 1e-6)
    same(bb.unpack(baked["summed"]), cube[channels].sum((1, 2)), 1e-2)
    same(bb.unpack(baked["classes"]["total"]), shares.sum(0), 1e-2)
    strongest = np.argsort(-np.abs(shares[:, 0]))[:8]
    axis.barh([str(channel) for channel in strongest], shares[strongest, 0])
    axis.invert_yaxis()
    axis.set_title(layer)

# %% [markdown]
# The shares of the last layer, computed again by the network.

# %%
network = bb.load(CONFIG)
again = bb.attribute(network, h5["input"][:], f"{layer}.channel", classes[0], **METHOD)
same(again.values, shares[:, 0], 0.02 * np.abs(shares[:, 0]).max())
