# %% [markdown]
# Which channels of a late layer speak for the decision and which against it: those with the largest
# shares in its logit. What the network answers without a channel follows from what every logit was
# measured to lose when that channel was removed.

# %%
layer = page["layer"]
logits = h5["logits"][:].astype(float)
order = np.argsort(-logits, kind="stable")[: len(page["classes"])]
shares = h5[f"attribution/{layer}.channel/output.neuron"][:, order[0]].astype(float)
lost = h5[f"removal/{layer}.channel/output.neuron"][:].astype(float)


def likely(values):
    if not page["exclusive"]:  # each class has a probability of its own
        return 1 / (1 + np.exp(-values))
    shifted = np.exp(values - values.max())
    return shifted / shifted.sum()


# %%
speakers = page["speakers"]
channels = [each["channel"] for each in speakers]
plt.barh([f"channel {channel}" for channel in channels], shares[channels])
plt.gca().invert_yaxis()
plt.xlabel(f"share in the logit of {page['classes'][0]['name']}")

# %%
supporting = [each["channel"] for each in speakers if each["share"] > 0]
opposing = [each["channel"] for each in speakers if each["share"] < 0]
same(sorted(shares[supporting]), np.sort(shares)[len(shares) - len(supporting) :], 1e-3)
same(sorted(shares[opposing]), np.sort(shares)[: len(opposing)], 1e-3)
same([each["share"] for each in speakers], shares[channels], 1e-3)
for each in speakers:
    without = likely(logits - lost[each["channel"]])
    same(each["without"]["probability"], without.max(), 1e-4)
    same(each["without"]["shown"], without[order], 1e-4)
