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
        raise InputError(f"cannot write to the cache folder {root}: {error.strerror}; set REPRISE_CACHE to another") from error
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
        building = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise InputError(
            f"cannot write to the cache folder {target.parent}: {error.strerror}; set REPRISE_CACHE to another"
        ) from error
    try:
        fill(building)
        _sync([*building.iterdir(), building])
        try:
            building.rename(target)
        except OSError:
            if not target.is_dir():
                raise
        _sync([target.parent])
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _sync(paths: Iterable[Path]) -> None:
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
