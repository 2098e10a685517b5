"""The cache folder, and folders written into it all at once or not at all."""
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from reprise.core.errors import InputError

__all__ = ["cache_folder", "write_folder"]


def cache_folder(*below: str) -> Path:
    """A folder of the cache, made if needed: below `REPRISE_CACHE`, or ~/.cache/reprise where that is unset."""
    root = Path(os.environ.get("REPRISE_CACHE") or "~/.cache/reprise").expanduser()
    folder = root.joinpath(*below)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(root, error) from error
    return folder


def write_folder(target: Path, size: int, fill: Callable[[Path], None]) -> None:
    """Let `fill` write about `size` bytes into a temporary folder; sync it; rename it to `target`.

    Where another process has written `target` meanwhile, its work stays and ours is dropped.
    """
    free = shutil.disk_usage(target.parent).free
    if free < 1.05 * size:
        raise InputError(
            f"the cache folder {target.parent} has {free:,} bytes free and {size:,} are needed; "
            "make room, or set REPRISE_CACHE to another folder"
        )
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as folder:
            building = Path(folder, "complete")
            building.mkdir()
            fill(building)
            _sync([*building.iterdir(), building])
            _rename(building, target)
        _sync([target.parent])
    except OSError as error:
        raise _refused(target.parent, error) from error


def _refused(folder: Path, error: OSError) -> InputError:
    return InputError(f"cannot write to the cache folder {folder}: {error.strerror}; set REPRISE_CACHE to another one")


def _rename(building: Path, target: Path) -> None:
    try:
        building.rename(target)
    except OSError:
        if not target.is_dir():
            raise


def _sync(paths: Iterable[Path]) -> None:
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
