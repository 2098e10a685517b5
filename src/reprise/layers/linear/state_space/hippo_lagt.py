from reprise.layers.linear.state_space._hippo import lagt, laguerre
from reprise.layers.linear.state_space._polynomial import Window

__all__ = ["HippoLagT"]


class HippoLagT(Window):
    """HiPPO-LagT: the best polynomial to all that each feature was, counting exp(-s / theta) after s steps.

        theta c' = A c + B x, by the trapezoid rule;   y_t = O (sum_n C_n c_n) + b
        A_nk = -1 if k <= n, else 0;   B_n = 1

    Shapes   x (B T D) -> y (B T D);  memory c (B D N)
    Cost     2 T D N^2 log T + 2 T D^2 work, N^3 for a step's matrix; log T depth; it holds B T D N numbers
    Source   Gu et al. 2020, arXiv:2008.07669, sec. 2.3, app. D.1   (gu2020hippo)
    Differs  one memory for each feature, read out by a trained map, where the paper's network drives a single one
    """

    start = staticmethod(lagt)

    def __init__(self, width: int, states: int = 32, theta: float = 16.0, trained: bool = False):
        super().__init__(width, states, theta, trained)

    def basis(self, memory, ago):
        return laguerre(ago / self.theta, self.memory_shape[1])
