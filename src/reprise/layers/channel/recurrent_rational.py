from collections.abc import Sequence

from reprise.core.channel import ChannelMixer
from reprise.layers.channel._rational import Rational
from reprise.layers.channel.rational import RationalMLP

__all__ = ["RecurrentRational"]


class RecurrentRational(ChannelMixer):
    """Recurrent rational: as `rational`, with one activation for all layers of a stack.

        y_t = O R(W x_t + c) + d;   R is that of the lowest such mixer

    Shapes   x (B T D) -> y (B T D);  E = 4 D inside, or `hidden`
    Cost     4 T D E work, and 20 T E for R
    Source   Delfosse et al. 2021, arXiv:2102.09407, sec. 3   (delfosse2021adaptive)
    Differs  as `rational`
    """

    def __init__(self, width: int, hidden: int | None = None, start: str = "leaky_relu"):
        super().__init__()
        self.width = width
        self.mlp = RationalMLP(width, hidden, start)
        self.shared: tuple[Rational, ...] = ()  # in a tuple, so that it counts once among a stack's parameters

    def placed(self, below: Sequence[ChannelMixer]):
        owner = next((mixer for mixer in below if isinstance(mixer, RecurrentRational)), None)
        if owner is not None:
            self.shared, self.mlp.activation = (owner.mlp.activation,), None

    def looks_beside(self):
        return bool(self.shared)

    def mix(self, x):
        (activation,) = self.shared or (self.mlp.activation,)
        return self.mlp.out(activation(self.mlp.from_x(x)))
