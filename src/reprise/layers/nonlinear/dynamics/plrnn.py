import torch

from reprise.layers.nonlinear.dynamics._shallow import ShallowPLRNN

__all__ = ["PLRNN"]


class PLRNN(ShallowPLRNN):
    """Shallow PLRNN: a piecewise-linear map, whose every region can be analysed as a linear system.

        h_t = A h_{t-1} + W1 relu(W2 h_{t-1} + b2) + b1 + C x_t, A diagonal;   y_t = h_t

    Shapes   x (B T D) -> y (B T D);  memory h (B D)
    Cost     2 T (D^2 + 2 D N) work, T depth
    Source   Hess et al. 2023, arXiv:2306.04406; DurstewitzLab/GTF-shPLRNN   (hess2023generalized)
    Differs  none; where a region expands, nothing bounds the memory: trained on its own outputs alone it may diverge,
        which teacher forcing is for, and which `clipped_plrnn` cannot
    """

    def between(self, u):
        return torch.relu(u + self.b2)
