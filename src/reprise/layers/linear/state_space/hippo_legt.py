from reprise.layers.linear.state_space._hippo import legendre, legt
from reprise.layers.linear.state_space._polynomial import Window

__all__ = ["HippoLegT"]


class HippoLegT(Window):
    """HiPPO-LegT: the best polynomial to the last theta steps of each feature, all counting the same.

        theta c' = A c + B x, by the trapezoid rule;   y_t = O (sum_n C_n c_n) + b
        A_nk = -sqrt((2n + 1)(2k + 1)) (1 if k <= n, else (-1)^(n - k));   B_n = sqrt(2n + 1)

    Shapes   x (B T D) -> y (B T D);  memory c (B D N)
    Cost     2 T D N^2 log T + 2 T D^2 work, N^3 for a step's matrix; log T depth; it holds B T D N numbers
    Source   Gu et al. 2020, arXiv:2008.07669, sec. 2.3, app. D.2   (gu2020hippo)
    Differs  one memory for each feature, read out by a trained map, where the paper's network drives a single one
    """

    start = staticmethod(legt)

    def __init__(self, width: int, states: int = 32, theta: float = 256.0, trained: bool = False):
        super().__init__(width, states, theta, trained)

    def basis(self, memory, ago):
        return legendre(1 - ago / self.theta, self.memory_shape[1])
