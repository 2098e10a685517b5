from torch import nn
from torch.nn.functional import gelu

from reprise.core.channel import ChannelMixer
from reprise.core.errors import check_counts

__all__ = ["MLP"]


class MLP(ChannelMixer):
    """MLP: one hidden layer, the same at every step.

        y_t = O gelu(W x_t + c) + d

    Shapes   x (B T D) -> y (B T D);  E = 4 D inside, or `hidden`
    Cost     4 T D E work
    Source   Vaswani et al. 2017, arXiv:1706.03762, sec. 3.3   (vaswani2017attention)
    Differs  GELU (Hendrycks & Gimpel 2016, arXiv:1606.08415) for ReLU
    """

    def __init__(self, width: int, hidden: int | None = None):
        super().__init__()
        self.width = width
        check_counts("MLP", width=width, hidden=hidden)
        hidden = 4 * width if hidden is None else hidden
        self.from_x = nn.Linear(width, hidden)
        self.out = nn.Linear(hidden, width)

    def mix(self, x):
        return self.out(gelu(self.from_x(x)))
