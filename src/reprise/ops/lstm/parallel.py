"""The same recurrence without a graph over time: a step is one product and the gates, in place.

Backward first finds every derivative that needs no gradient, for all steps at once; a step is then four
multiplications and one product, and the gradient of U one product over all steps.
"""
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from reprise.core.marks import NO_MARKS, Marks, over
from reprise.ops.lstm.reference import LSTMMemory

__all__ = ["lstm"]


def lstm(
    p: Float[Tensor, "B T G"], weight: Float[Tensor, "G D"], memory: LSTMMemory, marks: Marks = NO_MARKS
) -> tuple[Float[Tensor, "B T D"], LSTMMemory]:
    every, c, *_ = _LSTM.apply(p, weight, *memory, *marks)
    return every, LSTMMemory(every[:, -1], c)


class _LSTM(torch.autograd.Function):
    @staticmethod
    def forward(p, weight, h, c, real, fresh):
        """Every h and the last c; and for backward the gates (B T 4D), and the c (B T D) each step began with."""
        gates = p.clone(memory_format=torch.contiguous_format)
        across, every, cells = weight.t(), [], []
        for parts, real_t, fresh_t in zip(_parts(gates), _each(real, p), _each(fresh, p)):
            whole, i_f, i, f, g, o = parts
            h_in, c_in = (h, c) if fresh_t is None else (h.masked_fill(fresh_t, 0), c.masked_fill(fresh_t, 0))
            whole.addmm_(h_in, across)
            i_f.sigmoid_()
            o.sigmoid_()
            after_c = torch.addcmul(f * c_in, i, g.tanh_())
            after_h = torch.tanh(after_c).mul_(o)
            h = after_h if real_t is None else torch.where(real_t, after_h, h)
            c = after_c if real_t is None else torch.where(real_t, after_c, c)
            every.append(h)
            cells.append(c_in)
        return torch.stack(every, 1), c, gates, torch.stack(cells, 1)
