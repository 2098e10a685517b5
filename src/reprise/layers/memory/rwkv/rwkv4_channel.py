import torch
from torch import Tensor, nn

from reprise.bases.stepping import Stepping
from reprise.core.errors import check_counts
from reprise.layers._between import between
from reprise.layers.convolution.token_shift import TokenShift
from reprise.layers.memory.rwkv._start import ahead, orthogonal_, ramp

__all__ = ["RWKV4Channel"]


class RWKV4Channel(Stepping[tuple]):
    """RWKV-4 channel mixing: a squared-ReLU network that also sees the step before, behind a gate.

        r, k = W (mu x_t + (1 - mu) x_{t-1}), each with a W and a mu of its own
        y_t = sigmoid(r) V max(k, 0)^2

    Shapes   x (B T D) -> y (B T D);  memory x_{t-1} (B 1 D)
    Cost     2 T D (D + 2 E) work, E = hidden, 4 D unless given
    Source   Peng et al. 2023, arXiv:2305.13048, sec. 3.1; begun as BlinkDL/RWKV-LM, v4neo   (peng2023rwkv)
    Differs  only a stack starts it with zero matrices W of r and V, as the official code does. RWKV-5 and RWKV-6 mix
        channels by the same equations with hidden = 3.5 D (RWKV-6 writes 1 - mu for mu), so they have no file
    """

    undecayed_parameters = ("mu",)

    def __init__(self, width: int, hidden: int | None = None):
        check_counts("RWKV4Channel", width=width, hidden=hidden)
        super().__init__()
        hidden = 4 * width if hidden is None else hidden
        self.width, self.local = width, TokenShift(width)
        self.mu = nn.Parameter(torch.empty(2, width))  # of r, k: the share of x_t
        self.receptance = nn.Linear(width, width, bias=False)
        self.key, self.value = nn.Linear(width, hidden, bias=False), nn.Linear(hidden, width, bias=False)
        orthogonal_(self.key)
        self._start_at(0, 1)

    def placed(self, index, depth):
        self._start_at(index, depth)
        for linear in (self.receptance, self.value):
            nn.init.zeros_(linear.weight)

    @torch.no_grad()
    def _start_at(self, index: int, depth: int) -> None:
        above, _ = ahead(index, depth)
        self.mu.copy_(ramp(self.width) ** above)

    def initial_state(self, batch):
        return self.local.initial_state(batch)

    def run(self, x: Tensor, state: tuple, marks):
        u, state = self.local.run(x, state, marks)
        xr, xk = (between(u, x, mu) for mu in self.mu)
        return torch.sigmoid(self.receptance(xr)) * self.value(torch.relu(self.key(xk)).square()), state
