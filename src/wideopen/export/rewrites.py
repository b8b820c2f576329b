"""Networks in the words that GPUs of phones understand: the same results, by other operations."""

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

Sides = int | Sequence[int]
"""One number for rows and columns, or one for each."""
_MOST_AXES = 4


class Friendly(nn.Module):
    """Computes what another network does, with every operation that GPU delegates refuse rewritten.

    Operations are exchanged while the network runs or is traced, wherever in it they are called.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *given: Tensor) -> Tensor:
        """Run the network."""
        with Rewriting():
            return self.network(*given)


def friendly(network: nn.Module) -> Friendly:
    """Copy a network into a form that GPU delegates take whole, for evaluation only.

    Weights are copied to float32 on the processor, contiguous, for litert-torch misreads those that lie channels last.
    """
    made: Any = copy.deepcopy(network).cpu().float()
    made = made.to(memory_format=torch.contiguous_format)
    return Friendly(made.eval().requires_grad_(False)).eval()


class Rewriting(TorchFunctionMode):
    """Exchanges operations by their names within a ``with`` block."""

    def __init__(self) -> None:
        super().__init__()
        self.enlarged = WeakTensorKeyDictionary()
        """What transposed convolutions gave."""

    def __torch_function__(
        self,
        operation: Callable[..., Any],
        types: Sequence[type],
        given: tuple[Any, ...] = (),
        named: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Run one operation, or what stands for it."""
        named = named or {}
        name = getattr(operation, "__name__", "")
        if name == "relu" and given[0] in self.enlarged:
            return positive(given[0])
        rewrite = REWRITES.get(name)
        found = rewrite(*given, **named) if rewrite else NotImplemented
        if found is NotImplemented:
            found = operation(*given, **named)
        if name == "conv_transpose2d" or (name == "batch_norm" and given[0] in self.enlarged):
            self.enlarged[found] = True
        return found


def positive(x: Tensor) -> Tensor:
    """Keep what is above 0; for behind a transposed convolution.

    A converter draws ``relu`` into the transposed convolution, in a version of it (4) that no delegate takes.
    """
    return functional.leaky_relu(x, 0.0)


def clamped(x: Tensor, min: Any = None, max: Any = None) -> Any:  # noqa: ANN401
    """Cut off at numbers, by ``relu6`` and ``relu``; converters make operations of a clamp that no delegate knows."""
    if isinstance(min, Tensor) or isinstance(max, Tensor) or not x.is_floating_point():
        return NotImplemented
    if min is not None and max is not None:
        span = (max - min) / 6
        if span <= 0:
            return NotImplemented
        inner = x if min == 0 else x - min
        return _plus(functional.relu6(inner / span) * span, min)
    if min is not None:
        return _plus(functional.relu(_plus(x, -min)), min)
    return max - functional.relu(max - x) if max is not None else NotImplemented


def larger(x: Any, other: Any = None, *rest: Any, **named: Any) -> Any:  # noqa: ANN401
    """Take the larger of two tensors: ``y + relu(x - y)``, for the same reason as `clamped`."""
    if rest or named or not isinstance(other, Tensor):
        return NotImplemented
    return other + functional.relu(x - other)


def smaller(x: Any, other: Any = None, *rest: Any, **named: Any) -> Any:  # noqa: ANN401
    """Take the smaller of two tensors: ``y - relu(y - x)``."""
    if rest or named or not isinstance(other, Tensor):
        return NotImplemented
    return other - functional.relu(other - x)


def chosen(condition: Tensor, first: Any = None, second: Any = None) -> Any:  # noqa: ANN401
    """Choose by products with 0 and 1 where shapes differ; delegates choose between tensors of one shape only.

    Both choices must be finite.
    """
    shapes = {tuple(each.shape) for each in (condition, first, second) if isinstance(each, Tensor)}
    if first is None or len(shapes) == 1:
        return NotImplemented
    kind = next((each.dtype for each in (first, second) if isinstance(each, Tensor)), torch.float32)
    if not kind.is_floating_point:
        return NotImplemented
    share = condition.to(kind)
    return share * first + (1 - share) * second


