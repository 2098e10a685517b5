"""What a folder of results is for: written into it once, and compared before anything is added."""
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reprise.core.errors import InputError
from reprise.core.files import atomic_write

__all__ = ["claim", "sole_use"]


def claim(note: Path, what: str, about: dict[str, Any]) -> None:
    """Write `about` to `note`, unless it says the same already; `what` is the word for it in errors.

    Raises InputError for a folder that is in use for something else, and names every difference.
    """
    folder, about = note.parent, json.loads(json.dumps(about))
    if note.exists():
        changed = _changes(note, about)
        if changed:
            raise InputError(f"{folder} holds another {what} ({'; '.join(changed)}); "
                             "choose another --out, or delete it")
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is not empty and holds no {what}; choose another --out")
    atomic_write(note, (json.dumps(about, indent=2) + "\n").encode())


@contextmanager
def sole_use(folder: Path, wait: bool = False) -> Iterator[None]:
    """Keeps other processes from working in `folder` meanwhile; a kill ends that too.

    Raises InputError where another is at work already, unless told to wait for it.
    """
    if sys.platform == "win32":  # which has no such lock
        yield
        return
    import fcntl

    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise InputError(f"{folder} is in use by another reprise; wait for it, or choose another --out") from error
        yield


def _changes(note: Path, about: dict[str, Any]) -> list[str]:
    try:
        before = json.loads(note.read_text())
        return [f"{key} was {before.get(key)}, is {now}" for key, now in about.items() if before.get(key) != now]
    except (ValueError, AttributeError) as error:
        raise InputError(f"{note} is damaged; choose another --out, or delete {note.parent}") from error
