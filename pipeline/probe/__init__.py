"""A network's profile: its layers, their shapes, and which of them suit an atlas.

A layer is a bottleneck if everything passes through it: with its output detached, the logits no
longer depend on the photograph. Attribution to it accounts for the whole decision. Around any
other layer goes a part of the decision, through a skip connection or a parallel branch.

The profile is kept as `network.h5` in the store, so that a later build, or the site's generator,
can check a configuration's layers without loading torch.
"""

from pipeline.probe.checking import check_layers
from pipeline.probe.choosing import choose, suggest
from pipeline.probe.fields import dead_shares, receptive_fields
from pipeline.probe.probing import probe
from pipeline.probe.profile import LayerProfile, NetworkProfile
from pipeline.probe.storing import load, save
from pipeline.probe.table import listed, table

__all__ = [
    "LayerProfile",
    "NetworkProfile",
    "check_layers",
    "choose",
    "dead_shares",
    "listed",
    "load",
    "probe",
    "receptive_fields",
    "save",
    "suggest",
    "table",
]
