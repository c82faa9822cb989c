# %% [markdown]
# What was tried out is in files of its own: for some channels of each layer, their shares, the
# effects of removing them, and two samples of what they add on average (their Shapley values).
# Pearson's r is over the channels of all photographs, less the mean of each photograph.

# %%
import html
import re
from pathlib import Path

tried = [h5py.File(f"{STORE}/trust/photographs/{name}.h5", "r") for name in TRIED]


def pooled(pairs):
    centred = [[each - each.mean(dtype=float) for each in some] for some in zip(*pairs)]
    first, second = (np.concatenate(some) for some in centred)
    return first @ second / np.sqrt((first @ first) * (second @ second))


def agreement(layer):
    """Of shares with what channels add on average, and with the effects of removing them."""
    found = [file[layer] for file in tried if f"{layer}/reference" in file]
    truth = [(each["shares"][0], each["reference"][:].mean(0)) for each in found]
    removed = [(each["shares"][0], each["shares"][-1]) for each in found]
    return {"shapley": pooled(truth), "removal": pooled(removed)} if found else {}


agreements = {layer: agreement(layer) for layer in LAYERS}

# %%
for i, (layer, found) in enumerate(agreements.items()):
    plt.barh([f"{layer}, {measure}" for measure in found], found.values(), color=f"C{i}")
plt.gca().invert_yaxis()
plt.xlabel("Pearson's r")

# %% [markdown]
# The page has them in words, to two decimals.

# %%
text = Path(SITE, "index.html").read_text(encoding="utf-8")
titles = {each["title"]: each["name"] for each in bb.page_data(SITE, "site", "")["layers"]}
row = r'<tr class="\w+">\s*<th scope="row"><bdi>(.*?)</bdi>.*?<td class="value">(.*?)</td>'
count = 0
for measure in ("shapley", "removal"):
    section = re.search(rf'id="trust-{measure}".*?</section>', text, re.DOTALL)
    for title, value in re.findall(row, section[0], re.DOTALL) if section else ():
        number = float(value.removeprefix("r = ").replace("−", "-"))
        same(number, agreements[titles[html.unescape(title)]][measure], 0.0051)
        count += 1
assert count == sum(map(len, agreements.values()))
