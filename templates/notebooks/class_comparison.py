# %% [markdown]
# For two classes A and B, the evidence of a channel is its share in A's logit less that in B's.
# The effect of removal is how much of each logit the network really loses without the channel.

# %%
classes = [each["index"] for each in page["classes"]]
baked = page["layers"][0]
layer, channels = baked["layer"], baked["channels"]
shares = h5[f"attribution/{layer}.channel/output.neuron"][:][:, classes].astype(float)
removals = h5[f"removal/{layer}.channel/output.neuron"][:][:, classes].astype(float)

# %%
a, b, for_a, for_b = baked["pairs"][0]
shown = [channels[row] for row in [*for_a, *for_b]]
plt.barh([f"channel {channel}" for channel in shown], shares[shown, a] - shares[shown, b])
plt.gca().invert_yaxis()
plt.xlabel(f"evidence for {page['classes'][a]['name']}, not {page['classes'][b]['name']}")

# %%
same(bb.unpack(baked["share"]), shares[channels], 1e-6)
same(bb.unpack(baked["removal"]), removals[channels], 1e-6)
same(bb.unpack(baked["total"]), shares.sum(0), 1e-3)
evidence = shares[:, a] - shares[:, b]
most, least = np.sort(evidence)[-len(for_a) :], np.sort(evidence)[: len(for_b)]
same(np.sort(evidence[[channels[row] for row in for_a]]), most, 1e-3)
same(np.sort(evidence[[channels[row] for row in for_b]]), least, 1e-3)

# %% [markdown]
# The same shares, computed again by the network.

# %%
network = bb.load(CONFIG)
again = bb.attribute(network, h5["input"][:], f"{layer}.channel", classes[0], **METHOD)
same(again.values, shares[:, 0], 0.02 * np.abs(shares[:, 0]).max())
