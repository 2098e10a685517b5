"""Files of tensors: written whole or not at all, checked at load down to the last bit. safetensors, never pickle."""
import contextlib
import errno
import hashlib
import json
import os
import secrets
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError
from safetensors.torch import load as unpack, save as pack
from torch import Tensor

from reprise.core.errors import InputError

__all__ = ["atomic_write", "digest", "is_ours", "load_tensors", "save_tensors"]

KEY = "reprise"  # the one entry of a file's metadata: a digest of the whole header, then JSON
START = f'{{"__metadata__":{{"{KEY}":"'.encode()
SEAL = slice(8 + len(START), 8 + len(START) + 64)  # where the header's own digest stands in the file
OPEN = b"0" * 64  # what stands there while the digest is computed


def atomic_write(path: str | Path, content: bytes | Callable[[BinaryIO], object]) -> None:
    """Puts `content`, or what it writes to the file it is handed, at `path`: all of it or, whatever happens, none.

    A folder that is missing is made. Whoever reads meanwhile sees the previous file whole; once this returns, the new
    one survives a loss of power. Raises InputError where the disk refuses; the previous file is then still there.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _removed_on_failure(temporary):
            with open(temporary, "xb") as file:
                _ = file.write(content) if isinstance(content, bytes) else content(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise InputError(_refusal(path, error)) from error


def save_tensors(path: str | Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Named tensors of any shape, dtype and device, and what they are: `about`, plain JSON with a "kind" in it.

    Tensors that share memory are saved one by one. Raises InputError for what cannot be saved, or a disk that refuses.
    """
    data = _packed(tensors, about)
    length = 8 + int.from_bytes(data[:8], "little")
    seal = hashlib.sha256(data[:length]).hexdigest().encode()
    view = memoryview(data)
    atomic_write(path, lambda file: [file.write(part) for part in (view[:SEAL.start], seal, view[SEAL.stop:])])


