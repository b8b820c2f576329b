"""LPIPS: how far two pictures are apart for a network that learned to see, whose weights the user brings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from wideopen.errors import RequestError
from wideopen.score.protocol import refuse_unlike
from wideopen.shapes import UInt8

if TYPE_CHECKING:
    from torch import Tensor, nn

Body = Literal["alex", "vgg"]
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Mean and deviation of red, green and blue in [-1, 1]."""
EPSILON = 1e-10
"""Added to the length of features."""
LEAST_LPIPS_PX = 32
"""So much AlexNet needs for one pixel at its last layer."""
SAVE_IT = (
    'python -c "import torch, torchvision; '
    "torch.save(torchvision.models.alexnet(weights='DEFAULT').state_dict(), 'alexnet.pth')\""
)
_ENDS: dict[str, tuple[int, ...]] = {"alex": (2, 5, 8, 10, 12), "vgg": (4, 9, 16, 23, 30)}
"""Behind which of torchvision's layers features are compared."""
_VGG16 = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
_ROWS = 64
"""So many rows of features are compared at once, for memory."""


@dataclass(frozen=True)
class Lpips:
    """Learned perceptual image patch similarity, ``sum_l mean_hw sum_c w_lc (f_lchw - g_lchw)^2``.

    It is 0 for equal pictures. f and g are features of the two pictures at layer l, divided by their length over
    channels c; w are the linear weights, learned from people's choices. As made by `load_lpips`.

    Source:
        Zhang et al., The Unreasonable Effectiveness of Deep Features as a Perceptual Metric, CVPR 2018; version 0.1 of
        the linear weights, on pictures in [-1, 1] at their own size.
    """

    body: Body
    """``alex`` (AlexNet) or ``vgg`` (VGG-16). Their figures do not compare."""
    layers: Sequence[Callable[[Any], Any]]
    """Five parts of the body, each from the last one's features to the next."""
    weights: Sequence[Any]
    """Linear weights of each part's channels."""
    device: str = "cpu"

    def __call__(self, found: UInt8[np.ndarray, "h w 3"], wanted: UInt8[np.ndarray, "h w 3"]) -> float:
        """Compare two pictures.

        Raises:
            RequestError: If the pictures are not uint8 (h, w, 3) of one size, or a side is under `LEAST_LPIPS_PX`.
        """
        import torch

        refuse_unlike(found, wanted)
        height, width = found.shape[:2]
        if min(height, width) < LEAST_LPIPS_PX:
            raise RequestError(f"LPIPS needs sides of {LEAST_LPIPS_PX} px, this picture is {width}x{height}")
        with torch.inference_mode():
            f, g = (self._prepared(picture) for picture in (found, wanted))
            total = 0.0
            for layer, weights in zip(self.layers, self.weights, strict=True):
                f, g = layer(f), layer(g)
                total += _distance(f, g, weights)
        return total

    def _prepared(self, picture: np.ndarray) -> "Tensor":
        """Bring bytes to [-1, 1], and then to what the body is used to."""
        import torch

        values = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))).to(self.device)[None]
        shift, scale = (values.new_tensor(each, dtype=torch.float32)[:, None, None] for each in (SHIFT, SCALE))
        return (values / 127.5 - 1 - shift) / scale


def load_lpips(path: Path, *, device: str = "cpu") -> Lpips:
    """Make LPIPS with a body from a file that the user has.

    Args:
        path: State dict of torchvision's alexnet or vgg16, as .pth or .safetensors; which of the two is seen from the
            weights. Its classifier is not used and may be missing.
        device: As PyTorch names it.

    Raises:
        RequestError: If there is no such file, it is neither body, or PyTorch or torchmetrics, which ships the linear
            weights, is missing.
    """
    try:
        from wideopen.zoo.checkpoint import read_tensors
    except ModuleNotFoundError as error:
        raise RequestError(f"LPIPS needs {error.name}; install wideopen[research]") from error
    if not path.exists():
        raise RequestError(f"LPIPS needs the weights of AlexNet or VGG-16, and there is no file {path}; try {SAVE_IT}")
    state = {name: each for name, each in read_tensors(path).items() if name.startswith("features.")}
    body = _kind(state, path)
    features = _features(body, state, path).to(device)
    starts = (0, *_ENDS[body])
    layers = [features[start:end] for start, end in zip(starts, _ENDS[body], strict=False)]
    return Lpips(body, layers, [each.to(device) for each in _linear_weights(body)], device)


def _kind(state: Mapping[str, "Tensor"], path: Path) -> Body:
    first = state.get("features.0.weight")
    shape = None if first is None else tuple(first.shape)
    if shape == (64, 3, 11, 11):
        return "alex"
    if shape == (64, 3, 3, 3):
        return "vgg"
    seen = "has no features.0.weight" if shape is None else f"begins with a filter of {shape}"
    raise RequestError(f"{path} {seen}, so it is neither torchvision's alexnet nor its vgg16; try {SAVE_IT}")


def _features(body: Body, state: Mapping[str, "Tensor"], path: Path) -> "nn.Sequential":
    """The body up to the last layer that is compared, with its weights."""
    from torch import nn

    from wideopen.zoo.checkpoint import fill

    parts = _alexnet() if body == "alex" else _vgg16()
    features = nn.Sequential(*parts).requires_grad_(False).eval()
    fill(nn.ModuleDict({"features": features}), state, f"{path} for torchvision's {_torchvision(body)}")
    return features


def _torchvision(body: Body) -> str:
    return "alexnet" if body == "alex" else "vgg16"


def _alexnet() -> list["nn.Module"]:
    """Krizhevsky, One weird trick for parallelizing convolutional networks, 2014, under torchvision's numbers."""
    from torch import nn

    return [
        nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(inplace=True),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(inplace=True),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(inplace=True),
    ]  # fmt: skip


def _vgg16() -> list["nn.Module"]:
    """Simonyan and Zisserman, ICLR 2015, configuration D, under torchvision's numbers."""
    from torch import nn

    parts: list[nn.Module] = []
    before = 3
    for width, depth in _VGG16:
        for _ in range(depth):
            parts += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU(inplace=True)]
            before = width
        parts.append(nn.MaxPool2d(2))
    return parts[:-1]


def _linear_weights(body: Body) -> list["Tensor"]:
    """Those that torchmetrics ships, without loading it."""
    from wideopen.zoo.checkpoint import read_tensors

    spec = find_spec("torchmetrics")
    if spec is None or spec.origin is None:
        raise RequestError("LPIPS needs the linear weights that torchmetrics ships; install wideopen[research]")
    path = Path(spec.origin).parent / "functional" / "image" / "lpips_models" / f"{body}.pth"
    state = read_tensors(path)
    try:
        return [state[f"lin{k}.model.1.weight"][0] for k in range(len(_ENDS[body]))]
    except KeyError as error:
        raise RequestError(f"{path} has no {error.args[0]}; install torchmetrics 1.8 or 1.9") from error


def _distance(f: "Tensor", g: "Tensor", weights: "Tensor") -> float:
    """Weigh the squared differences of features of length 1, and average over the picture."""
    total = 0.0
    for top in range(0, f.shape[2], _ROWS):
        one, other = (_of_length_one(each[:, :, top : top + _ROWS]) for each in (f, g))
        total += float(((one - other).square() * weights).sum())
    return total / (f.shape[2] * f.shape[3])


def _of_length_one(features: "Tensor") -> "Tensor":
    return features / (features.square().sum(dim=1, keepdim=True).sqrt() + EPSILON)
