"""Long short-term memory with forget gates, as torch.nn.LSTM has it: one meaning (`reference`), several speeds."""
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.backend import Kernel, choose
from reprise.ops.lstm import library, parallel, reference
from reprise.ops.lstm.reference import LSTMMemory
from reprise.ops.precision import own_precision

__all__ = ["LSTMMemory", "library", "lstm", "plan"]


def _numba(p: Tensor, weight: Tensor, memory: LSTMMemory, marks: Marks) -> tuple[Tensor, LSTMMemory]:
    from reprise.ops.lstm.numba import lstm

    return lstm(p, weight, memory, marks)


BACKENDS = {"reference": reference.lstm, "parallel": parallel.lstm, "numba": Kernel(_numba)}


def plan(p: Float[Tensor, "B T G"], backend: str = "auto") -> str:
    """The backend that `lstm` would run for this input."""
    return choose("lstm", BACKENDS, p, backend)


def lstm(
    p: Float[Tensor, "B T G"], weight: Float[Tensor, "*H g d"], memory: LSTMMemory, marks: Marks = NO_MARKS, *,
    backend: str = "auto",
) -> tuple[Float[Tensor, "B T D"], LSTMMemory]:
    """c_t = f c_{t-1} + i g, h_t = o tanh(c_t): every h_t, and the last memory, in the precision of the memory.

        i, f, o = sigmoid(p + U h_{t-1});   g = tanh(p + U h_{t-1})

    p: what the input gives each step, bias and all; G = 4D in the order i, f, g, o.   weight: U, in the same order,
    or by head (H G/H D/H), see `ops.heads`.
    memory: what came before the first step. Padding keeps it; a new sequence begins from zero.
    Raises InputError for an unknown backend.
    """
    run = BACKENDS[plan(p, backend)]
    if p.shape[1] == 0:
        return memory.h[:, None][:, :0], memory
    with own_precision(memory.c):
        return run(p.to(memory.c.dtype), weight.to(memory.c.dtype), memory, marks)
