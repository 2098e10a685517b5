import torch
from torch import nn

from reprise.bases.cell import Cell

__all__ = ["ElementwiseLSTM"]


class ElementwiseLSTM(Cell):
    """eLSTM: a gated cell whose units do not see each other, so that real-time recurrent learning of it is cheap.

        z = tanh(Z x_t + w c_{t-1} + b);   f = sigmoid(F x_t + v c_{t-1} + d);   c_t = f c_{t-1} + (1 - f) z
        y_t = sigmoid(O x_t + R c_t + e) c_t

    w and v are vectors: dc_t / dc_{t-1} is the diagonal f + (1 - f) (1 - z^2) w + (c_{t-1} - z) f (1 - f) v, and what
    c_j owes to the parameters is as large as row j of Z, F, w, v, b, d. The output gate is outside the recurrence.

    Shapes   x (B T D) -> y (B T D);  memory c (B D)
    Cost     8 T D^2 work, of which time meets 20 T D; T depth
    Source   Irie et al. 2023, arXiv:2305.19044, sec. 3.1   (irie2023exploring)
    Differs  none; Z, F, w, v, b, d start normal with deviation 0.1, as in the authors' code, O and R as torch.nn.Linear
    """

    def __init__(self, width: int):
        super().__init__(width, (width,))
        self.from_x = nn.Linear(width, 2 * width)  # z, f
        self.z_from_c, self.f_from_c = (nn.Parameter(torch.empty(width)) for _ in "zf")
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.1)
        self.output_from_x = nn.Linear(width, width)
        self.output_from_c = nn.Linear(width, width, bias=False)

    def project(self, x):
        return self.from_x(x)

    def advance(self, p, memory):
        of_z, of_f = p.chunk(2, -1)
        z, f = torch.tanh(of_z + self.z_from_c * memory), torch.sigmoid(of_f + self.f_from_c * memory)
        return f * memory + (1 - f) * z

    def readout(self, c, x):
        return torch.sigmoid(self.output_from_x(x) + self.output_from_c(c)) * c
