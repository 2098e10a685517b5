import torch
from torch import Tensor, nn

from reprise.bases.stepping import Stepping
from reprise.core.errors import check_counts
from reprise.layers._between import between
from reprise.layers.convolution.token_shift import TokenShift
from reprise.layers.memory.rwkv._start import ahead, ramp

__all__ = ["RWKV7Channel"]


class RWKV7Channel(Stepping[tuple]):
    """RWKV-7 channel mixing: a squared-ReLU network that also sees the step before.

        y_t = V max(W (x_t + mu (x_{t-1} - x_t)), 0)^2

    Shapes   x (B T D) -> y (B T D);  memory x_{t-1} (B 1 D)
    Cost     4 T D E work, E = hidden, 4 D unless given
    Source   Peng et al. 2025, arXiv:2503.14456, sec. 4.2; begun as BlinkDL/RWKV-LM, v7   (peng2025rwkv7)
    Differs  only a stack starts it with a zero matrix V, as the official code does
    """

    def __init__(self, width: int, hidden: int | None = None):
        check_counts("RWKV7Channel", width=width, hidden=hidden)
        super().__init__()
        hidden = 4 * width if hidden is None else hidden
        self.width, self.local = width, TokenShift(width)
        self.mu = nn.Parameter(torch.empty(width))
        self.key, self.value = nn.Linear(width, hidden, bias=False), nn.Linear(hidden, width, bias=False)
        nn.init.uniform_(self.key.weight, -0.5 * width**-0.5, 0.5 * width**-0.5)
        self._start_at(0, 1)

    def placed(self, index, depth):
        self._start_at(index, depth)
        nn.init.zeros_(self.value.weight)

    @torch.no_grad()
    def _start_at(self, index: int, depth: int) -> None:
        above, _ = ahead(index, depth)
        self.mu.copy_(1 - ramp(self.width) ** above**4)

    def initial_state(self, batch):
        return self.local.initial_state(batch)

    def run(self, x: Tensor, state: tuple, marks):
        u, state = self.local.run(x, state, marks)
        return self.value(torch.relu(self.key(between(x, u, self.mu))).square()), state
