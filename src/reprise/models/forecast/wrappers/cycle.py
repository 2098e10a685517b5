"""A cycle that is learned, taken from what a forecaster sees and added to what it says."""
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int64, Integer
from torch import Tensor, nn

from reprise.core.errors import InputError, check_counts
from reprise.models.forecast.wrappers.clocked import forecast_at

__all__ = ["Cyclic", "CyclicModel", "CyclicState", "RecurrentCycle"]


class RecurrentCycle(nn.Module):
    """W values of each of C series that come round and round, zero at first.

        c_t = Q[t mod W]

    forward: their `steps` values from `clock` (B,) on, of the series given (B D), or of all, D = C: (B steps D).
    Source   Lin et al. 2024, arXiv:2409.18479, sec. 3.1   (lin2024cyclenet)
    """

    undecayed_parameters = ("values",)

    def __init__(self, cycle: int, channels: int):
        super().__init__()
        check_counts("RecurrentCycle", cycle=cycle, channels=channels)
        self.cycle, self.channels = cycle, channels
        self.values = nn.Parameter(torch.zeros(cycle, channels))

    def forward(
        self, clock: Integer[Tensor, "B"], steps: int, series: Integer[Tensor, "B D"] | None = None,
    ) -> Float[Tensor, "B steps D"]:
        rows = self.values.T.expand(len(clock), -1, -1) if series is None else self.values.T[series]  # B D W
        at = (clock[:, None] + torch.arange(steps, device=clock.device)) % self.cycle
        return rows.gather(2, at[:, None].expand(-1, rows.shape[1], -1)).mT


class Cyclic(nn.Module):
    """Residual cycle forecasting: any windowed forecaster sees a window without its cycle.

        y = f(x - c_{t ... t+L-1}) + c_{t+L ... t+L+H-1},   t: the clock at the first value of x

    Shapes   x (B L D) -> y (B H D), or quantiles (B H D Q), with clock (B,), and series (B D) where D are not all C
    Source   Lin et al. 2024, arXiv:2409.18479, sec. 3   (lin2024cyclenet)
    """

    reads_clock = True

    def __init__(self, forecaster: nn.Module, cycle: int, channels: int):
        super().__init__()
        self.forecaster, self.cycle = forecaster, RecurrentCycle(cycle, channels)

    def forward(
        self, x: Float[Tensor, "B L D"], clock: Integer[Tensor, "B"], series: Integer[Tensor, "B D"] | None = None,
    ) -> Float[Tensor, "B H D ..."]:
        if series is None and x.shape[2] != self.cycle.channels:
            raise InputError(f"Cyclic: expected windows of all {self.cycle.channels} series, got {tuple(x.shape)}; say "
                             "which series each column is")
        y = forecast_at(self.forecaster, x - self.cycle(clock, x.shape[1], series), clock, series)
        ahead = self.cycle(clock + x.shape[1], y.shape[1], series)
        return y + (ahead[..., None] if y.ndim == 4 else ahead)


class CyclicState(NamedTuple):
    """Where in the cycle the next value is, and what the model carries."""

    clock: Int64[Tensor, "B"]
    model: Any


class CyclicModel(nn.Module):
    """The same around a sequence model that says the next values of C series at every step; its phase is state.

        y_t = f(x_t - c_t, state) + c_{t+1}

    Shapes   x (B T C) -> y (B T C), y_t a forecast of x_{t+1};  state: a clock (B,) and the model's
    Raises InputError for a model that does not say as many numbers as it is given.
    """

    def __init__(self, model: nn.Module, cycle: int, channels: int):
        super().__init__()
        self.model, self.cycle = model, RecurrentCycle(cycle, channels)

    def initial_state(self, batch: int, clock: Integer[Tensor, "B"] | None = None) -> CyclicState:
        """Before a value at `clock`, or at 0."""
        start = torch.zeros(batch, dtype=torch.int64, device=self.cycle.values.device) if clock is None else clock
        return CyclicState(start, self.model.initial_state(batch))

    def forward(
        self, x: Float[Tensor, "B T C"], state: CyclicState | None = None,
    ) -> tuple[Float[Tensor, "B T C"], CyclicState]:
        clock, carried = self.initial_state(len(x)) if state is None else state
        cycle = self.cycle(clock, x.shape[1] + 1)
        y, carried = self.model(x - cycle[:, :-1], carried)
        if y.shape != x.shape:
            raise InputError(f"CyclicModel: expected a model that answers {tuple(x.shape)}, the next values at every "
                             f"step, got {tuple(y.shape)}; build it with as many outputs as inputs, read='each'")
        return y + cycle[:, 1:], CyclicState(clock + x.shape[1], carried)

    def step(self, x: Float[Tensor, "B C"], state: CyclicState) -> tuple[Float[Tensor, "B C"], CyclicState]:
        now, following = self.cycle(state.clock, 2).unbind(1)
        y, carried = self.model.step(x - now, state.model)
        return y + following, CyclicState(state.clock + 1, carried)
