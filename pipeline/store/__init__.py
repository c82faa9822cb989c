"""The store: HDF5 files, written whole, and recognised by fingerprints. Nothing else touches HDF5.

A file is written under a temporary name, synced and renamed, so a reader sees a whole file or none.
Its root attributes are `kind`, `schema`, `fingerprint` (a SHA-256 over all that the file depends
on) and `created_by`. Every dataset has `dims` and `units`; in a photograph's file also the
`content` that it belongs to and the `fingerprint` of that content. When contents join such a file,
it is written again, with those that it holds. Behind the HDF5 image stands a seal, `seal.py`: what
is read is checked, and a file that has changed since it was written is damaged.

    network.h5                        what a probe found out: layers and shapes, class names
    images/<photograph>.h5            one photograph:
        input                         uint8 [H, W, 3]
        logits                        f4 [K]
        activation/<layer>            f2 [C, H, W]
        group/<layer>/<groups>/…      spatial f4 [n, H, W] · channels f4 [n, C] · magnitude f4 [n] ·
                                      residual f4 [H, W], the norm of what the groups leave out ·
                                      explained, negative f4, shares · for groups compatible with
                                      those of another layer: concentration,
                                      concentration_independent f4 [n]
        attribution/<source>/<target> f2 (f4 for groups), the source's dimensions, then the target's
        residual/<source>/<target>/…  where groups are at an end, that of their residual: of_source
                                      [target's dimensions] · of_target [source's] · of_both; with
                                      these, attributions sum to the whole
        saliency/…                    classes i4 [k], the most probable ones ·
                                      {for,against}/classes f4 [factor, k] ·
                                      {for,against}/<layer>/spatial f4 [factor, H, W]
    visualizations/<layer>/<settings>-<batch>.h5
                                      pictures uint8 [B, S, S, 3 or 4] · units [B] · objective,
                                      activation f4 [B] · alive bool [B]
    grids/<photograph>/<layer>.h5     cells uint8 [H, W, S, S, 3] · likeness f4 · alive bool [H, W]

C: channels; H, W: height and width; K: classes; n: groups; B: feature visualizations of a batch;
S: side in pixels. `pipeline.schema` makes the datasets.
"""

from pipeline.store.comparing import State, held, state
from pipeline.store.describe import describe
from pipeline.store.layout import GRIDS, PHOTOGRAPHS, VISUALIZATIONS, Store, Visualization
from pipeline.store.reading import File
from pipeline.store.recent import Recent
from pipeline.store.room import Room, free_text, note_written
from pipeline.store.seal import DamagedFile, damage_of, summary_of
from pipeline.store.writing import PART, Computed, join, replace_file, write

__all__ = [
    "GRIDS",
    "PART",
    "PHOTOGRAPHS",
    "VISUALIZATIONS",
    "Computed",
    "DamagedFile",
    "File",
    "Recent",
    "Room",
    "State",
    "Store",
    "Visualization",
    "damage_of",
    "describe",
    "free_text",
    "held",
    "join",
    "note_written",
    "replace_file",
    "state",
    "summary_of",
    "write",
]
