# %% [markdown]
# What the network says for every subset of a layer's groups. Bit g of a row's number says whether
# group g is on; the last bit is the residual.

# %%
classes = [each["index"] for each in page["classes"]]
for layer in page["layers"]:
    for baked in layer["factorizations"]:
        logits = h5[f"coalition/{layer['layer']}.group.{baked['count']}"][:].astype(float)
        rounded = max(1e-4, baked["logits"]["scale"])
        same(bb.unpack(baked["logits"]), logits[:, classes], rounded)
        first = np.array([winner["index"] for winner in baked["winners"]])
        same(
            logits[np.arange(len(logits)), first[bb.unpack(baked["first"]).astype(int)]],
            logits.max(1),
            1e-4,
        )
        intact, decision = len(logits) - 1, logits[-1].argmax()
        kept = logits.argmax(1) == decision
        sizes = np.array([number.bit_count() for number in range(len(logits))])
        assert kept[baked["keeps"]]
        assert sizes[baked["keeps"]] == sizes[kept].min()
        changed = baked["changes"]
        if changed is not None:
            assert not kept[changed]
            assert sizes[changed] == sizes[~kept].max()

# %%
if baked["normalizer"] is None:  # classes do not exclude each other
    probabilities = 1 / (1 + np.exp(-logits))
else:
    probabilities = np.exp(logits - logits.max(1, keepdims=True))
    probabilities /= probabilities.sum(1, keepdims=True)
plt.scatter(sizes, probabilities[:, decision], s=8)
plt.xlabel("groups and residual that are on")
plt.ylabel(f"probability of {page['classes'][0]['name']}")
