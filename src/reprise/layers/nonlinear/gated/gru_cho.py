import torch
from torch import nn

from reprise.bases.cell import Cell

__all__ = ["GRUCho"]


class GRUCho(Cell):
    """GRU with the reset before the recurrent matrix, as it was first written.

        r, z = sigmoid(W x_t + b + U h_{t-1});   n = tanh(V x_t + d + Q (r h_{t-1}))
        h_t = (1 - z) n + z h_{t-1};   y_t = h_t

    Shapes   x (B T D) -> y (B T D);  memory h (B D)
    Cost     12 T D^2 work, T depth, in two products a step where `gru` has one
    Source   Cho et al. 2014, arXiv:1406.1078, sec. 2.3, and 4.1.1 for the start   (cho2014gru);
             compared by Chung et al. 2014, arXiv:1412.3555, sec. 3.2   (chung2014empirical)
    Differs  with biases, which the paper leaves out of its equations; they start at zero, the rest as in the paper:
             normal with deviation 0.01, recurrent matrices orthogonal. Chung et al. call z what is 1 - z here
    """

    def __init__(self, width: int):
        super().__init__(width, (width,))
        self.from_x = nn.Linear(width, 3 * width)
        self.gates_from_h = nn.Linear(width, 2 * width, bias=False)
        self.candidate_from_h = nn.Linear(width, width, bias=False)
        nn.init.normal_(self.from_x.weight, std=0.01)
        nn.init.zeros_(self.from_x.bias)
        for matrix in (*self.gates_from_h.weight.data.chunk(2), self.candidate_from_h.weight.data):
            nn.init.orthogonal_(matrix)

    def project(self, x):
        return self.from_x(x)

    def advance(self, p, memory):
        gates, candidate = p.split([2 * self.width, self.width], -1)
        r, z = torch.sigmoid(gates + self.gates_from_h(memory)).chunk(2, -1)
        n = torch.tanh(candidate + self.candidate_from_h(r * memory))
        return (1 - z) * n + z * memory