def padded(x: Tensor, pad: Iterable[int], mode: str = "constant", value: float | None = None) -> Any:  # noqa: ANN401
    """Repeat the border by joining it to itself; a replicating pad becomes a gather, which delegates refuse."""
    sides = tuple(pad)
    if mode != "replicate" or x.ndim != _MOST_AXES or min(sides) < 0:
        return NotImplemented
    for axis, before, after in ((3, *sides[:2]), (2, *sides[2:])):
        first, last = x.narrow(axis, 0, 1), x.narrow(axis, x.shape[axis] - 1, 1)
        parts = [_repeated(first, before, axis), x, _repeated(last, after, axis)]
        kept = [part for part in parts if part is not None]
        x = torch.cat(kept, dim=axis) if len(kept) > 1 else x
    return x


def repeated(x: Tensor, *times: Any) -> Any:  # noqa: ANN401
    """Lay a tensor beside itself; litert-torch counts the axes of ``repeat`` wrongly once channels lie last."""
    counts = tuple(times[0]) if len(times) == 1 and not isinstance(times[0], int) else times
    if 0 in counts:
        return NotImplemented
    x = _with_axes(x, len(counts))
    for axis, count in enumerate(counts):
        if count != 1:
            x = torch.cat([x] * count, dim=axis)
    return x


def expanded(x: Tensor, *shape: Any) -> Any:  # noqa: ANN401
    """Lay a tensor beside itself where `expand` would only say so; delegates refuse to broadcast."""
    wanted = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else shape
    x = _with_axes(x, len(wanted))
    counts = [1 if side in (-1, own) else side for side, own in zip(wanted, x.shape, strict=True)]
    return repeated(x, *counts)


def enlarged(
    x: Float[Tensor, "n c h w"],
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sides = 1,
    padding: Sides = 0,
    output_padding: Sides = 0,
    groups: int = 1,
    dilation: Sides = 1,
) -> Any:  # noqa: ANN401
    """Cut the whole of a transposed convolution, where padding is not the same on both sides.

    LiteRT has two kinds: the whole, and one that is as large as the stride says; its converter knows no other.
    """
    strides, pads, mores = (_pair(each) for each in (stride, padding, output_padding))
    kernel = tuple(weight.shape[2:])
    same = all(size - step == 2 * pad for size, step, pad in zip(kernel, strides, pads, strict=True))
    as_it_is = not any(mores) and (same or not any(pads))
    if as_it_is or _pair(dilation) != (1, 1) or any(more > pad for more, pad in zip(mores, pads, strict=True)):
        return NotImplemented
    whole = functional.conv_transpose2d(x, weight, bias, stride, 0, 0, groups)
    rows, columns = (
        slice(pad, size - pad + more) for size, pad, more in zip(whole.shape[2:], pads, mores, strict=True)
    )
    return whole[:, :, rows, columns]


def permuted(x: Tensor, *axes: Any, dims: Any = None) -> Any:  # noqa: ANN401
    """Exchange many axes by several exchanges of two among four, the most that delegates have.

    Reshapes that stand beside each other are joined by the converter, so that no tensor of more axes is left.
    """
    order = list(dims if dims is not None else axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes)
    if x.ndim <= _MOST_AXES:
        return NotImplemented
    now, shape = list(range(x.ndim)), list(x.shape)
    for place, axis in enumerate([axis % x.ndim for axis in order]):
        found = now.index(axis)
        if found == place:
            continue
        ahead, skipped, moved, behind = shape[:place], shape[place:found], shape[found], shape[found + 1 :]
        flat = x.reshape(_product(ahead), _product(skipped), moved, _product(behind))
        x = flat.permute(0, 2, 1, 3)
        shape = [*ahead, moved, *skipped, *behind]
        now.insert(place, now.pop(found))
    return x.reshape(shape)


