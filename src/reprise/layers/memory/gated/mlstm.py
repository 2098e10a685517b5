import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import layer_norm, logsigmoid, silu

from reprise.bases.matrix_memory import MatrixMemory
from reprise.bases.recurrent import Recurrent
from reprise.core.errors import InputError, check_counts
from reprise.layers.convolution.short_convolution import ShortConvolution
from reprise.ops.linear_attention import Association
from reprise.ops.normalised_scan import Running, before, normalised_scan

__all__ = ["MLSTM"]

FAINT = -60.0  # the logarithm of weights that are as good as none in float32
EPS = 1e-6  # of the authors, for a normaliser that may vanish


class Memory(NamedTuple):
    S: Float[Tensor, "B H K V"]  # the mean of what was written
    keys: Running  # the mean key n, and the logarithm m of all weights together


class MLSTM(MatrixMemory):
    """mLSTM of xLSTM: a matrix memory with exponential input gates, read relative to a key mean, behind a convolution.

        z = W x;   u = silu(conv(z));   q, k, v = Q u, P u / sqrt(K), V z, in small blocks;   i, f of [q, k, v]
        S_t = sigmoid(f) S_{t-1} + exp(i) k v';   n_t = sigmoid(f) n_{t-1} + exp(i) k
        h_t = S_t' q / max(|n_t . q|, 1);   y_t = O ((norm_h(h_t) + c u_t) silu(G x_t))

    Shapes   x (B T D) -> y (B T D);  memory S (B H K V), n (B H K), its weight (B H 1) twice, K = V = E / H, local: the
             last three z (B 3 E)
    Cost     6 T D E + 12 T E H + 4 T E (C + K) work, T / C depth
    Source   Beck et al. 2024, arXiv:2405.04517, sec. 2.3, app. A.3, fig. 11; NX-AI/xlstm, mLSTMLayer   (beck2024xlstm)
    Differs  S and n are carried as means, with the logarithm m of their weight, where the authors divide by exp of the
             largest weight: the same function but for their 1e-6 beside the normaliser, and m has a gradient; the
             forget gate is a sigmoid, as in their code, where the paper allows an exponential too; at head size 1
             nothing of the memory is read, since a layer norm over one number is zero
    """

    def __init__(
        self, width: int, hidden: int | None = None, heads: int | None = None, kernel_size: int = 4,
        block_size: int | None = None,
    ):
        check_counts("MLSTM", width=width, hidden=hidden, kernel_size=kernel_size, block_size=block_size)
        E = 2 * width if hidden is None else hidden
        super().__init__(width, heads, hidden=E)
        H, block = self.memory_shape[0], math.gcd(4, E) if block_size is None else block_size
        if E % block:
            near = max(n for n in range(1, block) if E % n == 0)
            raise InputError(f"MLSTM: hidden={E} is not divisible by block_size={block}; try block_size={near}")
        self.local = Entrance(width, E, kernel_size)
        self.query, self.key, self.value = (nn.Parameter(torch.empty(E // block, block, block)) for _ in range(3))
        self.enter, self.forget = nn.Linear(3 * E, H), nn.Linear(3 * E, H)
        self.norm_scale, self.skip = nn.Parameter(torch.ones(E)), nn.Parameter(torch.ones(E))
        self.gate = nn.Linear(width, E, bias=False)
        self.out = nn.Linear(E, width, bias=False)
        self._start()
        self.placed(0, 1)

    @torch.no_grad()
    def _start(self) -> None:
        for weight in (self.local.convolution.from_x.weight, self.gate.weight, self.query, self.key, self.value):
            nn.init.normal_(weight, std=math.sqrt(2 / (5 * self.width)))
        for gate in (self.enter, self.forget):
            nn.init.zeros_(gate.weight)
        nn.init.normal_(self.enter.bias, std=0.1)
        self.forget.bias.copy_(torch.linspace(3, 6, self.memory_shape[0]))

    def placed(self, index, depth):
        nn.init.normal_(self.out.weight, std=2 / depth / math.sqrt(self.width))

    def initial_memory(self, batch):
        S = super().initial_memory(batch)
        n = torch.zeros_like(S[..., 0])
        return Memory(S, Running(n, n[..., :1], n[..., :1] - math.inf))

    def project(self, x, u):
        z, u = u[0], silu(u[1])
        q, k, v = blocks(u, self.query), blocks(u, self.key), blocks(z, self.value)
        every = torch.cat([q, k, v], -1)
        i, log_f = self.enter(every)[..., None], logsigmoid(self.forget(every))[..., None]
        return self.by_head(q), self.by_head(k) * self.memory_shape[1] ** -0.5, self.by_head(v), i, log_f

    def recur(self, p, memory, marks):
        q, k, v, i, log_f = p
        seen, keys = normalised_scan(i, k, log_f, memory.keys, marks)
        old = before(seen, memory.keys, marks).log_weight + log_f
        write = Association(q, torch.sigmoid(i - old) * k, v, logsigmoid(old - i))
        read, S = super().recur(write, memory.S, marks)
        size = torch.maximum((q * seen.mean).sum(-1, keepdim=True).abs(), torch.exp(-seen.log_weight.clamp(min=FAINT)))
        return read / (size + EPS), Memory(S, keys)

    def readout(self, read, x, u):
        read = layer_norm(read, read.shape[-1:]).flatten(2) * self.norm_scale
        return self.out((read + self.skip * silu(u[1])) * silu(self.gate(x)))


class Entrance(Recurrent):
    """What enters, as it is and behind a short convolution: values need the one, queries and keys the other."""

    memory_precision = None

    def __init__(self, width: int, hidden: int, kernel_size: int):
        super().__init__(width, (kernel_size - 1, hidden))
        self.convolution = ShortConvolution(width, hidden, kernel_size)

    def project(self, x):
        return self.convolution.project(x)

    def recur(self, p, memory, marks):
        u, memory = self.convolution.recur(p, memory, marks)
        return (p, u), memory


def blocks(z: Float[Tensor, "B T E"], weight: Float[Tensor, "N J I"]) -> Float[Tensor, "B T E"]:
    """A block-diagonal matrix times each z_t."""
    return torch.einsum("btni,nji->btnj", z.unflatten(-1, (len(weight), -1)), weight).flatten(2)
