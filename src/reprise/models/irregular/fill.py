"""What stands for a channel where it was not seen. Nothing here looks ahead."""
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.core.errors import InputError, suggest
from reprise.data.irregular.past import Known
from reprise.data.irregular.series import Aligned

__all__ = ["FILLS", "Fill"]

FILLS = ("mean", "last", "zero", "decay")


class Fill(nn.Module):
    """Zero; the mean; the last value, the mean before there is one; or from the last value to the mean, by time.

        decay: x = g last + (1 - g) mean,   g = exp(-max(0, w gap + b)), w and b learned of each channel

    means: of the channels, over the training part alone; zeros where values are standardised.
    Source   Che et al. 2016, arXiv:1606.01865, eq. 10 and 11, for the last   (che2018recurrent)
    """

    means: Tensor

    def __init__(self, channels: int, kind: str = "mean", means: Sequence[float] | None = None):
        super().__init__()
        if kind not in FILLS:
            raise InputError(f"Fill: no way to fill is named {kind!r}{suggest(kind, FILLS)}")
        means = [0.0] * channels if means is None else list(means)
        if len(means) != channels:
            raise InputError(f"Fill: expected a mean for each of {channels} channels, got {len(means)}")
        self.kind = kind
        self.register_buffer("means", torch.tensor(means, dtype=torch.get_default_dtype()))
        if kind == "decay":
            self.w = nn.Parameter(torch.full((channels,), 0.1))
            self.b = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Aligned, known: Known) -> Float[Tensor, "B T D"]:
        if self.kind == "zero":
            return x.value
        if self.kind == "mean":
            return torch.where(x.seen, x.value, self.means)
        last = torch.where(known.ever, known.last, self.means)
        if self.kind == "last":
            return last
        share = torch.exp(-torch.relu(self.w * known.gap + self.b))
        return torch.where(x.seen, x.value, torch.lerp(self.means.expand_as(last), last, share))
