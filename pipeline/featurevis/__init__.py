"""Feature visualization: pictures that make a unit of a network respond as strongly as possible.

`recipes` says how pictures are made and imports no torch, so that a build with nothing to do never loads it; the other
modules do the work. A picture is optimized as parameters θ (`parameterizations`), turned into pixels `x[B, 3, S, S]`
in 0…1 (with transparency `x[B, 4, S, S]`), resampled at random (`transforms`), shown to the network with its batch
normalizations folded away (`folding`), and scored (`objectives`); `optimizer` goes uphill.
"""
