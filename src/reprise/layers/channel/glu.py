import math

from torch import nn
from torch.nn.functional import silu

from reprise.core.channel import ChannelMixer
from reprise.core.errors import check_counts

__all__ = ["GLU"]


class GLU(ChannelMixer):
    """SwiGLU: a hidden layer with a gate on every unit, the same at every step.

        y_t = O (silu(G x_t) W x_t)

    Shapes   x (B T D) -> y (B T D);  E inside: `hidden`, or 8/3 D rounded up to a multiple of 8
    Cost     6 T D E work, at 8/3 D as much as an MLP
    Source   Shazeer 2020, arXiv:2002.05202, sec. 2   (shazeer2020glu)
    Differs  none
    """

    def __init__(self, width: int, hidden: int | None = None):
        super().__init__()
        self.width = width
        check_counts("GLU", width=width, hidden=hidden)
        hidden = 8 * math.ceil(width / 3) if hidden is None else hidden
        self.gate = nn.Linear(width, hidden, bias=False)
        self.from_x = nn.Linear(width, hidden, bias=False)
        self.out = nn.Linear(hidden, width, bias=False)

    def mix(self, x):
        return self.out(silu(self.gate(x)) * self.from_x(x))
