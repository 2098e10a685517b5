import torch
from torch import nn
from torch.nn.functional import gelu

from reprise.core.channel import ChannelMixer
from reprise.core.errors import InputError, check_counts

__all__ = ["FAN"]


class FAN(ChannelMixer):
    """FAN: an MLP some of whose hidden units are cosines and sines of learned frequencies.

        y_t = O [cos(P x_t + a), sin(P x_t + a), gelu(W x_t + c)] + d

    Shapes   x (B T D) -> y (B T D);  E = 4 D inside, or `hidden`, of which `periodic` cosines and as many sines
    Cost     4 T D E work, less 2 T D E periodic
    Source   Dong et al. 2024, arXiv:2410.02675, sec. 3   (dong2024fan)
    Differs  none
    """

    def __init__(self, width: int, hidden: int | None = None, periodic: float = 0.25):
        super().__init__()
        check_counts("FAN", width=width, hidden=hidden)
        if not 0 < periodic < 0.5:
            raise InputError(f"FAN: expected a share of cosines above 0 and below 1/2, got periodic={periodic}")
        self.width = width
        hidden = 4 * width if hidden is None else hidden
        waves = max(int(periodic * hidden), 1)
        if hidden <= 2 * waves:
            raise InputError(f"FAN: hidden={hidden} leaves no room beside {waves} cosines and sines; try hidden=4")
        self.frequency = nn.Linear(width, waves)
        self.from_x = nn.Linear(width, hidden - 2 * waves)
        self.out = nn.Linear(hidden, width)

    def mix(self, x):
        phase = self.frequency(x)
        return self.out(torch.cat([phase.cos(), phase.sin(), gelu(self.from_x(x))], -1))
