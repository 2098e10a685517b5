"""What a comparison is about, behind one protocol: a class a kind of data (text.py, series.py, ...)."""
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from torch import nn

from reprise.app.findings.measure import Measure
from reprise.app.findings.summary import Baseline
from reprise.core.errors import InputError
from reprise.layers import list_channels
from reprise.training.run import Run
from reprise.training.schedules import WarmupDecay

__all__ = ["Contest", "Entry", "Recipe", "Result", "schedule"]


@dataclass(frozen=True)
class Recipe:
    """How every model is built and trained, whatever it learns from."""

    width: int = 128
    depth: int = 2
    channel: str | None = "glu"
    batch: int = 8
    rate: float = 3e-3
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("width", "depth", "batch", "rate"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}: expected more than 0, got {getattr(self, name)}")
        if self.channel is not None and self.channel not in list_channels():
            raise InputError(f"channel: expected one of {', '.join(list_channels())} or none, got {self.channel!r}")


@dataclass(frozen=True)
class Entry:
    """One model, as it enters: its name, how it is built and trained, and the seed of everything drawn."""

    model: str
    recipe: Recipe
    seed: int


@dataclass(frozen=True)
class Result:
    """What a model comes to on the test part: the score all are ordered by, and the others by the names of `further`.

    detail: plain JSON that the report draws from, as the errors at every horizon.
    """

    score: float
    further: dict[str, float] = field(default_factory=dict)
    detail: dict[str, Any] = field(default_factory=dict)


class Contest(Protocol):
    """Data, how it is split, and how models are scored on it: a frozen dataclass of plain values.

    Its fields say which data and how: `data`, `reading` (how the files are to be read, of the options in `reads`), and
    what is particular to the kind. It travels to other processes, so
    the data are opened when they are first asked for, and the same each time.
    """

    kind: ClassVar[str]  # "text", and the name of the report's module for it
    unit: ClassVar[str]  # what is read, one of it: "byte", "point", "event"
    models: ClassVar[tuple[str, ...]]  # compared where none is named
    recipe: ClassVar[Recipe]  # where nothing else is asked for
    keeps_best: ClassVar[bool]  # the turn that validates best is the model, and not the last one
    reads: ClassVar[tuple[str, ...]]

    data: tuple[str, ...]
    reading: tuple[tuple[str, Any], ...]

    @property
    def measure(self) -> Measure:
        """What all are ordered by."""

    @property
    def further(self) -> tuple[Measure, ...]:
        """The other columns of the leaderboard."""

    def card(self) -> dict[str, Any]:
        """What the data are, as plain JSON, their `name` and `digest` among it. Raises InputError where there are none.
        """

    def told(self) -> str:
        """The same in words, for whoever waits for the training to begin."""

    def check(self, model: str, recipe: Recipe) -> None:
        """Raises InputError for a model or recipe that there is not."""

    def about(self, model: str) -> tuple[str, str]:
        """The family of a model, and a sentence about it."""

    def run(self, entry: Entry, steps: int) -> Run:
        """The training run at its beginning, the same each time, its model on the recipe's device."""

    def units(self, entry: Entry) -> int:
        """How many units an update reads."""

    def validate(self, entry: Entry, trained: nn.Module) -> float | None:
        """The score on the validation part; None where there is none."""

    def test(self, entry: Entry, trained: nn.Module) -> Result:
        """What the trained model comes to on the test part."""

    def save(self, entry: Entry, trained: nn.Module, folder: Path) -> None:
        """The model as `load`, and every other command, finds it again."""

    def load(self, entry: Entry, folder: Path) -> nn.Module:
        """The model that was saved, on the recipe's device."""

    def stepper(self, entry: Entry, trained: nn.Module) -> Callable[[], object]:
        """What takes in one more unit each time it is called, as a stream would."""

    def state_bytes(self, entry: Entry, trained: nn.Module) -> int:
        """What a stream carries from unit to unit."""

    def baselines(self) -> tuple[str, ...]:
        """The names of what `baseline` measures; several baselines may come of one name."""

    def baseline(self, name: str) -> list[Baseline]:
        """Learnt from the training part without a gradient, measured on the test part.

        Raises InputError for one that does not fit these data; the others go on, and the report says why.
        """

    def shown(self, entry: Entry, trained: nn.Module) -> dict[str, Any]:
        """What the best model does with the data, as plain JSON that the report draws: text, forecasts."""


def schedule(steps: int) -> WarmupDecay:
    """The learning rate of every model: up over the first twentieth, then down to a twentieth."""
    return WarmupDecay(steps, warmup=min(max(steps // 20, 1), 200), floor=0.05)
