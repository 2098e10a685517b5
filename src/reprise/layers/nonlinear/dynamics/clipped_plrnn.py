import torch
from torch import nn

from reprise.layers.nonlinear.dynamics._shallow import ShallowPLRNN

__all__ = ["ClippedPLRNN"]


class ClippedPLRNN(ShallowPLRNN):
    """Clipped shallow PLRNN: a piecewise-linear map whose orbits are bounded while |A| < 1.

        h_t = A h_{t-1} + W1 (relu(W2 h_{t-1} + b2) - relu(W2 h_{t-1})) + b1 + C x_t, A diagonal;   y_t = h_t

    Shapes   x (B T D) -> y (B T D);  memory h (B D)
    Cost     2 T (D^2 + 2 D N) work, T depth
    Source   Hess et al. 2023, arXiv:2306.04406; DurstewitzLab/GTF-shPLRNN   (hess2023generalized)
    Differs  none; |A| < 1 holds at the start, and training may leave it
    """

    def __init__(self, width: int, hidden: int | None = None):
        super().__init__(width, hidden)
        N = len(self.b2)
        nn.init.uniform_(self.b2, -(N**-0.5), N**-0.5)

    def between(self, u):
        return torch.relu(u + self.b2) - torch.relu(u)
