"""Checkpoints: everything a run needs to go on as if nothing had happened, in one file."""
import contextlib
import re
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from reprise.core.errors import InputError
from reprise.core.files import load_tensors, save_tensors

__all__ = ["Checkpoints", "load_checkpoint", "save_checkpoint"]


@runtime_checkable
class Restorable(Protocol):
    """What checkpoints are made of: `step`, and a state as a tree of dicts, lists, tuples, tensors and plain values."""

    step: int

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class Checkpoints:
    """The checkpoints of one run in a folder of its own, of which the last `keep` stay."""

    def __init__(self, folder: str | Path, keep: int = 2):
        if keep < 1:
            raise InputError(f"Checkpoints: expected keep >= 1, got {keep}")
        self.folder, self.keep = Path(folder), keep

    def paths(self) -> list[Path]:
        """Those there are, oldest first."""
        found = [p for p in self.folder.glob("step-*.safetensors") if re.fullmatch(r"step-\d+", p.stem)]
        return sorted(found, key=lambda p: int(p.stem.removeprefix("step-")))

    def save(self, run: Restorable) -> Path:
        """Writes what `run` is now; older ones go only once it is safely there."""
        path = self.folder / f"step-{run.step:08d}.safetensors"
        save_checkpoint(path, run.state_dict())
        for old in self.paths()[:-self.keep]:
            old.unlink(missing_ok=True)
        return path

    def restore(self, run: Restorable) -> Path | None:
        """Takes `run` to the latest checkpoint: its path, or None where there is none. Clears what a kill left behind.

        Raises InputError for one that is damaged or of another run, and says which is the one before.
        """
        for left in self.folder.glob(".step-*.tmp"):
            with contextlib.suppress(FileNotFoundError):
                left.unlink()
        *earlier, latest = [None, *self.paths()]
        if latest is None:
            return None
        try:
            state = load_checkpoint(latest)
        except InputError as error:
            remedy = f"; to go on from {earlier[-1]}, delete {latest.name}" if earlier[-1] else ""
            raise InputError(f"{error}{remedy}") from error
        try:
            run.load_state_dict(state)
        except InputError as error:
            raise InputError(f"{latest}: {error}") from error
        return latest


def save_checkpoint(path: str | Path, state: dict[str, Any]) -> None:
    """A tree of dicts, lists, tuples, tensors and plain values as one file. Raises InputError where it cannot be."""
    tensors: dict[str, Tensor] = {}
    save_tensors(path, tensors, {"kind": "checkpoint", "tree": _taken_apart(state, "", tensors)} | _summary(state))


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """The tree that was saved. Raises InputError for a file that is missing, damaged or something else."""
    tensors, about = load_tensors(path, "checkpoint")
    return _put_together(about["tree"], tensors)


def _summary(state: dict[str, Any]) -> dict[str, Any]:
    """What a reader of the header wants to see without the tree."""
    return {name: state[name] for name in ("step", "tokens", "smoothed_loss") if name in state}


def _taken_apart(tree: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """The tree as JSON holds it; its tensors, named by where they stand, go to `tensors`."""
    if isinstance(tree, Tensor):
        tensors[name] = tree
        return {"tensor": name}
    if isinstance(tree, dict):
        return {"dict": [[key, _taken_apart(part, f"{name}/{key}", tensors)] for key, part in tree.items()]}
    if isinstance(tree, list | tuple):
        kind = "list" if isinstance(tree, list) else "tuple"
        return {kind: [_taken_apart(part, f"{name}/{i}", tensors) for i, part in enumerate(tree)]}
    return tree


def _put_together(tree: Any, tensors: dict[str, Tensor]) -> Any:
    match tree:
        case {"tensor": name}:
            return tensors[name]
        case {"dict": parts}:
            return {key: _put_together(part, tensors) for key, part in parts}
        case {"list": parts}:
            return [_put_together(part, tensors) for part in parts]
        case {"tuple": parts}:
            return tuple(_put_together(part, tensors) for part in parts)
    return tree
