"""Building Blocks: an atlas of what an image classifier sees, as a static web site.

The package is cut along the grammar of "The Building Blocks of Interpretability" (Olah et al.,
Distill 2018): `grammar` names what a figure shows, `plan` turns the figures that were chosen into
the contents to compute, `build` computes and stores them phase by phase, `figures` and `website`
turn the store into a site.
"""

__version__ = "0.1.0"
