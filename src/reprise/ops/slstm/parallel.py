"""The same recurrence without a graph over time: a step is one product and the gates, in place.

Backward first finds every derivative that needs no gradient, for all steps at once. There m is a constant, on
which nothing that is read depends; what the last memory adds goes back along the steps that became its maximum.
"""
import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import logsigmoid

from reprise.core.marks import NO_MARKS, Marks, each_step
from reprise.ops.heads import block_diagonal
from reprise.ops.slstm.reference import SLSTMMemory

__all__ = ["slstm"]


def slstm(
    p: Float[Tensor, "B T G"], weight: Float[Tensor, "*H g d"], memory: SLSTMMemory, marks: Marks = NO_MARKS
) -> tuple[Float[Tensor, "B T D"], SLSTMMemory]:
    h, *rest = memory
    every, last, *_ = _SLSTM.apply(p, block_diagonal(weight), h, torch.stack(rest, 1), *marks)
    return every, SLSTMMemory(every[:, -1], *last.unbind(1))


class _SLSTM(torch.autograd.Function):
    @staticmethod
    def forward(p, weight, h, rest, real, fresh):
        """rest: c, n, m (B 3 D). Every h, the last rest; for backward the gates (B T 4D), and c, n, a, b (B T 4 D)."""
        gates, every, kept = p.clone(memory_format=torch.contiguous_format), [], []
        c, n, m = rest.unbind(1)
        each = gates.unbind(1), *(z.unbind(1) for z in gates.chunk(4, -1))
        for whole, i, f, z, o, real_t, fresh_t in zip(*each, each_step(real, p.shape[1]), each_step(fresh, p.shape[1])):
            before = h, c, n, m
            if fresh_t is not None:
                h, c, n = (y.masked_fill(fresh_t, 0) for y in (h, c, n))
                m = m.masked_fill(fresh_t, -torch.inf)
            whole.addmm_(h, weight.t())
            sunk = logsigmoid(f) + m
            m = torch.maximum(sunk, i)
            left, new = torch.exp(sunk - m), torch.exp(i - m)
            kept.append(torch.stack([c, n, left, new], 1))
            c, n = torch.addcmul(left * c, new, z.tanh_()), torch.addcmul(new, left, n)
            h = o.sigmoid_() * (c / n)
            if real_t is not None:
                h, c, n, m = (torch.where(real_t, *y) for y in zip((h, c, n, m), before))
            every.append(h)
        return torch.stack(every, 1), torch.stack([c, n, m], 1), gates, torch.stack(kept, 1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, weight, h, rest, real, fresh = inputs
        every, last, *kept = output
        ctx.mark_non_differentiable(*kept)
        ctx.save_for_backward(weight, h, rest, every, last, *kept, real, fresh)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad, grad_rest, *_):
        weight, h, rest, every, last, gates, kept, *marks = ctx.saved_tensors
        marks = Marks(*marks)
        before = marks.restart(torch.cat([h[:, None], every[:, :-1]], 1), 0.0)
        carried = grad_rest.clone()
        carried[:, 2] -= (grad_rest * last)[:, :2].sum(1)  # from here on m is a constant
        grad_p, grad_h, carried = _back_in_time(gates, kept, (grad, carried), weight, marks)
        carried[:, 2] += (carried * rest)[:, :2].sum(1)
        grad_weight = grad_p.flatten(0, 1).t() @ before.flatten(0, 1)
        return grad_p, grad_weight, grad_h, carried, None, None


def _derivatives(gates: Tensor, kept: Tensor, marks: Marks) -> tuple[Tensor, ...]:
    """Of h in c, n, m and in o; of c, n, m in i, f, z before their nonlinearity (B T 3 3 D), and one step earlier."""
    _, f, z, o = gates.chunk(4, -1)
    c, n, left, new = kept.unbind(2)
    now_c, now_n = torch.addcmul(left * c, new, z), torch.addcmul(new, left, n)
    of_c, average, stays = o / now_n, now_c / now_n, ((left > new).to(o.dtype) + (left >= new)) / 2
    slip, none = torch.sigmoid(-f), torch.zeros_like(o)
    into = torch.stack([new * z, new, 1 - stays, slip * left * c, slip * left * n, slip * stays,
                        new * (1 - z * z), none, none], 2).unflatten(2, (3, 3))
    of_h = torch.stack([of_c, -of_c * average, none], 2)
    of_o = average * o * (1 - o)
    through = torch.stack([left, left, stays], 2)
    return marks.pad(of_h, 0.0), marks.pad(of_o, 0.0), marks.pad(into, 0.0), marks.pad(through, 1.0)


def _back_in_time(
    gates: Float[Tensor, "B T G"], kept: Float[Tensor, "B T 4 D"], grads: tuple[Tensor, ...],
    weight: Float[Tensor, "G D"], marks: Marks,
) -> tuple[Float[Tensor, "B T G"], Float[Tensor, "B D"], Float[Tensor, "B 3 D"]]:
    """The gradients of p, and of the initial h and rest."""
    grad, carried = grads
    derivatives = (z.unbind(1) for z in _derivatives(gates, kept, marks))
    arriving = [torch.zeros_like(grad[:, 0]), *grad.unbind(1)]
    reaching, found = arriving.pop(), []
    steps = list(zip(*derivatives, arriving, *(each_step(mask, gates.shape[1]) for mask in marks)))
    for of_h, of_o, into, through, earlier, real_t, fresh_t in reversed(steps):
        if real_t is not None:
            earlier = earlier + reaching.masked_fill(real_t, 0)
        carried = torch.addcmul(carried, reaching[:, None], of_h)
        of_p = torch.cat([(into * carried[:, None]).sum(2).flatten(1), reaching * of_o], 1)
        found.append(of_p)
        carried = carried * through
        reaching = torch.addmm(earlier, of_p if fresh_t is None else of_p.masked_fill(fresh_t, 0), weight)
    return torch.stack(found[::-1], 1), reaching, carried
