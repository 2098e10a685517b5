"""What is known of the steps that are forecast, such as a calendar, and what it changes of their forecasts."""
import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["KnownAhead"]

MIXED = 16  # numbers a step ahead is told by what was read, beside what is known of it


class KnownAhead(nn.Module):
    """What is known of a step to come, and what was read, into an addition to that step's forecast."""

    def __init__(self, width: int, horizon: int, known: int, size: int):
        super().__init__()
        self.horizon = horizon
        self.from_read, self.from_known = nn.Linear(width, horizon * MIXED), nn.Linear(known, MIXED, bias=False)
        self.out = nn.Linear(MIXED, size, bias=False)

    def forward(self, h: Float[Tensor, "B O W"], known: Float[Tensor, "B O H K"]) -> Float[Tensor, "B O H E"]:
        read = self.from_read(h).unflatten(-1, (self.horizon, MIXED))
        return self.out(torch.relu(read + self.from_known(known)))
