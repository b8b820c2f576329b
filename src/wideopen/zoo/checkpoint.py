"""Checkpoints: weights as safetensors, whose header says what they are and how they came to be."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from wideopen.errors import RequestError
from wideopen.zoo.catalog import solution
from wideopen.zoo.solution import Solution

HEADER = "wideopen"


@dataclass(frozen=True)
class Record:
    """What a checkpoint is, and how it came to be."""

    solution: str
    switches: dict[str, bool] = field(default_factory=dict)
    """Keywords that the network was built with."""
    step: int = 0
    recipe: str = ""
    data: str = ""
    seed: int | None = None
    commit: str = ""
    command: str = ""
    licence: str = ""
    """Of the weights."""
    source: str = ""
    """File that they were converted from."""

    def to_json(self) -> str:
        """As one line."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """Read a record; what a later version added is left out."""
        known = {each.name for each in fields(cls)}
        return cls(**{key: value for key, value in json.loads(text).items() if key in known})


def save(network: nn.Module, path: Path, record: Record, *, overwrite: bool = False) -> Path:
    """Write a checkpoint whole or not at all.

    Raises:
        RequestError: If the file is there already or cannot be written.
    """
    if path.suffix != ".safetensors":
        raise RequestError(f"{path} does not end in .safetensors, as checkpoints do")
    if path.exists() and not overwrite:
        raise RequestError(f"{path} is there already; choose another name or allow --overwrite")
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(to_bytes(state, {HEADER: record.to_json()}))
        beside.replace(path)
    except OSError as error:
        raise RequestError(f"{path} cannot be written ({error.strerror}); choose another place") from error
    finally:
        beside.unlink(missing_ok=True)
    return path


def read_record(path: Path) -> Record:
    """Read only the header.

    Raises:
        RequestError: If the file is no checkpoint of wideopen's.
    """
    try:
        with safe_open(path, "pt") as file:
            header = (file.metadata() or {}).get(HEADER)
    except FileNotFoundError as error:
        raise RequestError(f"there is no file {path}") from error
    except (OSError, SafetensorError) as error:
        raise RequestError(f"{path} is no safetensors file ({' '.join(str(error).split())})") from error
    if header is None:
        raise RequestError(f"{path} does not say which solution it is of; make a checkpoint of it by wideopen convert")
    try:
        return Record.from_json(header)
    except (ValueError, TypeError, AttributeError) as error:
        raise RequestError(f"{path} has a header that cannot be read ({error})") from error


def load(path: Path) -> tuple[Solution, nn.Module, Record]:
    """Build the network of a checkpoint and give it its weights.

    Raises:
        RequestError: If the file is no checkpoint, or its weights do not fit the solution that it names.
    """
    record = read_record(path)
    found = solution(record.solution)
    network = found.build(**record.switches)
    with safe_open(path, "pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
    fill(network, state, f"{path} for {found.name}")
    return found, network, record


def fill(network: nn.Module, state: Mapping[str, Tensor], what: str) -> None:
    """Give a network its weights, all of them, and only if all fit.

    Raises:
        RequestError: If any is missing, left over or of another shape; it names the first.
    """
    wanted = network.state_dict()
    missing = [name for name in wanted if name not in state]
    surplus = [name for name in state if name not in wanted]
    wrong = [name for name in wanted if name in state and state[name].shape != wanted[name].shape]
    faults = []
    if missing:
        faults.append(f"{len(missing)} weights are missing, the first is {missing[0]}")
    if surplus:
        faults.append(f"{len(surplus)} are left over, the first is {surplus[0]}")
    if wrong:
        name = wrong[0]
        faults.append(
            f"{len(wrong)} have another shape, the first is {name}, {tuple(state[name].shape)} "
            f"where {tuple(wanted[name].shape)} is wanted"
        )
    if faults:
        raise RequestError(f"{what}: {'; '.join(faults)}")
    network.load_state_dict(dict(state))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read named tensors of any file that holds nothing else: .safetensors, .pth, .pt, .npz, .h5, TensorFlow's .index.

    Raises:
        RequestError: If the file cannot be read, holds more than tensors, or needs a library that is not here.
    """
    if not path.exists():
        raise RequestError(f"there is no file {path}")
    readers: dict[str, Any] = {
        ".safetensors": _read_safetensors, ".npz": _read_npz, ".h5": _read_h5, ".keras": _read_h5,
        ".index": _read_tensorflow,
    }  # fmt: skip
    try:
        return readers.get(path.suffix.lower(), _read_torch)(path)
    except ModuleNotFoundError as error:
        raise RequestError(f"reading {path} needs {error.name}; install it by pip install {error.name}") from error
    except (OSError, SafetensorError, ValueError, KeyError, EOFError) as error:
        raise RequestError(f"{path} cannot be read ({' '.join(str(error).split())[:200]})") from error


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping


def _read_torch(path: Path) -> dict[str, Tensor]:
    """Read a pickle of tensors; whatever else it would do is refused."""
    import pickle

    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError) as error:
        raise RequestError(
            f"{path} is no file of tensors alone, and is not opened: a pickle can run any code; save its state_dict "
            "by itself with torch.save"
        ) from error
    for wrapper in ("net", "state_dict", "model", "generator"):
        if isinstance(found, dict) and isinstance(found.get(wrapper), dict):
            found = found[wrapper]
    if not isinstance(found, dict) or not all(isinstance(each, Tensor) for each in found.values()) or not found:
        raise RequestError(f"{path} holds no state_dict: a dictionary of names and tensors is wanted")
    return {name.removeprefix("module."): tensor for name, tensor in found.items()}


def _read_npz(path: Path) -> dict[str, Tensor]:
    import numpy as np

    with np.load(path, allow_pickle=False) as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


def _read_h5(path: Path) -> dict[str, Tensor]:
    import h5py

    found = {}

    def take(name: str, entry: Any) -> None:  # noqa: ANN401
        if isinstance(entry, h5py.Dataset):
            found[name.removesuffix(":0")] = torch.from_numpy(entry[()])

    with h5py.File(path, "r") as file:
        file.visititems(take)
    return found


def _read_tensorflow(path: Path) -> dict[str, Tensor]:
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(path.with_suffix("")))
    return {name: torch.from_numpy(reader.get_tensor(name)) for name in reader.get_variable_to_dtype_map()}
