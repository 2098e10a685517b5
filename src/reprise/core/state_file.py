"""A carried state as a file: saved in one process, continued in another, refused by the wrong model."""
import json
from pathlib import Path
from typing import Any

from torch import nn

from reprise.core.errors import InputError
from reprise.core.files import digest, load_tensors, save_tensors
from reprise.core.state import growing, named_tensors, refill, shape_without_time

__all__ = ["fingerprint", "load_state", "save_state", "saved_position"]


def fingerprint(model: nn.Module) -> dict[str, Any]:
    """What a state belongs to: the class, what it was built with, its precision, its weights."""
    weights = model.state_dict()
    telling = {k: v for k, v in getattr(model, "options", {}).items() if k not in getattr(model, "ways", ())}
    options = json.loads(json.dumps(telling, default=repr))
    dtypes = sorted({str(w.dtype).removeprefix("torch.") for w in weights.values()})
    return {"model": type(model).__name__, "options": options, "dtype": "+".join(dtypes), "weights": digest(weights)}


def save_state(path: str | Path, state: Any, model: nn.Module, position: int = 0) -> None:
    """Write `state`, with the fingerprint of the model that made it and how many steps it has seen (`position`).

    Atomic: a reader finds the old file or the new one. Raises InputError where the disk refuses.
    """
    save_tensors(path, dict(named_tensors(state)), {"kind": "state", "position": position, **fingerprint(model)})


def load_state(path: str | Path, model: nn.Module, *, other_weights: bool = False) -> Any:
    """The state in that file, on the device of the model, which must be the one that made it.

    `other_weights` accepts a model built alike whose weights have changed since, as after more training. Raises
    InputError for a file that is damaged, or a state of another model.
    """
    tensors, about = load_tensors(path, "state")
    ours = fingerprint(model)
    for key in ("model", "options", "dtype", *([] if other_weights else ["weights"])):
        if about[key] != ours[key]:
            hint = "; pass other_weights=True to carry on all the same" if key == "weights" else ""
            raise InputError(f"{path}: this state belongs to another model: "
                             f"its {key} is {about[key]}, here it is {ours[key]}{hint}")
    batch = len(next(iter(tensors.values()))) if tensors else 0
    like = model.initial_state(batch)
    grows = growing(like)
    want, got = ({name: (shape_without_time(t, name in grows), t.dtype) for name, t in found}
                 for found in (named_tensors(like), tensors.items()))
    if want != got:
        raise InputError(f"{path}: the state holds {got}, the model carries {want}; it was saved by another version")
    return refill(like, [tensors[name].to(t.device) for name, t in named_tensors(like)])


def saved_position(path: str | Path) -> int:
    """How many steps the state in that file has seen."""
    return load_tensors(path, "state")[1]["position"]