def load_tensors(path: str | Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a file, on the CPU and in the order saved, and what was said about them.

    Raises InputError for a file that is missing, not one of ours, of another kind, cut short or damaged; the message
    names the tensor, or the header.
    """
    data = _read(path)
    about, checksums, complex_pairs, spans = _header(path, data)
    if about["kind"] != kind:
        raise InputError(f"{path}: expected a file of kind {kind!r}, got {about['kind']!r}; give the right file")
    try:
        stored = unpack(data)
    except SafetensorError as error:
        raise InputError(f"{path}: cut short or damaged ({error}); use another copy or an earlier one") from error
    if stored.keys() != checksums.keys():
        raise InputError(f"{path}: the header is damaged: it lists other tensors than there are; use another copy")
    tensors = {}
    for name, checksum in checksums.items():
        tensor = stored.pop(name).clone()  # its own memory, aligned as torch aligns it: results may depend on that
        if _checksum(name, tensor.dtype, tensor.shape, memoryview(data)[spans[name]]) != checksum:  # as in the file
            raise InputError(f"{path}: tensor {name!r} is damaged; use another copy or an earlier one")
        tensors[name] = _as_saved(tensor) if name in complex_pairs else tensor
    return tensors, about


def is_ours(path: str | Path) -> bool:
    """Whether a file begins as those of `save_tensors` do; False also where there is none."""
    try:
        with open(path, "rb") as file:
            return file.read(SEAL.start)[8:] == START
    except OSError:
        return False


def digest(tensors: Mapping[str, Tensor]) -> str:
    """A fingerprint (64 hexadecimal digits) of names, types, shapes and values, whatever their order and device."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(hashlib.sha256(_label(name, tensor.dtype, tensor.shape)).digest())
        total.update(hashlib.sha256(_bytes(tensor)).digest())
    return total.hexdigest()


def _packed(tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> bytes:
    if not isinstance(about.get("kind"), str):
        raise InputError(f"save_tensors: expected about['kind'] to say what the file is, got about={dict(about)!r}")
    if "__metadata__" in tensors:
        raise InputError("save_tensors: no tensor can be called '__metadata__'; rename it")
    pairs = [name for name, tensor in tensors.items() if tensor.is_complex()]  # safetensors knows complex64 at most
    plain = {name: _plain(tensor) for name, tensor in tensors.items()}
    stored = _apart({name: torch.view_as_real(tensor) if name in pairs else tensor for name, tensor in plain.items()})
    checksums = {name: _checksum(name, tensor.dtype, tensor.shape, _bytes(tensor)) for name, tensor in stored.items()}
    try:
        text = json.dumps({"about": about, "checksums": checksums, "complex": pairs})
    except (TypeError, ValueError) as error:
        raise InputError(f"save_tensors: about must be plain JSON: {error}; put tensors among the tensors") from error
    return pack(stored, {KEY: OPEN.decode() + text})


def _header(path: str | Path, data: bytes) -> tuple[dict[str, Any], dict[str, str], list[str], dict[str, slice]]:
    """What the file says about itself, once its seal is found intact, and where each tensor lies in it."""
    length = 8 + int.from_bytes(data[:8], "little")
    if data[8:SEAL.start] != START:
        raise InputError(f"{path}: not a reprise checkpoint: expected a file that reprise saved, got something else, "
                         "or the header is damaged; check the path")
    if length > len(data):
        raise InputError(f"{path}: cut short, or the header is damaged: {len(data)} bytes of {length} or more; "
                         "use another copy")
    if hashlib.sha256(data[:SEAL.start] + OPEN + data[SEAL.stop:length]).hexdigest().encode() == data[SEAL]:
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):  # a made-up one
            header = json.loads(data[8:length])
            spans = {name: slice(*(length + end for end in entry["data_offsets"]))
                     for name, entry in header.items() if name != "__metadata__"}
            match json.loads(header["__metadata__"][KEY][64:]):
                case {"about": {"kind": str()} as about, "checksums": dict() as checksums, "complex": list() as pairs}:
                    return about, checksums, pairs, spans
    raise InputError(f"{path}: the header is damaged; use another copy or an earlier one")


def _read(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({_reason(error)}); check the path") from error


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, of which no two share memory."""
    seen: set[int] = set()
    for name, tensor in tensors.items():
        place = tensor.untyped_storage().data_ptr()
        tensors[name] = tensor.clone() if place in seen else tensor
        seen.add(place)
    return tensors


def _as_saved(pairs: Tensor) -> Tensor:
    """Complex numbers from the pairs of real ones that stand for them in the file."""
    if pairs.dtype not in (torch.float32, torch.float64) or pairs.shape[-1:] != (2,):
        raise InputError(f"the header is damaged: complex numbers kept as {pairs.dtype} {tuple(pairs.shape)}")
    return torch.view_as_complex(pairs)


def _plain(tensor: Tensor) -> Tensor:
    """The same values dense, on the CPU, in memory of their own order."""
    return tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()


def _bytes(tensor: Tensor) -> memoryview:
    return memoryview(_plain(tensor).reshape(-1).view(torch.uint8).numpy())


def _label(name: str, dtype: torch.dtype, shape: torch.Size) -> bytes:
    return f"{name} {dtype} {tuple(shape)}".encode()


def _checksum(name: str, dtype: torch.dtype, shape: torch.Size, content: memoryview) -> str:
    return f"{zlib.crc32(content, zlib.crc32(_label(name, dtype, shape))):08x}"


@contextlib.contextmanager
def _removed_on_failure(temporary: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:  # an interrupt included: nothing half written is left behind
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _sync_folder(folder: Path) -> None:
    """Without this a loss of power may undo the rename."""
    if not hasattr(os, "O_DIRECTORY"):
        return  # Windows, which has no such call
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refusal(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"{path}: no space left: free some or choose another --out; nothing half written is left"
    return f"{path}: cannot be written ({_reason(error)}); choose another --out"


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
