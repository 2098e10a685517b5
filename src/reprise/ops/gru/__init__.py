"""The gated recurrent unit, as torch.nn.GRU has it: one meaning (`reference`), several speeds."""
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.backend import Kernel, choose
from reprise.ops.gru import library, parallel, reference
from reprise.ops.precision import own_precision

__all__ = ["gru", "library", "plan"]


def _numba(p: Tensor, weight: Tensor, bias: Tensor, h: Tensor, marks: Marks) -> tuple[Tensor, Tensor]:
    from reprise.ops.gru.numba import gru

    return gru(p, weight, bias, h, marks)


BACKENDS = {"reference": reference.gru, "parallel": parallel.gru, "numba": Kernel(_numba)}


def plan(p: Float[Tensor, "B T G"], backend: str = "auto") -> str:
    """The backend that `gru` would run for this input."""
    return choose("gru", BACKENDS, p, backend)


def gru(
    p: Float[Tensor, "B T G"], weight: Float[Tensor, "*H g d"], bias: Float[Tensor, "G"], h: Float[Tensor, "B D"],
    marks: Marks = NO_MARKS, *, backend: str = "auto",
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B D"]]:
    """h_t = (1 - z) n + z h_{t-1}: every h_t, and the last, in the precision of h.

        r, z = sigmoid(p + U h_{t-1} + c);   n = tanh(p + r (U h_{t-1} + c))

    p: what the input gives each step; G = 3D in the order r, z, n.   weight, bias: U and c, in the same order;
    U may be by head, (H G/H D/H), see `ops.heads`.
    h: what came before the first step. Padding keeps h; a new sequence begins from zero.
    Raises InputError for an unknown backend.
    """
    run = BACKENDS[plan(p, backend)]
    if p.shape[1] == 0:
        return h[:, None][:, :0], h
    with own_precision(h):
        return run(p.to(h.dtype), weight.to(h.dtype), bias.to(h.dtype), h, marks)
