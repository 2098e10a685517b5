import torch
from torch import nn

from reprise.bases.linear_recurrence import LinearRecurrence
from reprise.core.errors import check_counts
from reprise.layers.linear._wide import wide

__all__ = ["BilinearRNN"]


class BilinearRNN(LinearRecurrence):
    """A gated linear RNN: products before and after a real diagonal recurrence, and no other nonlinearity.

        u_t = (W x_t + b) (V x_t + c);   h_t = a h_{t-1} + u_t;   y_t = D ((P h_t) (Q h_t)), products elementwise

    Shapes   x (B T D) -> y (B T D);  memory h (B N)
    Cost     4 T D N + 4 T N M + 2 T D M work, log T depth; N hidden (D unless said), M products (N)
    Source   Zucchet et al. 2023, arXiv:2309.01775, sec. 2, 3.1   (zucchet2023gated)
    Differs  biases, where the paper appends a one to the input; `a` starts evenly between 0 and 1 and is not squashed,
             so that both ends, which linear attention needs, are within reach; nothing keeps it below 1 in training
    """

    recurrent_parameters = ("decay",)

    def __init__(self, width: int, hidden: int | None = None, products: int | None = None):
        check_counts("BilinearRNN", width=width, hidden=hidden, products=products)
        N = width if hidden is None else hidden
        M = N if products is None else products
        super().__init__(width, (N,))
        self.value, self.gate = nn.Linear(width, N), nn.Linear(width, N)
        self.decay = nn.Parameter((torch.randperm(N) + 0.5) / N)
        self.left, self.right = nn.Linear(N, M, bias=False), nn.Linear(N, M, bias=False)
        self.out = nn.Linear(M, width, bias=False)

    def project(self, x):
        u = wide(self.value(x)) * wide(self.gate(x))
        return wide(self.decay).expand_as(u), u

    def readout(self, h, x):
        return self.out(self.left(h) * self.right(h))
