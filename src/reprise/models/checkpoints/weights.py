"""Tensors by name, in a folder or a file of any format in use; nothing in a file is ever run."""
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from pickle import UnpicklingError  # the name of an error: nothing here unpickles

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from reprise.core.errors import InputError

__all__ = ["Weights", "open_weights"]

SAFE, TORCH = "model.safetensors", "pytorch_model.bin"
TORCH_FILES = (".bin", ".pth", ".pt")
MALFORMED = (  # what torch raises, by where in a file the damage is
    RuntimeError, EOFError, OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError)


class Weights(Mapping[str, Tensor]):
    """Tensors that are read, and on the CPU, once they are asked for."""

    def __init__(self, source: Path, readers: dict[str, Callable[[], Tensor]]):
        self.source, self.readers = source, readers

    def __getitem__(self, name: str) -> Tensor:
        try:
            return self.readers[name]()
        except SafetensorError as error:
            raise InputError(f"{self.source}: {name!r} cannot be read ({error}); use another copy") from error

    def __iter__(self) -> Iterator[str]:
        return iter(self.readers)

    def __len__(self) -> int:
        return len(self.readers)


def open_weights(source: Path) -> Weights:
    """What `source` holds: a file, or a folder with one file or with many and their index; safetensors come first.

    Raises InputError for what is damaged, in no such format, or more than tensors.
    """
    if source.is_file():
        return _open(source)
    for name in (SAFE, TORCH):
        if (source / name).exists():
            return _open(source / name)
        index = source / f"{name}.index.json"
        if index.exists():
            return _sharded(index)
    raise InputError(f"{source}: holds neither {SAFE} nor {TORCH}, nor an index of several; "
                     "give the file itself if it has another name")


def _open(path: Path) -> Weights:
    return _torch(path) if path.suffix in TORCH_FILES else _safe(path)


def _safe(path: Path) -> Weights:
    try:
        file = safe_open(path, "pt")
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: cut short, damaged or no safetensors ({error}); use another copy") from error
    return Weights(path, {name: lambda name=name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118


def _torch(path: Path) -> Weights:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise InputError(f"{path}: holds more than tensors, or is damaged, and was not loaded: a file of torch's can "
                         "run code; use a copy in safetensors") from error
    except MALFORMED as error:
        raise InputError(f"{path}: cut short, damaged or no file of torch's ({type(error).__name__}); use another "
                         "copy") from error
    if not isinstance(found, dict) or not all(isinstance(k, str) and isinstance(z, Tensor) for k, z in found.items()):
        raise InputError(f"{path}: expected tensors by name, got a {type(found).__name__}; give the weights alone")
    return Weights(path, {name: lambda z=z: z for name, z in found.items()})


def _sharded(index: Path) -> Weights:
    """The tensors of many files, each where the index says."""
    try:
        places = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        files = {name: _open(index.parent / name) for name in sorted(set(places.values())) if Path(name).name == name}
    except InputError:
        raise  # of one of the files, which it names
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{index}: damaged ({error}); use another copy") from error
    lost = sorted(name for name, file in places.items() if name not in files.get(file, ()))
    if lost:
        raise InputError(f"{index}: {lost[0]!r} should be in {places[lost[0]]!r} and is not; use another copy")
    return Weights(index, {name: lambda name=name, file=file: files[file][name] for name, file in places.items()})
