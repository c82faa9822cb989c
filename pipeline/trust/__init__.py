"""Trust: what the store claims of a photograph or a picture, tried out on the network once more.

    photograph    everything of one photograph, layer by layer
    stability     groups, top channels and maps of a photograph that was changed a little
    shares        shares against sampled Shapley values, against removal, and by other methods
    changes       the small changes of a photograph, and how maps are moved back
    claims        what the store holds, as it travels to where it is tried out
    pictures      what feature visualizations do to their units
    quantiles     … against what photographs do

What is computed here shares as little as possible with what made the claims: a share whose sign is
wrong, a picture of another channel or a map of another photograph shows. `pipeline.views.trust`
judges what is found. docs/trust.md describes the measures.

Importing this package loads no torch; of its modules, `photograph`, `shares` and `pictures` do.
"""

from __future__ import annotations
