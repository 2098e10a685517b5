"""Windows of many series, for training and for forecasts: drawn in one go, none beyond where it may look."""
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from reprise.core.errors import InputError
from reprise.data.corpora.shuffle import shuffled

__all__ = ["Lane", "Lanes", "WindowBatches", "Windows"]


class Windows(NamedTuple):
    """L values of D series up to an origin, `x`, and the H from there, `y`.

    clock: of the first value of x, in steps of the series' clock.   series: which one each column is.
    """

    x: Float[Tensor, "B L D"]
    y: Float[Tensor, "B H D"]
    clock: Int64[Tensor, "B"]
    series: Int64[Tensor, "B D"]


class Lane(NamedTuple):
    """D series side by side on one clock, whose first values are at `tick` of it: one series, or all together."""

    values: Float[np.ndarray, "T D"]
    tick: int
    series: Sequence[int]


class Lanes:
    """Lanes end to end, each begun with its first value `lookback` - 1 times over, so that each window is a view.

    That is what a window holds where it reaches back beyond the first value.
    Raises InputError where no lane has a value; one without has no windows.
    """

    def __init__(self, lanes: Sequence[Lane], lookback: int):
        self.lookback, self.lengths = lookback, np.array([len(lane.values) for lane in lanes])
        if not self.lengths.any():
            raise InputError(f"windows: expected a value or more, got none in {len(lanes)} series")
        begun = [np.concatenate([np.repeat(lane.values[:1], lookback - 1, 0), lane.values]) for lane in lanes]
        self.values = torch.from_numpy(np.concatenate(begun).astype(np.float32))
        self.starts = np.cumsum([len(lane) for lane in begun]) - self.lengths  # of the values themselves
        self.ticks = np.array([lane.tick for lane in lanes])
        self.series = torch.tensor([list(lane.series) for lane in lanes])

    def windows(self, lane: Int64[np.ndarray, " B"], origin: Int64[np.ndarray, " B"], horizon: int) -> Windows:
        """Those before and after so many values of so many lanes. Origins are 1 or more, and `horizon` before the end
        of their lane or more.
        """
        every = self.values.unfold(0, self.lookback + horizon, 1)
        first = torch.from_numpy(self.starts[lane] + origin - self.lookback)
        x, y = every[first].mT.split([self.lookback, horizon], 1)
        clock = torch.from_numpy(self.ticks[lane] + origin - self.lookback)
        return Windows(x, y, clock, self.series[torch.from_numpy(lane)])


class WindowBatches:
    """Endless batches of windows from all over some lanes, each epoch in another order, without those left at its end.

    A window and what follows it lie within the lane; of a lane too short for that, windows begin with its first value
    repeated. A lane of no more than `horizon` values has none. A batch is as large as there are windows, at most.
    Holds its place in `state_dict()`, so that training goes on bit for bit.
    Raises InputError where no lane has a window.
    """

    def __init__(self, lanes: Lanes, horizon: int, batch: int, seed: int = 0):
        lengths, lookback = lanes.lengths, lanes.lookback
        self.lanes, self.horizon, self.seed = lanes, horizon, seed
        self.first = np.where(lengths >= lookback + horizon, lookback, 1)  # origins
        counts = np.maximum(lengths - horizon - self.first + 1, 0)
        self.before = np.concatenate([[0], np.cumsum(counts)])
        self.count = int(self.before[-1])
        if not self.count:
            raise InputError(f"windows: the longest training part has {lengths.max()} values, too few for one and "
                             f"{horizon} to forecast; ask for a shorter horizon")
        self.batch = min(batch, self.count)
        self.epoch = self.step = 0

    def __iter__(self) -> Iterator[Windows]:
        return self

    def __next__(self) -> Windows:
        places = np.arange(self.step * self.batch, (self.step + 1) * self.batch)
        places = shuffled(places, self.count, (self.seed, self.epoch))
        self.step += 1
        if (self.step + 1) * self.batch > self.count:
            self.epoch, self.step = self.epoch + 1, 0
        lane = np.searchsorted(self.before, places, "right") - 1
        return self.lanes.windows(lane, places - self.before[lane] + self.first[lane], self.horizon)

    def state_dict(self) -> dict[str, int]:
        """The place, and what it is a place in; plain values."""
        return {**self._about(), "epoch": self.epoch, "step": self.step}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from a saved place. Raises InputError for one of other windows."""
        about = self._about()
        wrong = [f"{name} was {state.get(name)}, is {now}" for name, now in about.items() if state.get(name) != now]
        if wrong or {"epoch", "step"} - state.keys():
            raise InputError(f"this place belongs to other windows ({'; '.join(wrong) or 'it says no epoch or step'}); "
                             "use the same series, lookback, horizon, batch and seed")
        self.epoch, self.step = state["epoch"], state["step"]

    def _about(self) -> dict[str, int]:
        return {"windows": self.count, "lookback": self.lanes.lookback, "horizon": self.horizon, "batch": self.batch,
                "seed": self.seed}
