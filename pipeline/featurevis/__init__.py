"""Feature visualization: pictures that make a unit of a network respond as strongly as possible.

A picture is optimized as parameters θ (`parameterizations`), which become pixels `x[B, 3, S, S]` in
0…1 (with opacity `x[B, 4, S, S]`). In each step the pixels are resampled at random (`transforms`),
shown to a faster copy of the network (`folding`), and scored (`objectives`); the optimizer (`adam`)
moves the parameters uphill. From the top:

    render           requests → finished batches; grids: a layer's activations → an activation grid
    renderer         the pictures of one batch, from noise to their scores; `optimization` is their
                     state, `penalties` and `measuring` score them
    batches, sides   how many pictures are made at a time, and at which sides they are shown
    responses        the network's answer to pictures, and its gradient
    folding          the faster copy, with help from `readers` and `fast_modules`

`recipes` holds the settings and imports no torch, so a build with nothing to do never loads it.
"""
