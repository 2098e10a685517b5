from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import rms_norm, silu

from reprise.bases.matrix_memory import MatrixMemory
from reprise.layers._rotary import turn
from reprise.ops.linear_attention import Association

__all__ = ["RetNet"]


class Memory(NamedTuple):
    S: Float[Tensor, "B H K V"]
    position: Int[Tensor, "B"]  # steps of its own sequence that a row has seen


class RetNet(MatrixMemory):
    """RetNet's multi-scale retention: heads forget at fixed, different rates, and keys turn with their position.

        q_n = e^{i n theta} W_q x_n;   k_n = e^{i n theta} W_k x_n / sqrt(K);   theta_j = 10000^(-j / (K/2 - 1))
        S_n = gamma_h S_{n-1} + k_n v_n';   o_n = Re(conj(S_n)' q_n);   gamma_h = 1 - 2^(-5 - h)
        y_n = O (norm_h(o_n) silu(G x_n))

    Shapes   x (B T D) -> y (B T D);  memory S (B H K V), K = V = D / H, position (B)
    Cost     10 T D^2 + 4 T D (C + K) work, T / C depth
    Source   Sun et al. 2023, arXiv:2307.08621, sec. 2.1, 2.2   (sun2023retnet)
    Differs  scores are not divided by their row sums, which the norm of every head undoes; V is K, not 2 K; a key turns
        by halves, not by neighbours, which only renames its components, and the last of an odd number stays; theta is 1
        where there is only one, at K = 2 and 3
    """

    def __init__(self, width: int, heads: int | None = None):
        super().__init__(width, heads)
        self.query, self.key, self.value, self.gate, self.out = (nn.Linear(width, width, bias=False) for _ in range(5))
        for linear in (self.query, self.key, self.value, self.gate):
            nn.init.xavier_uniform_(linear.weight, gain=2**-2.5)
        nn.init.xavier_uniform_(self.out.weight, gain=2**-1)

    def initial_memory(self, batch):
        S = super().initial_memory(batch)
        return Memory(S, torch.zeros(batch, dtype=torch.int64, device=S.device))

    def project(self, x):
        return tuple(self.by_head(W(x)) for W in (self.query, self.key, self.value))

    def recur(self, p, memory, marks):
        q, k, v = p
        H, K, _ = self.memory_shape
        n, position = marks.positions(memory.position, q.shape[1])
        angle = n[..., None, None] * frequencies(K, q.device)
        log_gamma = decays(H, q.device).to(memory.S.dtype).expand(*q.shape[:3], 1)
        turned = Association(turn(q, angle), turn(k, angle) * K**-0.5, v, log_gamma)
        read, S = super().recur(turned, memory.S, marks)
        return read, Memory(S, position)

    def readout(self, read, x):
        return self.out(rms_norm(read, read.shape[-1:], eps=1e-6).flatten(2) * silu(self.gate(x)))


def frequencies(K: int, device: torch.device) -> Float[Tensor, "J"]:
    """theta, J = K // 2 of them, radians a step; in float64, so that a position of a million still has its angle."""
    return 10000 ** -torch.linspace(0, 1, K // 2, dtype=torch.float64, device=device)


def decays(heads: int, device: torch.device) -> Float[Tensor, "H 1"]:
    """log gamma, from h = 0."""
    return torch.log1p(-torch.exp2(-5 - torch.arange(heads, dtype=torch.float64, device=device)))[:, None]
