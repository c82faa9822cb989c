# %% [markdown]
# The probabilities are the softmax of the logits, the network's output before it becomes a
# probability.

# %%
logits = h5["logits"][:].astype(float)
probabilities = np.exp(logits - logits.max())
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
same(page["others"]["probability"], 1 - probabilities[order].sum(), 1e-5)
