import torch
from torch import nn
from torch.nn.functional import silu

from reprise.bases.linear_recurrence import LinearRecurrence
from reprise.layers.linear._lower_bound import first_bound
from reprise.layers.linear._wide import wide

__all__ = ["HGRN"]


class HGRN(LinearRecurrence):
    """HGRN: a turning complex memory whose forget gate has a learned floor, higher in deeper layers.

        c_t = silu(W x_t) + i silu(V x_t);   lambda_t = gamma + (1 - gamma) sigmoid(U x_t);   gamma = sigmoid(l)
        h_t = lambda_t exp(i theta) h_{t-1} + (1 - lambda_t) c_t;   y_t = O norm(silu(G x_t) [Re h_t, Im h_t])

    Shapes   x (B T D) -> y (B T D);  memory h (B D), complex
    Cost     14 T D^2 work, log T depth
    Source   Qin et al. 2023, arXiv:2311.04823, sec. 3.2   (qin2023hierarchically)
    Differs  each layer learns its own gamma, which starts at the paper's k / H in layer k = 0 .. H - 1 of a stack of H,
             and at no less than 0.01; the paper ties the bounds of all layers by a softmax over layers; the norm comes
             after the gate as in the paper, before it in the authors' code
    """

    memory_precision = torch.complex64

    def __init__(self, width: int):
        super().__init__(width, (width,))
        self.candidate = nn.Linear(width, 2 * width)
        self.forget = nn.Linear(width, width)
        self.bound = nn.Parameter(torch.empty(width))
        self.theta = nn.Parameter(10000.0 ** (-2 * torch.arange(width) / width))
        self.gate = nn.Linear(width, 2 * width)
        self.norm = nn.LayerNorm(2 * width)
        self.out = nn.Linear(2 * width, width)
        self.placed(0, 1)

    def placed(self, index, depth):
        nn.init.constant_(self.bound, first_bound(index, depth))

    def project(self, x):
        enter = torch.sigmoid(-wide(self.bound)) * torch.sigmoid(-wide(self.forget(x)))  # (1 - gamma) (1 - mu)
        stay, theta = 1 - enter, wide(self.theta)
        c = silu(wide(self.candidate(x))).unflatten(-1, (-1, 2))
        return torch.complex(stay * theta.cos(), stay * theta.sin()), torch.view_as_complex(enter[..., None] * c)

    def readout(self, h, x):
        return self.out(self.norm(silu(self.gate(x)) * torch.view_as_real(h).flatten(2).to(x.dtype)))
