"""A small network of three layers, to show what `source = "own_network.py:build"` needs.

Any `torch.nn.Module` will do that turns its input `[N, 3, H, W]` into logits `[N, K]`, as long as
the layers to be shown are submodules whose outputs are `[N, C, H, W]`.
"""

from torch import Tensor, nn

CLASSES = 10


def layer(inputs: int, outputs: int) -> nn.Sequential:
    """`[N, inputs, H, W]` → `[N, outputs, H/2, W/2]`, never negative."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.ReLU(),
    )


class SmallNetwork(nn.Module):
    """`[N, 3, 64, 64]` → logits `[N, 10]`."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.ReLU())
        self.textures = layer(16, 32)
        self.parts = layer(32, 48)
        self.objects = layer(48, 64)
        self.head = nn.Linear(64, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch of photographs."""
        x = self.objects(self.parts(self.textures(self.stem(x))))
        return self.head(x.mean((2, 3)))


def build() -> SmallNetwork:
    """Return the network; `weights` in the configuration replaces its random weights."""
    network = SmallNetwork()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            # Random weights of this size neither weaken nor amplify what passes through a layer.
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return network