def group_normed(
    x: Float[Tensor, "n c h w"],
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Any:  # noqa: ANN401
    """Normalise groups of channels in plain arithmetic; delegates refuse what a converter makes of ``group_norm``."""
    if x.ndim != _MOST_AXES:
        return NotImplemented
    count, channels, height, width = x.shape
    grouped = x.reshape(count, num_groups, channels // num_groups * height, width)
    rest = grouped - grouped.mean(dim=(2, 3), keepdim=True)
    scale = ((rest * rest).mean(dim=(2, 3), keepdim=True) + eps).rsqrt()
    normed = (rest * scale).reshape(x.shape)
    if weight is not None:
        normed = normed * weight[:, None, None]
    return normed if bias is None else normed + bias[:, None, None]


def unfolded(
    x: Float[Tensor, "n c h w"], kernel_size: Sides, dilation: Sides = 1, padding: Sides = 0, stride: Sides = 1
) -> Float[Tensor, "n ck places"]:
    """Lay the surroundings of each pixel out by a convolution with kernels of one 1 each, in the place of a gather."""
    rows, columns = _pair(kernel_size)
    channels, size = x.shape[1], rows * columns
    kernels = _constant(np.tile(np.eye(size).reshape(size, 1, rows, columns), (channels, 1, 1, 1)), x)
    found = functional.conv2d(x, kernels, None, stride, padding, dilation, channels)
    return found.reshape(x.shape[0], channels * size, -1)


def shrunk(
    x: Tensor,
    size: Sides | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Any:  # noqa: ANN401
    """Shrink bicubically with a filter by a whole number: a strided convolution, evened out where it meets the border.

    As torch does it: Keys' cubic with ``a = -0.5``, as wide as the shrinking is strong; beyond the border is nothing,
    and what is left of the weights is scaled to 1.
    """
    if mode != "bicubic" or not antialias or align_corners or size is None or isinstance(size, int):
        return NotImplemented
    if any(before % after for before, after in zip(x.shape[2:], size, strict=True)):
        return NotImplemented
    for axis, after in ((2, size[0]), (3, size[1])):
        x = _shrunk_along(x, axis, x.shape[axis] // after)
    return x


def _shrunk_along(x: Tensor, axis: int, ratio: int) -> Tensor:
    if ratio == 1:
        return x
    taps = 4 * ratio - ratio % 2
    weights = _cubic(np.abs(np.arange(taps) + 0.5 - taps / 2) / ratio)
    weights /= weights.sum()
    outside = (taps - ratio) // 2
    inside = np.convolve(np.pad(np.ones(x.shape[axis]), outside), weights, mode="valid")[::ratio]
    shape, padding, stride = [1, 1, 1, 1], [0, 0], [1, 1]
    shape[axis], padding[axis - 2], stride[axis - 2] = -1, outside, ratio
    channels = x.shape[1]
    kernels = _constant(np.tile(weights.reshape(shape), (channels, 1, 1, 1)), x)
    return functional.conv2d(x, kernels, None, stride, padding, 1, channels) * _constant(1 / inside.reshape(shape), x)


def _cubic(distance: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Keys' kernel with ``a = -0.5``."""
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance < 1, near, np.where(distance < 2, far, 0))


def _constant(values: np.ndarray, like: Tensor) -> Tensor:
    """A tensor that is known before the network runs, even while it is traced."""
    return torch.tensor(values.tolist(), dtype=like.dtype, device=like.device)


def _with_axes(x: Tensor, count: int) -> Tensor:
    return x if x.ndim == count else x.reshape(*[1] * (count - x.ndim), *x.shape)


def _pair(value: Sides) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    values = tuple(value)
    return (values[0], values[0]) if len(values) == 1 else (values[0], values[1])


def _plus(x: Tensor, number: float) -> Tensor:
    return x if number == 0 else x + number


def _repeated(line: Tensor, times: int, axis: int) -> Tensor | None:
    """A line of pixels beside itself, joined to itself again and again; delegates refuse to broadcast."""
    if times == 0:
        return None
    made = line
    while 2 * made.shape[axis] <= times:
        made = torch.cat([made, made], dim=axis)
    rest = times - made.shape[axis]
    return torch.cat([made, made.narrow(axis, 0, rest)], dim=axis) if rest else made


def _product(sides: Iterable[int]) -> int:
    found = 1
    for side in sides:
        found *= side
    return found


REWRITES: dict[str, Callable[..., Any]] = {
    "clamp": clamped,
    "clip": clamped,
    "clamp_min": clamped,
    "clamp_max": lambda x, max: clamped(x, None, max),
    "maximum": larger,
    "max": larger,
    "minimum": smaller,
    "min": smaller,
    "where": chosen,
    "pad": padded,
    "repeat": repeated,
    "expand": expanded,
    "conv_transpose2d": enlarged,
    "permute": permuted,
    "group_norm": group_normed,
    "unfold": unfolded,
    "interpolate": shrunk,
}
"""By the names of torch's functions and methods; ``NotImplemented`` leaves what is fine as it is."""
