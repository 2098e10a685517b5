import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from reprise.bases.cell import Cell

__all__ = ["LeakyRNN"]


class LeakyRNN(Cell):
    """Leaky RNN: every unit has a time constant of its own, and it is learned.

        h_t = leaky_relu((1 - 1/tau) h_{t-1} + (W h_{t-1} + U x_t + b) / tau);   y_t = h_t
        tau = max(1, r);   W has no diagonal: a unit remembers by tau or through others

    Shapes   x (B T D) -> y (B T D);  memory h (B D)
    Cost     4 T D^2 work, T depth
    Source   Khajehabdollahi et al. 2023, arXiv:2309.12927; LevinaLab/rnn_timescale_public
             (khajehabdollahi2023emergent)
    Differs  h_0 = 0, where the authors draw it from 0.1 U[0, 1) at every call; one bias where their code adds two; r
             below 1 has no gradient, as there
    """

    def __init__(self, width: int):
        super().__init__(width, (width,))
        self.from_x = nn.Linear(width, width)
        self.from_h = nn.Linear(width, width, bias=False)
        self.tau = nn.Parameter(1 + torch.rand(width))
        nn.init.zeros_(self.from_h.weight.data.diagonal())

    @property
    def timescales(self) -> Tensor:
        """The time constant of every unit, in steps."""
        return self.tau.clamp(min=1.0)

    def project(self, x):
        return self.from_x(x)

    def advance(self, p, h):
        from_others = self.from_h(h) - self.from_h.weight.diagonal() * h
        return leaky_relu(h + (from_others + p - h) / self.timescales)
