from torch import nn
from torch.nn.functional import gelu

from reprise.core.channel import ChannelMixer
from reprise.core.errors import check_counts

__all__ = ["GEGLU"]


class GEGLU(ChannelMixer):
    """GEGLU: a hidden layer with a gate on every unit, the same at every step, as Griffin has it.

        y_t = O (gelu(G x_t + b) (W x_t + c)) + d

    Shapes   x (B T D) -> y (B T D);  E inside: `hidden`, or 3 D
    Cost     6 T D E work
    Source   Shazeer 2020, arXiv:2002.05202, sec. 2; De et al. 2024, arXiv:2402.19427, sec. 2.2   (shazeer2020glu)
    Differs  biases, and GELU by its tanh, as google-deepmind/recurrentgemma; O does not start smaller in deeper stacks
    """

    def __init__(self, width: int, hidden: int | None = None):
        super().__init__()
        self.width = width
        check_counts("GEGLU", width=width, hidden=hidden)
        hidden = 3 * width if hidden is None else hidden
        self.gate, self.from_x, self.out = nn.Linear(width, hidden), nn.Linear(width, hidden), nn.Linear(hidden, width)
        for linear in (self.gate, self.from_x, self.out):
            nn.init.normal_(linear.weight, std=linear.in_features**-0.5)
            nn.init.zeros_(linear.bias)

    def mix(self, x):
        return self.out(gelu(self.gate(x), approximate="tanh") * self.from_x(x))
