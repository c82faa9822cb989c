# %% [markdown]
# Groups are a non-negative matrix factorization of a layer's activations. Their shares in a class's
# logit, and that of the residual they leave, are exact Shapley values: all subsets were run.

# %%
classes = [each["index"] for each in page["classes"]]
for layer in page["layers"]:
    name = layer["layer"]
    for baked in layer["factorizations"]:
        n = baked["count"]
        path = f"{name}.group.{n}"
        groups = h5[f"attribution/{path}/output.neuron"][:][:, classes].astype(float)
        residual = h5[f"residual/{path}/output.neuron/of_source"][:][classes].astype(float)
        shares = np.concatenate([groups, residual[None]])
        same(bb.unpack(baked["share"]), shares, 1e-3)
        whole = h5["logits"][:] - h5[f"baseline/{name}"][:]
        if METHOD["method"] == "shares" and f"coalition/{path}" in h5:
            same(shares.sum(0), whole[classes], 0.01 * np.abs(whole[classes]).max())
        same(baked["explained"], h5[f"group/{name}/{n}/explained"][()], 1e-3)

# %%
maps = h5[f"group/{name}/{n}/spatial"][:]
figure, axes = plt.subplots(1, n, figsize=(2 * n, 2))
for g, axis in enumerate(np.atleast_1d(axes)):
    axis.imshow(maps[g], cmap="Greys")
    axis.set_title(f"{shares[g, 0]:+.2f}")
    axis.axis("off")

# %% [markdown]
# The same factorization, computed again from the network's activations.

# %%
network = bb.load(CONFIG)
again = bb.factorize(network, h5["input"][:], name, n)
same(again.explained, baked["explained"], 0.01)
