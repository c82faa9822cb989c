"""The website: from an atlas to the files that a browser opens.

`generate` bakes the figures and writes everything. The others do one thing each for it: `page`
renders the templates, `channel_pages` writes a page for each channel and the inspector's data,
`scripts` joins the code, `facts` is what all scripts may need, `sprite_sheets` packs the feature
visualizations with `sprites` and compares them with the photographs by `surpassed`, `notebooks`
writes what reproduces the figures, `card` and `citation` are for those who share, list or cite the
site, `output` puts the finished folder in its place, and `report` sums up what was written.
`collection` lists several atlases in one site. `serve` shows a site on this machine.
"""
