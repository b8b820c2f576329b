"""Bodies that learned on ImageNet, from a file that the user has."""

from pathlib import Path

from torch import nn

from wideopen.errors import RequestError
from wideopen.zoo.checkpoint import read_tensors
from wideopen.zoo.densenet import DenseNetBody, load_torchvision
from wideopen.zoo.resnext import ResNeXt

WANTED = {ResNeXt: "resnext50_32x4d", DenseNetBody: "densenet121"}


def body_of(network: nn.Module) -> ResNeXt | DenseNetBody | None:
    """The part of a network that may start from ImageNet, if it has one."""
    return next((part for part in network.modules() if isinstance(part, ResNeXt | DenseNetBody)), None)


def take_body(network: nn.Module, path: Path) -> str:
    """Give a network's body the weights of a state dict under torchvision's names, and say which body it is.

    Args:
        network: Of aia-smart or ipcv-iitm; other networks have no such body.
        path: Written by ``torch.save(torchvision.models.resnext50_32x4d(weights="DEFAULT").state_dict(), path)``, or of
            densenet121.

    Raises:
        RequestError: If the network has no body, or the file is not one of its.
    """
    body = body_of(network)
    if body is None:
        raise RequestError("this network has no body that learns on ImageNet; it starts from random weights")
    wanted = WANTED[type(body)]
    state = read_tensors(path)
    try:
        if isinstance(body, ResNeXt):
            body.take_weights(state)
        else:
            load_torchvision(body, state)
    except RequestError as error:
        raise RequestError(f"{path} is not torchvision's {wanted}: {error}") from error
    except (RuntimeError, KeyError) as error:
        text = " ".join(str(error).split())[:160]
        raise RequestError(f"{path} is not torchvision's {wanted} ({text})") from error
    return wanted
