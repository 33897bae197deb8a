"""Layers for images (N, C, H, W): convolution, pooling, enlarging."""

from __future__ import annotations

from typing import Any

import autograd
import nn.functional as F
from nn import init
from nn.functional.images import pixel_pair
from nn.module import Module
from nn.parameter import Parameter

__all__ = ["AdaptiveAvgPool2d", "AvgPool2d", "Conv2d", "ConvTranspose2d", "MaxPool2d", "Upsample"]

Size = int | tuple[int, int]


class Convolution(Module):
    """What Conv2d and ConvTranspose2d share: their options, and a start uniform in +-1 / sqrt(fan in)."""

    weight: Parameter
    bias: Parameter | None
    padding: Any
    output_padding: tuple[int, int] = (0, 0)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size,
        padding: Size | str,
        dilation: Size,
        groups: int,
        bias: bool,
        dtype: Any,
        transposed: bool,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{name}: in_channels {in_channels} and out_channels {out_channels} must be multiples of "
                f"groups {groups}"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = pixel_pair(name, "kernel_size", kernel_size)
        self.stride = pixel_pair(name, "stride", stride)
        self.padding = padding if isinstance(padding, str) else pixel_pair(name, "padding", padding)
        self.dilation = pixel_pair(name, "dilation", dilation)
        self.groups = groups
        if padding == "same" and self.stride != (1, 1):
            raise ValueError(f'{name}: padding "same" needs stride 1, got {self.stride}')
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ValueError(f'{name}: padding must be a number, a pair, "same" or "valid", got {padding!r}')
        channels = (in_channels, out_channels) if transposed else (out_channels, in_channels)
        self.weight = Parameter(
            autograd.empty(channels[0], channels[1] // groups, *self.kernel_size, dtype=dtype)
        )
        self.bias = Parameter(autograd.empty(out_channels, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        init.default_linear_(self.weight, self.bias, init.fans(self.weight)[0])

    def extra_repr(self) -> str:
        parts = [
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        ]
        if self.padding != (0, 0):
            parts.append(f"padding={self.padding}")
        if self.dilation != (1, 1):
            parts.append(f"dilation={self.dilation}")
        if self.output_padding != (0, 0):
            parts.append(f"output_padding={self.output_padding}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        return ", ".join(parts)


class Conv2d(Convolution):
    """Convolution (cross-correlation) of (N, in_channels, H, W) to (N, out_channels, P, Q), with

        P = (H + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1

    padding may also be "valid" (none) or "same" (P = H; stride 1). weight is
    (out_channels, in_channels / groups, *kernel_size).

    >>> import autograd, nn
    >>> nn.Conv2d(3, 8, 3, padding=1)(autograd.ones(2, 3, 5, 5)).shape
    (2, 8, 5, 5)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, dtype, False
        )

    def forward(self, input: Any) -> Any:
        return F.conv2d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class ConvTranspose2d(Convolution):
    """The transposed convolution, the gradient of Conv2d in its input: (N, in_channels, P, Q) to
    (N, out_channels, H, W), with

        H = (P - 1) stride - 2 padding + dilation (kernel_size - 1) + output_padding + 1

    weight is (in_channels, out_channels / groups, *kernel_size).

    >>> import autograd, nn
    >>> nn.ConvTranspose2d(8, 3, 2, stride=2)(autograd.ones(2, 8, 4, 4)).shape
    (2, 3, 8, 8)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, dtype, True
        )
        self.output_padding = pixel_pair("ConvTranspose2d", "output_padding", output_padding)

    def forward(self, input: Any) -> Any:
        return F.conv_transpose2d(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.output_padding,
            self.groups,
            self.dilation,
        )


class MaxPool2d(Module):
    """The maximum of every window; stride is kernel_size unless given. See nn.functional.max_pool2d."""

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Any) -> Any:
        return F.max_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class AvgPool2d(Module):
    """The mean of every window; stride is kernel_size unless given. See nn.functional.avg_pool2d."""

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Any) -> Any:
        return F.avg_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AdaptiveAvgPool2d(Module):
    """Means over windows chosen so that the output is (N, C, *output_size)."""

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Any) -> Any:
        return F.adaptive_avg_pool2d(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class Upsample(Module):
    """Images enlarged to `size`, or by `scale_factor`, by repeating pixels (mode "nearest").

    >>> import autograd, nn
    >>> nn.Upsample(scale_factor=2)(autograd.ones(1, 3, 4, 4)).shape
    (1, 3, 8, 8)
    """

    def __init__(self, size: Any = None, scale_factor: Any = None, mode: str = "nearest") -> None:
        super().__init__()
        if mode != "nearest":
            raise ValueError(f'Upsample: only mode "nearest" is there, got {mode!r}')
        self.size = size
        if isinstance(scale_factor, tuple | list):
            self.scale_factor: Any = tuple(map(float, scale_factor))
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None
        self.mode = mode

    def forward(self, input: Any) -> Any:
        return F.interpolate(input, self.size, self.scale_factor, self.mode)

    def extra_repr(self) -> str:
        what = f"size={self.size!r}" if self.scale_factor is None else f"scale_factor={self.scale_factor!r}"
        return f"{what}, mode={self.mode!r}"
