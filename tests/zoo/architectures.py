"""The architectures of the zoo.

All of torchvision's families of classifiers and others of timm, each at its smallest. Networks that
take any size are shown 64 pixels; of those that are made for one size, a variant for a smaller one
is built where their library has an argument for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SIDE = 64


@dataclass(frozen=True)
class Architecture:
    """An architecture of a library.

    Attributes
    ----------
    library, name
        "torchvision" or "timm", and the name there.
    side
        Of the input in pixels.
    arguments
        With which it is made for this side; without any, the atlas names it as a source, otherwise
        it is built by a function in a file.
    quick
        Whether it is one of the few that are tried in every test run.
    """

    library: str
    name: str
    side: int = SIDE
    arguments: dict[str, object] = field(default_factory=dict)
    quick: bool = False

    def __str__(self) -> str:
        return f"{self.library}:{self.name}"


def _torchvision(
    name: str, side: int = SIDE, quick: bool = False, **arguments: object
) -> Architecture:
    return Architecture("torchvision", name, side, arguments, quick)


def _timm(name: str, side: int = SIDE, quick: bool = False, **arguments: object) -> Architecture:
    return Architecture("timm", name, side, arguments, quick)


ARCHITECTURES: tuple[Architecture, ...] = (
    _torchvision("alexnet"),
    _torchvision("vgg11"),
    _torchvision("vgg11_bn"),
    _torchvision("resnet18", quick=True),
    _torchvision("resnext50_32x4d"),
    _torchvision("wide_resnet50_2"),
    _torchvision("densenet121"),
    _torchvision("googlenet"),
    _torchvision("inception_v3", 128),
    _torchvision("squeezenet1_1", quick=True),
    _torchvision("shufflenet_v2_x0_5", quick=True),
    _torchvision("mobilenet_v2"),
    _torchvision("mobilenet_v3_small", quick=True),
    _torchvision("mnasnet0_5"),
    _torchvision("regnet_y_400mf"),
    _torchvision("efficientnet_b0"),
    _torchvision("efficientnet_v2_s"),
    _torchvision("convnext_tiny"),
    _torchvision("vit_b_32", image_size=SIDE),
    _torchvision("swin_t"),
    _torchvision("swin_v2_t"),
    _torchvision("maxvit_t", 224),
    _timm("resnetv2_50", SIDE),
    _timm("repvgg_a0"),
    _timm("ghostnet_050", quick=True),
    _timm("mobilevit_xxs", 128, quick=True),
    _timm("mobilevitv2_050", 128),
    _timm("convnext_atto", quick=True),
    _timm("nfnet_l0"),
    _timm("vit_tiny_patch16_224", img_size=SIDE, quick=True),
    _timm("vit_small_patch16_dinov3", SIDE, img_size=SIDE),
    _timm("vit_small_patch14_reg4_dinov2", 98, img_size=98, num_classes=10),
    _timm("deit_tiny_distilled_patch16_224", img_size=SIDE),
    _timm("beit_base_patch16_224", img_size=SIDE),
    _timm("cait_xxs24_224", img_size=SIDE),
    _timm("mixer_s32_224", img_size=SIDE, quick=True),
    _timm("resmlp_12_224", img_size=SIDE),
    _timm("poolformer_s12", quick=True),
    _timm("efficientvit_b0"),
    _timm("efficientformer_l1", 224),
    _timm("hrnet_w18_small"),
    _timm("dla46_c"),
    _timm("cspresnet50"),
    _timm("pit_ti_224", 224),
    _timm("visformer_tiny", 224),
    _timm("coatnet_nano_rw_224", 224),
    _timm("xcit_nano_12_p16_224", SIDE),
    _timm("levit_128s", 224),
    _timm("edgenext_xx_small"),
    _timm("swin_tiny_patch4_window7_224", 224),
)
