"""One peer rendering some channels, run by `featurevis_peers` in the peers' own environment.

`python _peer.py PEER SOURCE LAYER CHANNELS STEPS OUTPUT` writes `pictures [n, 128, 128, 3]` (f4,
0…1) and `seconds [n]`. It makes one picture at a time, as each library's entry point does, with the
library's own defaults for everything but size and objective.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks._networks import load
from pipeline.network import Network

SIDE = 128


class FromRgb(nn.Module):
    """The network with its preprocessing inside, as peers expect: RGB in 0…1 in, logits out."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.module, self.preprocessing = network.module, network.preprocessing

    def forward(self, x: Tensor) -> Tensor:
        return self.module(self.preprocessing(x))


def lucent(network: Network, layer: str, steps: int) -> Callable[[int], np.ndarray]:
    from lucent.optvis import objectives, param, render

    model = FromRgb(network).eval()
    name = f"module.{layer}".replace(".", "_")

    def picture(channel: int) -> np.ndarray:
        drawn = render.render_vis(
            model,
            objectives.channel(name, channel),
            lambda: param.image(SIDE),
            preprocess=False,
            thresholds=(steps or 512,),
            progress=False,
            show_image=False,
        )
        return drawn[0][0]

    return picture


def dreamlens(network: Network, layer: str, steps: int) -> Callable[[int], np.ndarray]:
    from dreamlens.feature_visualizer import FeatureVisualizer

    model = FromRgb(network).eval()
    visualizer = FeatureVisualizer(model, quiet=True, device="cpu", normalize=False)

    def picture(channel: int) -> np.ndarray:
        result = visualizer.synthesize(
            model.module.get_submodule(layer),
            width=SIDE,
            height=SIDE,
            custom_func=lambda outputs: -outputs[0][:, channel].mean(),
            **({"iters": steps} if steps else {}),
        )
        return np.asarray(result.as_hwc().detach().cpu())

    return picture


def roi_align(images: Tensor, boxes: Tensor, output_size: tuple[int, int]) -> Tensor:
    """Compute torchvision's operator of that name for one image `[1, C, S, S]`.

    The boxes have fewer pixels than the output. Where torchvision lacks its compiled operators it
    falls back to code that holds every possible sample of every bin: 200 GB at Horama's settings.
    Such boxes get one sample per bin, which is two matrix products. As with the compiled operators,
    a sample more than a pixel outside the image is zero.
    """
    side = images.shape[-1]

    def weights(begin: Tensor, end: Tensor, count: int) -> Tensor:
        width = (end - begin).clamp(min=1) / count
        samples = begin[:, None] + (torch.arange(count) + 0.5) * width[:, None]
        inside = (samples >= -1) & (samples <= side)
        distance = (samples.clamp(0, side - 1)[..., None] - torch.arange(side)).abs()
        return (1 - distance).clamp(min=0) * inside[..., None]

    _, left, top, right, bottom = boxes.unbind(1)
    vertical, horizontal = (
        weights(top, bottom, output_size[0]),
        weights(left, right, output_size[1]),
    )
    return torch.einsum("nyh,chw,nxw->ncyx", vertical, images[0], horizontal)


def horama(network: Network, layer: str, steps: int) -> Callable[[int], np.ndarray]:
    from horama import common, fourier

    common.roi_align = roi_align

    def picture(channel: int) -> np.ndarray:
        def objective(x: Tensor) -> Tensor:
            return network.run_to(x, [layer])[layer][:, channel].mean()

        # Its boxes are meant for pictures of 1,280 px: of 128 px a quarter of the side would leave
        # the network 32 pixels to see.
        drawn, _ = fourier(
            objective,
            total_steps=steps or 1000,
            image_size=SIDE,
            values_range=(0, 1),
            box_size=(0.8, 0.9),
            device=torch.device("cpu"),
        )
        return drawn.detach().permute(1, 2, 0).numpy()

    return picture


PEERS = {"lucent": lucent, "dreamlens": dreamlens, "horama": horama}


def main() -> None:
    peer, source, layer, channels, steps, output = sys.argv[1:]
    torch.manual_seed(0)
    picture = PEERS[peer](load(source), layer, int(steps))
    pictures, seconds = [], []
    for channel in map(int, channels.split(",")):
        began = time.perf_counter()
        pictures.append(picture(channel))
        seconds.append(time.perf_counter() - began)
        # After each picture: what a slow peer has finished when its time is up still counts.
        stacked = np.stack(pictures).astype(np.float32)
        np.savez(f"{output}.part.npz", pictures=stacked, seconds=np.array(seconds))
        os.replace(f"{output}.part.npz", output)


if __name__ == "__main__":
    main()
