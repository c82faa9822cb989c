# %% [markdown]
# The probabilities are the softmax of the logits, the network's output before it becomes a
# probability; where classes do not exclude each other, each is the sigmoid of its own logit.

# %%
logits = h5["logits"][:].astype(float)
exclusive = page["others"]["probability"] is not None
probabilities = np.exp(logits - logits.max()) if exclusive else 1 / (1 + np.exp(-logits))
if exclusive:
    probabilities /= probabilities.sum()
order = np.argsort(-logits, kind="stable")[: len(page["classes"])]

# %%
names = [each["name"] for each in page["classes"]]
plt.barh(names, probabilities[order])
plt.gca().invert_yaxis()
plt.xlabel("probability")

# %%
assert [each["index"] for each in page["classes"]] == order.tolist()
same([each["probability"] for each in page["classes"]], probabilities[order], 1e-6)
same([each["logit"] for each in page["classes"]], logits[order], 1e-4)
if exclusive:
    same(page["others"]["probability"], 1 - probabilities[order].sum(), 1e-5)
