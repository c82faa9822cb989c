"""Profiles: what is known about a network and its layers without loading it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.errors import AtlasError, did_you_mean

MOST_DEAD = 0.9  # a layer of which more channels are dead says hardly anything


@dataclass(frozen=True)
class LayerProfile:
    """One call of one submodule.

    Attributes
    ----------
    name
        The module's, with the number of the call ("relu#2") where it runs several times.
    shape
        [C, H, W] of the cube that its output holds; of an output that holds none, its own without
        N.
    signed
        Whether the output has negative values.
    runs
        How often a forward pass runs the module.
    bottleneck
        Whether everything passes through the cube; otherwise it is bypassed.
    layout
        How the output holds the cube: "NCHW", "NHWC", "NTC", "NTC+1". Empty where it holds none.
    confirmed
        Whether changes of a picture move in the output as they should in this layout.
    whole
        Whether everything passes through the output, the tokens that are set apart included.
    counts
        Whether the logits depend on the cube.
    dead
        The share of channels that are zero everywhere, in all pictures shown.
    made_by
        The kind of the module that computed the output: of a container that hands on what one in it
        returned, that one's.
    same_as
        The name of the module whose output this one hands on unchanged; empty for its own.
    rectified
        Whether the cube is what a ReLU in the network's code makes of the output.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    signed: bool
    runs: int
    bottleneck: bool = True
    layout: str = "NCHW"
    confirmed: bool = True
    whole: bool = False
    counts: bool = True
    dead: float = 0.0
    made_by: str = ""
    same_as: str = ""
    rectified: bool = False

    @property
    def cube(self) -> tuple[int, int, int]:
        """[C, H, W], of a layer that suits."""
        channels, height, width = self.shape
        return channels, height, width

    @property
    def apart(self) -> int:
        """The number of tokens that stand for no position, such as a class token."""
        return int(self.layout.partition("+")[2] or 0)

    @property
    def is_cut(self) -> bool:
        """Whether everything passes through the layer, counting tokens that are set apart."""
        return self.bottleneck or self.whole

    @property
    def objection(self) -> str | None:
        """Why the layer cannot be shown, or None."""
        if not self.layout or len(self.shape) != 3:
            return f"output [{', '.join(map(str, self.shape))}] is not [C, H, W]"
        return None

    @property
    def reservation(self) -> str | None:
        """Why the layer is not chosen unless it is named, although it could be shown; or None."""
        if not self.counts:
            return "the logits do not depend on its positions"
        if self.dead > MOST_DEAD:
            return f"{self.dead:.0%} of its channels are zero everywhere"
        return None


@dataclass(frozen=True)
class NetworkProfile:
    """What a probe found out.

    Attributes
    ----------
    weights
        The fingerprint of the network that was probed.
    size
        Side of its input in pixels.
    layers
        In running order.
    labels
        The fingerprint of what the configuration calls the network and its classes.
    ending
        The function that makes probabilities of the logits at the end of the module ("softmax",
        "sigmoid"); it is left out. Empty if the module returns logits.
    one_output
        Whether the module returns one number, seen as a no and a yes.
    loose_activations
        The number of activations that its code calls as functions and that are no layer's output.
    own_probabilities
        How the network itself has it that probabilities are made of logits ("softmax", "sigmoid"),
        whatever its end shows; empty where it says nothing.
    """

    weights: str
    title: str
    classes: tuple[str, ...]
    size: int
    parameters: int
    layers: tuple[LayerProfile, ...]
    labels: str = ""
    ending: str = ""
    one_output: bool = False
    loose_activations: int = 0
    own_probabilities: str = ""

    def probabilities(self, configured: str | None) -> str:
        """Return how probabilities are made of logits.

        Parameters
        ----------
        configured
            "softmax", "sigmoid", or None: as the network itself has it, else as its end shows.

        Returns
        -------
        str
            "softmax", "sigmoid" (of each class by itself), or "one output".
        """
        if self.one_output:
            return "one output"
        return configured or self.own_probabilities or self.ending or "softmax"

    def form(self, name: str) -> tuple[str, ...]:
        """Return what a fingerprint of a layer's cube has to know besides the layer's name.

        Nothing, except of a layer that is seen behind a ReLU in the network's code.
        """
        seen = any(layer.name == name and layer.rectified for layer in self.layers)
        return ("rectified",) if seen else ()

    def layer(self, name: str) -> LayerProfile:
        """Return one layer's profile.

        Raises
        ------
        AtlasError
            When there is no such layer, or it does not suit.
        """
        known = {layer.name: layer for layer in self.layers}
        advice = '"building-blocks layers CONFIG" lists'
        if name not in known:
            calls = [each for each in known if each.startswith(f"{name}#")]
            if calls:
                raise AtlasError(f'layer "{name}" of {self.title} {_run(calls)}')
            hint = did_you_mean(name, known) or ";"
            raise AtlasError(f'no layer "{name}" in {self.title}{hint} {advice} them')
        objection = known[name].objection
        if objection:
            reason = f"does not suit: {objection}"
            raise AtlasError(f'layer "{name}" of {self.title} {reason}; {advice} those that do')
        return known[name]


def _run(calls: Sequence[str]) -> str:
    first, last = calls[0], calls[-1]
    return f'runs {len(calls)} times in one pass; name one of the calls, "{first}" to "{last}"'
