"""A residual network that everybody has, and what of it a market can train: low-rank adapters and a head."""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import nn
from torch.nn.functional import conv2d, relu

from omnilytics.errors import InputError


class ConvNorm(nn.Sequential):
    """A convolution without a bias, and batch normalisation."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        super().__init__(conv, nn.BatchNorm2d(outputs))


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = ConvNorm(inputs, outputs, 3, stride)
        self.second = ConvNorm(outputs, outputs, 3, 1)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else ConvNorm(inputs, outputs, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return relu(self.second(relu(self.first(x))) + self.shortcut(x))


class ResNet18(nn.Module):
    """Images (n, colours, h, w) -> logits (n, classes): ResNet-18 (He et al., CVPR 2016, arXiv 1512.03385).

    With the stem that is usual for small images: 3x3 without pooling. With width 64 it has 11.2 million parameters.

    Args:
        classes: of the samples.
        width: channels of the first stage; the last has eight times as many.
        colours: channels of the images.
    """

    def __init__(self, classes: int, width: int = 64, colours: int = 3) -> None:
        super().__init__()
        self.stem = ConvNorm(colours, width, 3, 1)
        blocks: list[nn.Module] = []
        inputs = width
        for stage in range(4):
            outputs = width << stage
            blocks += [Block(inputs, outputs, 2 if stage else 1), Block(outputs, outputs, 1)]
            inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(inputs, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.head(self.blocks(relu(self.stem(x))).mean((2, 3))))


class LowRankConv(nn.Module):
    """A frozen convolution and a low-rank one beside it, of which only the second factor is trained.

    conv(x, W) + conv(conv(x, A), B), with A (rank, inputs, k, k) drawn once and B (outputs, rank, 1, 1) from zero: LoRA
    (Hu et al., ICLR 2022, arXiv 2106.09685) with A frozen, so that the mean of adapters is the adapter of the mean
    (Sun et al., Improving LoRA in privacy-preserving federated learning, ICLR 2024, arXiv 2403.12313).

    What is frozen are buffers: only B is a parameter.

    Args:
        frozen: the layer whose normalisation, as it evaluates, is folded into its weight and bias.
        rank: of the change.
        generator: what A is drawn from.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    down: torch.Tensor

    def __init__(self, frozen: ConvNorm, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        conv, norm = cast(nn.Conv2d, frozen[0]), cast(nn.BatchNorm2d, frozen[1])
        self.stride, self.padding = conv.stride[0], conv.kernel_size[0] // 2
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach()
        self.register_buffer("weight", conv.weight.detach() * scale[:, None, None, None])
        self.register_buffer("bias", norm.bias.detach() - norm.running_mean * scale)
        down = torch.randn(rank, *conv.weight.shape[1:], generator=generator)
        self.register_buffer("down", down / conv.weight[0].numel() ** 0.5)
        self.up = nn.Parameter(torch.empty(conv.out_channels, rank, 1, 1))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """B becomes zero: the frozen convolution alone."""
        nn.init.zeros_(self.up)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        change = conv2d(conv2d(x, self.down, None, self.stride, self.padding), self.up)
        return conv2d(x, self.weight, self.bias, self.stride, self.padding) + change


def adapted(base: ResNet18, classes: int, rank: int, generator: torch.Generator) -> ResNet18:
    """`base` with everything frozen but an adapter for each convolution and a new head; `base` stays as it is.

    Args:
        base: trained on what is public.
        classes: of the new head.
        rank: of the adapters.
        generator: what their frozen factors are drawn from; all parties must draw the same.

    Raises:
        InputError: no rank, or fewer than 2 classes.
    """
    if rank < 1 or classes < 2:
        raise InputError(f"adapters: expected a rank of 1 and 2 classes at least, got {rank} and {classes}")
    model = copy.deepcopy(base)
    for layer in (model, *model.blocks):
        for name, part in list(layer.named_children()):
            if isinstance(part, ConvNorm):
                setattr(layer, name, LowRankConv(part, rank, generator))
    model.head = nn.Linear(model.head.in_features, classes)
    return model.eval()
