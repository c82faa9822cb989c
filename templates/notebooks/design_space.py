# %% [markdown]
# The arrays behind each figure: where they are in the file, their shapes and their units.

# %%
for arrays in page["figures"].values():
    for path, shape, *_ in arrays:
        assert list(h5[path].shape) == shape, path

# %%
sizes = {
    figure: sum(h5[path].size for path, *_ in arrays) for figure, arrays in page["figures"].items()
}
plt.barh(list(sizes), [size / 1e6 for size in sizes.values()])
plt.gca().invert_yaxis()
plt.xlabel("millions of numbers")
