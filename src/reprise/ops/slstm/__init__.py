"""xLSTM's scalar LSTM, with exponential gates and a normaliser: one meaning (`reference`), several speeds."""
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.backend import Kernel, choose
from reprise.ops.precision import own_precision
from reprise.ops.slstm import parallel, reference
from reprise.ops.slstm.reference import SLSTMMemory, nothing

__all__ = ["SLSTMMemory", "nothing", "plan", "slstm"]


def _numba(p: Tensor, weight: Tensor, memory: SLSTMMemory, marks: Marks) -> tuple[Tensor, SLSTMMemory]:
    from reprise.ops.slstm.numba import slstm

    return slstm(p, weight, memory, marks)


BACKENDS = {"reference": reference.slstm, "parallel": parallel.slstm, "numba": Kernel(_numba)}


def plan(p: Float[Tensor, "B T G"], backend: str = "auto") -> str:
    """The backend that `slstm` would run for this input."""
    return choose("slstm", BACKENDS, p, backend)


def slstm(
    p: Float[Tensor, "B T G"], weight: Float[Tensor, "*H g d"], memory: SLSTMMemory, marks: Marks = NO_MARKS, *,
    backend: str = "auto",
) -> tuple[Float[Tensor, "B T D"], SLSTMMemory]:
    """c_t / n_t, a running average with gates for weights, read by a third: every h_t, and the last memory.

        i, f, z, o = p + U h_{t-1};   m_t = max(log sigmoid(f) + m_{t-1}, i)
        a = exp(log sigmoid(f) + m_{t-1} - m_t);   b = exp(i - m_t)
        c_t = a c_{t-1} + b tanh(z);   n_t = a n_{t-1} + b;   h_t = sigmoid(o) c_t / n_t

    p: what the input gives each step, bias and all; G = 4D in the order i, f, z, o.
    weight: U (G D) in the same order, or by head (H G/H D/H), see `ops.heads`; the paper has four heads.
    memory: what came before the first step. Padding keeps it; a new sequence begins from `nothing`.

    Source   Beck et al. 2024, arXiv:2405.04517, eq. 8-17 and app. A.2
    Differs  the forget gate is the sigmoid, which the authors' code has (the paper allows exp too); nothing seen is
             m = -inf, which is what that code does at the first step, where it takes m_1 = i for n = 0. m is no
             constant: gradients are those of the equations as they stand, the state's included; where both sides of the
             maximum are equal each has half
    Raises InputError for an unknown backend.
    """
    run = BACKENDS[plan(p, backend)]
    if p.shape[1] == 0:
        return memory.h[:, None][:, :0], memory
    with own_precision(memory.c):
        dtype = memory.c.dtype
        return run(marks.pad(p.to(dtype), 0.0), weight.to(dtype), memory, marks)
