"""One training run as a value that can be saved at any update and gone on with, bit for bit."""
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from reprise.core.errors import InputError
from reprise.core.state import named_tensors, refill
from reprise.training.checkpoint import load_checkpoint, save_checkpoint
from reprise.training.fit import Launcher, Record, fit
from reprise.training.guard import NonFinite, bad_weight
from reprise.training.objectives import Objective, next_token
from reprise.training.schedules import constant

__all__ = ["Batches", "Run"]

SMOOTHING = 0.98  # of the loss that a checkpoint tells: about the last fifty updates


@runtime_checkable
class Batches(Protocol):
    """Batches that know how far they have been handed out, and go on from there."""

    def __iter__(self) -> Iterator[Any]: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


@dataclass
class Run:
    """`for record in run` trains; between two records it may be saved, and stopped.

    A saved run that is loaded into one built in the same way goes on bit for bit, given the same machine and number of
    threads: weights, optimiser, schedule, place in the data, carried state and generators are all in the file.
    """

    model: nn.Module
    batches: Batches
    optimiser: torch.optim.Optimizer
    schedule: Callable[[int], float] = constant
    objective: Objective = next_token
    clip: float = 1.0
    mixed: bool = True
    fabric: Launcher | None = None
    step: int = field(default=0, init=False)  # updates made
    tokens: int = field(default=0, init=False)  # targets learnt from
    smoothed_loss: float | None = field(default=None, init=False)
    state: Any = field(default=None, init=False, repr=False)  # what the model carries

    def __iter__(self) -> Iterator[Record]:
        records = fit(self.model, self.batches, self.objective, self.optimiser, self.schedule, step=self.step,
                      state=self.state, clip=self.clip, mixed=self.mixed, fabric=self.fabric)
        for record in records:
            self.step, self.state, self.tokens = record.step, record.state, self.tokens + record.tokens
            before = record.loss if self.smoothed_loss is None else self.smoothed_loss
            self.smoothed_loss = SMOOTHING * before + (1 - SMOOTHING) * record.loss
            yield record

    def save(self, path: str | Path) -> None:
        """Everything in one file, whole or not at all. Raises NonFinite for weights that are not finite."""
        save_checkpoint(path, self.state_dict())

    def load(self, path: str | Path) -> None:
        """Goes to where the saved run was. Raises InputError for a file that is damaged or of another run."""
        self.load_state_dict(load_checkpoint(path))

    def state_dict(self) -> dict[str, Any]:
        """A tree of everything that the next update depends on. Raises NonFinite for weights that are not finite."""
        where = bad_weight(self.model)
        if where:
            raise NonFinite(self.step, where, "nothing was saved; go back to the checkpoint before, at a lower rate")
        state = None if self.state is None else dict(named_tensors(self.state))
        return {
            "step": self.step, "tokens": self.tokens, "smoothed_loss": self.smoothed_loss,
            "schedule": _told(self.schedule), "clip": self.clip, "mixed": self.mixed,
            "weights": dict(self.model.state_dict()), "optimiser": self.optimiser.state_dict(),
            "batches": self.batches.state_dict(), "state": state, "random": _random(),
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Goes to where `state_dict` was taken. Raises InputError where this run was built differently."""
        self._check(saved)
        state = None if saved["state"] is None else _filled(self.model, saved["state"])
        self.batches.load_state_dict(saved["batches"])
        self.model.load_state_dict(saved["weights"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.step, self.tokens, self.smoothed_loss = saved["step"], saved["tokens"], saved["smoothed_loss"]
        self.state = state
        _set_random(saved["random"])

    def _check(self, saved: dict[str, Any]) -> None:
        """Nothing is touched before everything is found to fit."""
        mine = {"schedule": _told(self.schedule), "clip": self.clip, "mixed": self.mixed,
                "weights": _shapes(self.model.state_dict()), "optimiser": _sizes(self.optimiser.state_dict())}
        theirs = saved | {"weights": _shapes(saved["weights"]), "optimiser": _sizes(saved["optimiser"])}
        for part, value in mine.items():
            if value != theirs[part]:
                raise InputError(f"this checkpoint is of another run: its {part}: {_difference(theirs[part], value)}; "
                                 "build the run as it was, or start a new one")


def _told(schedule: Callable[[int], float]) -> dict[str, Any] | str:
    if is_dataclass(schedule) and not isinstance(schedule, type):
        return {"name": type(schedule).__name__} | asdict(schedule)
    return getattr(schedule, "__name__", type(schedule).__name__)


def _shapes(tensors: dict[str, Tensor]) -> dict[str, str]:
    return {name: f"{tensor.dtype} {tuple(tensor.shape)}" for name, tensor in tensors.items()}


def _sizes(optimiser: dict[str, Any]) -> dict[str, int]:
    return {str(group.get("name", i)): len(group["params"]) for i, group in enumerate(optimiser["param_groups"])}


def _difference(saved: Any, here: Any) -> str:
    if not (isinstance(saved, dict) and isinstance(here, dict)):
        return f"{saved} saved, {here} here"
    key = next(k for k in [*saved, *here] if saved.get(k) != here.get(k))
    return f"{key} is {saved.get(key, 'missing')} saved, {here.get(key, 'missing')} here"


def _filled(model: nn.Module, tensors: dict[str, Tensor]) -> Any:
    """The model's state, from its tensors by name."""
    batch = next((len(tensor) for tensor in tensors.values()), 0)
    empty = model.initial_state(batch)
    wanted = dict(named_tensors(empty))
    if {name: t.shape for name, t in wanted.items()} != {name: t.shape for name, t in tensors.items()}:
        raise InputError(f"this checkpoint is of another run: its state holds {_shapes(tensors)}, "
                         f"the model's {_shapes(wanted)}")
    return refill(empty, [tensors[name].to(tensor.device) for name, tensor in wanted.items()])


def _random() -> dict[str, Any]:
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def _set_random(saved: dict[str, Any]) -> None:
    torch.set_rng_state(saved["cpu"])
    if torch.cuda.is_available() and len(saved["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(saved["cuda"])
