from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import silu

from reprise.bases.matrix_memory import MatrixMemory
from reprise.core.errors import check_counts
from reprise.ops.linear_attention import Association
from reprise.ops.normalised_scan import Running, before, normalised_scan

__all__ = ["LightNet"]


class Memory(NamedTuple):
    S: Float[Tensor, "B H K V"]
    z: Float[Tensor, "B H K"]  # log of the sum of all exp(k) so far


class LightNet(MatrixMemory):
    """LightNet: a memory that averages, over all of the past, the values that each key channel weighs by exp(k).

        q = silu(W_q x);   k = W_k x;   v = W_v x;   z_t = log(exp z_{t-1} + exp k)
        S_t = diag(exp(z_{t-1} - z_t)) S_{t-1} + exp(k - z_t) v';   o_t = S_t' q;   y_t = O (c norm(o_t) silu(G' G x_t))

    Shapes   x (B T D) -> y (B T D);  memory S (B H K V), K = V = D / H, z (B H K)
    Cost     8 T D^2 + 4 T D R + 4 T D (C + K) work, T / C depth
    Source   Qin et al. 2024, arXiv:2405.21022; fla, lightnet   (qin2024you)
    Differs  in time only, so without MD-TPE and MD-LRPE, the paper's positions in several dimensions; o is not divided
        by sqrt(K), as it is in fla, which the norm undoes but for its epsilon
    """

    def __init__(self, width: int, heads: int | None = None, gate_rank: int | None = None):
        check_counts("LightNet", gate_rank=gate_rank)
        super().__init__(width, heads)
        rank = min(128, width) if gate_rank is None else gate_rank
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.gate = nn.Sequential(nn.Linear(width, rank, bias=False), nn.Linear(rank, width, bias=False))
        self.norm = nn.RMSNorm(width, eps=1e-5)
        self.out = nn.Linear(width, width, bias=False)
        for linear in (self.query, self.key, self.value, *self.gate, self.out):
            nn.init.xavier_uniform_(linear.weight, gain=2**-2.5)

    def initial_memory(self, batch):
        S = super().initial_memory(batch)
        return Memory(S, torch.full_like(S[..., 0], -torch.inf))

    def project(self, x):
        return tuple(map(self.by_head, (silu(self.query(x)), self.key(x), self.value(x))))

    def recur(self, p, memory, marks):
        q, k, v = p
        k, seen = k.to(memory.z.dtype), summed(memory.z)
        nothing = k.new_zeros(()).expand_as(k)
        sums, end = normalised_scan(k, nothing, nothing, seen, marks)
        fade = before(sums, seen, marks).log_weight - sums.log_weight
        read, S = super().recur(Association(q, (k - sums.log_weight).exp(), v, fade), memory.S, marks)
        return read, Memory(S, end.maximum + end.denominator.log())

    def readout(self, read, x):
        return self.out(self.norm(read.flatten(2)) * silu(self.gate(x)))


def summed(z: Float[Tensor, "B H K"]) -> Running:
    """Sums whose logarithm is z; of what they average nothing is read."""
    return Running(z.new_zeros(()).expand_as(z), z.new_ones(()).expand_as(z), z)
