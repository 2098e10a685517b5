"""Every cell of a panel becomes a vector, one layer reads them, and each variate is forecast from its own."""
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import silu

from reprise.core.errors import InputError, check_counts
from reprise.core.layer import SequenceLayer

__all__ = ["VariateForecaster"]


class VariateForecaster(nn.Module):
    """All variates share what embeds a value and what forecasts from a vector; whether they meet is up to the layer.

        e_v = W [x_v, x_v less the value before] + c_v;   y_v = e_v + layer(norm(e))_v
        forecast_v = x_v + O silu(norm(y_v)) + b,   from every step, of it and those before

    layer: of width V K reads all variates side by side, K numbers each, as chimera does; of width K, each alone.
    Norms are over the K numbers, so that only the layer lets variates meet.
    Shapes   x (B L V) -> (B H V), from the last step; `every` (B L H V)
    Raises InputError for a layer of another width, and windows of other variates or of no steps.
    """

    def __init__(self, layer: SequenceLayer, variates: int, horizon: int, channels: int = 16):
        super().__init__()
        check_counts("VariateForecaster", variates=variates, horizon=horizon, channels=channels)
        if layer.width not in (channels, variates * channels):
            raise InputError(f"VariateForecaster: expected a layer of width {channels}, for each variate alone, or "
                             f"{variates * channels}, for {variates} together; got {layer.width}")
        self.layer, self.variates = layer, variates
        self.value = nn.Linear(2, channels, bias=False)
        self.variate = nn.Parameter(0.1 * torch.randn(variates, channels))
        self.before, self.after = nn.RMSNorm(channels, 1e-6), nn.RMSNorm(channels, 1e-6)
        self.out = nn.Linear(channels, horizon)

    def forward(self, x: Float[Tensor, "B L V"]) -> Float[Tensor, "B H V"]:
        return self.every(x)[:, -1]

    def every(self, x: Float[Tensor, "B L V"]) -> Float[Tensor, "B L H V"]:
        """What follows each step: training on all is dearer by the read-out alone."""
        if x.ndim != 3 or x.shape[2] != self.variates or not x.shape[1]:
            raise InputError(f"VariateForecaster: expected windows (B, L, {self.variates}) with L of 1 or more, got "
                             f"{tuple(x.shape)}")
        change = torch.diff(x, dim=1, prepend=x[:, :1])
        e = self.value(torch.stack([x, change], -1)) + self.variate
        y = e + self._read(self.before(e))
        return self.out(silu(self.after(y))).mT + x[:, :, None]

    def _read(self, u: Float[Tensor, "B L V K"]) -> Float[Tensor, "B L V K"]:
        B, _, V, K = u.shape
        if self.layer.width == V * K:
            return self.layer(u.flatten(2))[0].unflatten(-1, (V, K))
        return self.layer(u.movedim(2, 1).flatten(0, 1))[0].unflatten(0, (B, V)).movedim(1, 2)
