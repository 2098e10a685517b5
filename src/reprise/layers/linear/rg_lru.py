import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import gelu, softplus

from reprise.bases.recurrent import Recurrent
from reprise.core.errors import InputError, check_counts
from reprise.core.marks import over
from reprise.layers.convolution.short_convolution import ShortConvolution
from reprise.layers.linear._wide import wide
from reprise.ops.linear_scan import linear_scan

__all__ = ["RGLRU"]


class Memory(NamedTuple):
    h: Float[Tensor, "B N"]
    position: Int[Tensor, "B"]  # how many steps of its sequence came before: the first differs


class RGLRU(Recurrent):
    """RG-LRU: Griffin's gated linear recurrence behind a short convolution.

        u = conv(W x);   r, i = sigmoid(V u_t + c), V block-diagonal;   a_t = exp(-8 softplus(l) r)
        h_t = a_t h_{t-1} + sqrt(1 - a_t^2) (i u_t), h_1 = i u_1;   y_t = O (h_t gelu(G x_t))

    Shapes   x (B T D) -> y (B T D);  memory h (B N), position (B), local: the last three W x (B 3 N)
    Cost     6 T D N + 4 T N^2 / H work, log T depth
    Source   De et al. 2024, arXiv:2402.19427, sec. 2.3-2.4; google-deepmind/recurrentgemma   (de2024griffin)
    Differs  exp(-softplus(l)) starts in the ring [0.9, 0.999] as in the authors' code; the paper says so of its eighth
             power; the root's argument has a floor, where that code clips the root's derivative; N = D unless `hidden`
             is given (the paper: about 4/3 D); O does not start smaller in deeper stacks
    """

    undecayed_parameters = ("gates_bias",)

    def __init__(self, width: int, hidden: int | None = None, heads: int | None = None, kernel_size: int = 4):
        check_counts("RGLRU", width=width, hidden=hidden, heads=heads, kernel_size=kernel_size)
        N = width if hidden is None else hidden
        H = math.gcd(16, N) if heads is None else heads  # 16 in the paper
        if N % H:
            near = max(h for h in range(1, H) if N % h == 0)
            raise InputError(f"RGLRU: hidden={N} is not divisible by heads={H}; try heads={near}")
        super().__init__(width, (N,))
        self.local = ShortConvolution(width, N, kernel_size, input_bias=True)
        self.gates = nn.Parameter(torch.randn(H, N // H, 2 * N // H) / math.sqrt(N // H))
        self.gates_bias = nn.Parameter(torch.zeros(H, 2 * N // H))
        square = torch.empty(N).uniform_(0.9**2, 0.999**2)
        self.decay = nn.Parameter(torch.expm1(-0.5 * square.log()).log())
        self.skip = nn.Linear(width, N)
        self.out = nn.Linear(N, width)
        self._initialise()

    @torch.no_grad()
    def _initialise(self):
        for layer in (self.local.from_x, self.skip, self.out):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
            nn.init.zeros_(layer.bias)
        nn.init.normal_(self.local.weight, std=0.1 * len(self.local.weight) ** -0.5)
        nn.init.zeros_(self.local.bias)

    def project(self, x, u):
        gates = torch.einsum("bthk,hkj->bthj", u.unflatten(-1, self.gates.shape[:2]), self.gates) + self.gates_bias
        r, i = (g.flatten(2) for g in torch.sigmoid(wide(gates)).chunk(2, -1))
        return -8 * softplus(wide(self.decay)) * r, i * u

    def recur(self, p, memory, marks):
        log_a, b = p
        position, seen = marks.positions(memory.position, b.shape[1])
        room = -torch.expm1(2 * log_a)
        scale = room.clamp(min=torch.finfo(room.dtype).tiny).sqrt()  # the root of zero has no gradient
        scale = torch.where(over(position == 0, scale), 1.0, scale)
        every, h = linear_scan(log_a.exp(), scale * b, memory.h, marks)
        return every, Memory(h, seen)

    def readout(self, h, x, u):
        return self.out(h * gelu(self.skip(x), approximate="tanh"))

    def initial_memory(self, batch):
        h = super().initial_memory(batch)
        return Memory(h, h.new_zeros(batch, dtype=torch.int64))
