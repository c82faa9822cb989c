"""What several figures show alike: classes, cells, groups, activation grids, and packed arrays.

A figure imports from here and never from another figure. Like the figures, these modules read the
store through the atlas; none of them imports torch.
"""
