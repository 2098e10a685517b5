"""The same recurrence without a graph over time: a step is one product and the gates, in place.

Backward first finds every derivative that needs no gradient, for all steps at once; a step is then four
multiplications and one product, and the gradient of U one product over all steps.
"""
import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from reprise.core.marks import NO_MARKS, Marks, each_step, over
from reprise.ops.heads import block_diagonal
from reprise.ops.lstm.reference import LSTMMemory

__all__ = ["lstm"]


def lstm(
    p: Float[Tensor, "B T G"], weight: Float[Tensor, "*H g d"], memory: LSTMMemory, marks: Marks = NO_MARKS
) -> tuple[Float[Tensor, "B T D"], LSTMMemory]:
    every, c, *_ = _LSTM.apply(p, block_diagonal(weight), *memory, *marks)
    return every, LSTMMemory(every[:, -1], c)


class _LSTM(torch.autograd.Function):
    @staticmethod
    def forward(p, weight, h, c, real, fresh):
        """Every h and the last c; and for backward the gates (B T 4D), and the c (B T D) each step began with."""
        gates = p.clone(memory_format=torch.contiguous_format)
        across, every, cells = _transposed(weight), [], []
        for parts, real_t, fresh_t in zip(_parts(gates), each_step(real, p.shape[1]), each_step(fresh, p.shape[1])):
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

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, weight, h, _, real, fresh = inputs
        every, _, gates, cells = output
        ctx.mark_non_differentiable(gates, cells)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(weight, h, every, gates, cells, real, fresh)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad, grad_c, *_):
        weight, h, every, gates, cells, real, fresh = ctx.saved_tensors
        before = torch.cat([h[:, None], every[:, :-1]], 1)
        if fresh is not None:
            before.masked_fill_(over(fresh, before), 0)
        grad = torch.zeros_like(every) if grad is None else grad
        grad_c = torch.zeros_like(h) if grad_c is None else grad_c
        marks = Marks(real, fresh)
        derivatives = into, *_ = _derivatives(gates, cells, marks)
        grad_h, grad_c = _back_in_time(derivatives, grad, grad_c, weight, marks)
        return into, into.flatten(0, 1).t() @ before.flatten(0, 1), grad_h, grad_c, None, None


def _parts(gates: Float[Tensor, "B T G"]):
    """Views of each step: what the product is added to, the two gates of c side by side, and i, f, g, o."""
    whole = gates, gates[..., : gates.shape[-1] // 2], *gates.chunk(4, -1)
    return zip(*(part.unbind(1) for part in whole))


def _derivatives(gates: Tensor, cells: Tensor, marks: Marks) -> tuple[Tensor, Tensor, Tensor]:
    """Of c_t in i, f, g and of h_t in o, before their nonlinearity (B T 4D); of h_t in c_t; of c_t in c_{t-1}."""
    i, f, g, o = gates.chunk(4, -1)
    squashed = torch.addcmul(f * cells, i, g).tanh_()
    into_i = (1 - i).mul_(i).mul_(g)
    into_f = (1 - f).mul_(f).mul_(cells)
    into_g = torch.square(g).neg_().add_(1).mul_(i)
    into_o = (1 - o).mul_(o).mul_(squashed)
    into = torch.cat([into_i, into_f, into_g, into_o], -1)
    through = squashed.square_().neg_().add_(1).mul_(o)
    if marks.real is not None:
        into.masked_fill_(over(~marks.real, into), 0)
        through.masked_fill_(over(~marks.real, through), 0)
    return into, through, marks.pad(marks.restart(f, 0.0), 1.0)


def _back_in_time(
    derivatives: tuple[Tensor, Tensor, Tensor], grad: Float[Tensor, "B T D"], grad_c: Float[Tensor, "B D"],
    weight: Float[Tensor, "G D"], marks: Marks,
) -> tuple[Float[Tensor, "B D"], Float[Tensor, "B D"]]:
    """Turns the first of the derivatives into the gradient of p, in place; returns those of the initial h and c."""
    into, through, kept = derivatives
    arriving = [torch.zeros_like(grad[:, 0]), *grad.unbind(1)]
    reaching = arriving.pop()
    of_c, of_o = into.tensor_split([3 * grad.shape[-1]], -1)
    each = into, of_c.unflatten(-1, (3, -1)), of_o, through, kept
    steps = list(zip(*(part.unbind(1) for part in each), arriving, *(each_step(mask, into.shape[1]) for mask in marks)))
    for into_t, of_c_t, of_o_t, through_t, kept_t, earlier, real_t, fresh_t in reversed(steps):
        if real_t is not None:
            earlier = earlier + reaching.masked_fill(real_t, 0)
        grad_c = torch.addcmul(grad_c, reaching, through_t)
        of_o_t.mul_(reaching)
        of_c_t.mul_(grad_c[:, None])
        grad_c = grad_c * kept_t
        reaching = torch.addmm(earlier, into_t if fresh_t is None else into_t.masked_fill(fresh_t, 0), weight)
    return reaching, grad_c


def _transposed(weight: Float[Tensor, "G D"]) -> Float[Tensor, "D G"]:
    """Laid out so that a product with few rows is up to a third faster: rows not a power of two apart in memory."""
    return torch.nn.functional.pad(weight.t(), (0, 16))[:, : len(weight)]
