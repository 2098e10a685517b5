from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from reprise.bases.cell import Cell
from reprise.bases.timed import Timed
from reprise.core.errors import InputError, check_counts
from reprise.ops.unroll import unroll

__all__ = ["LTC"]

SHORTEST = 1e-6  # of a usual step: in it next to nothing happens, and nothing is divided by zero


class Current(NamedTuple):
    """What synapses bring: their conductances, and those times the potential that each pulls to."""

    conductance: Float[Tensor, "*B N"]
    pull: Float[Tensor, "*B N"]


class Held(NamedTuple):
    """What comes in while a step lasts, where steps are not alike."""

    sensory: Current
    length: Float[Tensor, "*B 1"]  # over that of a usual step


class Synapses(nn.Module):
    """Every source j is joined to every neuron i: conductance w_ji sigmoid(s_ji (v_j - m_ji)), pulling to E_ji."""

    undecayed_parameters = ("w", "slope", "middle", "reversal")

    def __init__(self, sources: int, neurons: int):
        super().__init__()
        self.w = nn.Parameter(_unsoft(torch.empty(sources, neurons).uniform_(0.01, 1)))
        self.slope = nn.Parameter(torch.empty(sources, neurons).uniform_(3, 8))
        self.middle = nn.Parameter(torch.empty(sources, neurons).uniform_(0.3, 0.8))
        self.reversal = nn.Parameter(2.0 * torch.randint(0, 2, (sources, neurons)) - 1)

    def forward(self, v: Float[Tensor, "*B S"], w: Float[Tensor, "S N"]) -> Current:
        active = w * torch.sigmoid(self.slope * (v[..., None] - self.middle))
        return Current(active.sum(-2), (active * self.reversal).sum(-2))


class LTC(Cell, Timed):
    """LTC: neurons whose time constants depend on what they receive; six fused Euler steps between inputs.

        u = a x_t + b, elementwise;   dt = elapsed / substeps;   substeps times, S over inputs u and neurons v:
        v_i <- (c_i v_i / dt + g_i e_i + S_ji E_ji) / (c_i / dt + g_i + S_ji), summed over j
        S_ji = w_ji sigmoid(s_ji (v_j - m_ji));   w, g, c = softplus of what is learned;   y_t = O v + o

    Shapes   x (B T D) -> y (B T D);  memory v (B N)
    Cost     10 T N (D + 6 N) work, T depth, and as many numbers kept for the gradient: for small N
    Source   Hasani et al. 2020, arXiv:2006.04439, alg. 1; raminmh/liquid_time_constant_networks   (hasani2020liquid)
    Differs  softplus keeps w, g and c positive, as in mlech26l/ncps, where the authors clip them after each update; c,
             w, g, s, m, e and E start where theirs do; x_t is held over the time before it, which is `elapsed` unless
             the layer is told of each step how many times that
    """

    def __init__(self, width: int, hidden: int | None = None, substeps: int = 6, elapsed: float = 1.0):
        check_counts("LTC", width=width, hidden=hidden, substeps=substeps)
        if not elapsed > 0:
            raise InputError(f"LTC: expected elapsed above 0, got {elapsed}; try elapsed=1.0")
        N = width if hidden is None else hidden
        super().__init__(width, (N,))
        self.substeps, self.dt = substeps, elapsed / substeps
        self.scale = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))
        self.sensory = Synapses(width, N)
        self.inner = Synapses(N, N)
        self.leak = nn.Parameter(_unsoft(torch.ones(N)))
        self.resting = nn.Parameter(torch.empty(N).uniform_(-0.2, 0.2))
        self.capacitance = nn.Parameter(_unsoft(torch.full((N,), 0.5 / 6)))  # 0.5 over a sixth
        self.out = nn.Linear(N, width)

    def project(self, x):
        return self.sensory(x * self.scale + self.shift, softplus(self.sensory.w))

    def project_over(self, x, elapsed):
        return Held(self.project(x), elapsed.clamp_min(SHORTEST)[..., None])

    def positive(self) -> tuple[Tensor, Tensor, Tensor]:
        """Conductances of the synapses and of the leak, and capacitances over dt."""
        return softplus(self.inner.w), softplus(self.leak), softplus(self.capacitance) / self.dt

    def settle(
        self, p: Current | Held, v: Float[Tensor, "B N"], positive: tuple[Tensor, ...]
    ) -> Float[Tensor, "B N"]:
        w, leak, inertia = positive
        sensory, inertia = (p.sensory, inertia / p.length) if isinstance(p, Held) else (p, inertia)
        pull, conductance = leak * self.resting + sensory.pull, inertia + leak + sensory.conductance
        for _ in range(self.substeps):
            inner = self.inner(v, w)
            v = (inertia * v + pull + inner.pull) / (conductance + inner.conductance)
        return v

    def advance(self, p, v):
        return self.settle(p, v, self.positive())

    def recur(self, p, v, marks):
        positive = self.positive()
        return unroll(lambda p_t, v: self.settle(p_t, v, positive), p, v, marks, start=self.initial_memory(1))

    def readout(self, v, x):
        return self.out(v)


def _unsoft(z: Tensor) -> Tensor:
    """What softplus takes there."""
    return z + torch.log(-torch.expm1(-z))
