from torch import nn

from reprise.core.channel import ChannelMixer
from reprise.core.errors import check_counts
from reprise.layers.channel._rational import Rational

__all__ = ["RationalMLP"]


class RationalMLP(ChannelMixer):
    """Rational: an MLP whose activation is learned, a polynomial over another, one for the layer.

        y_t = O R(W x_t + c) + d;   R(x) = (a_0 + ... + a_5 x^5) / (1 + |b_1 x + ... + b_4 x^4|)

    Shapes   x (B T D) -> y (B T D);  E = 4 D inside, or `hidden`
    Cost     4 T D E work, and 20 T E for R
    Source   Delfosse et al. 2021, arXiv:2102.09407, sec. 2   (delfosse2021adaptive)
    Differs  version B of its denominator, whose terms share one modulus; no noise on the coefficients; leaky ReLU, as
             which it starts, is missed by up to 0.034, at its corner
    """

    def __init__(self, width: int, hidden: int | None = None, start: str = "leaky_relu"):
        super().__init__()
        check_counts("RationalMLP", width=width, hidden=hidden)
        self.width = width
        hidden = 4 * width if hidden is None else hidden
        self.from_x = nn.Linear(width, hidden)
        self.activation = Rational(start)
        self.out = nn.Linear(hidden, width)

    def mix(self, x):
        return self.out(self.activation(self.from_x(x)))
