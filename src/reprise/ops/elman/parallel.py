"""The same recurrence without a graph over time: a step is one product and one tanh, in place.

Backward meets time only in what U hands to the step before; the gradient of U is one product over all steps.
"""
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from reprise.core.marks import NO_MARKS, Marks, each_step, over
from reprise.ops.heads import block_diagonal

__all__ = ["elman"]


def elman(
    p: Float[Tensor, "B T D"], weight: Float[Tensor, "*H g d"], h: Float[Tensor, "B D"], marks: Marks = NO_MARKS
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B D"]]:
    every = _Elman.apply(p, block_diagonal(weight), h, *marks)
    return every, every[:, -1]


class _Elman(torch.autograd.Function):
    @staticmethod
    def forward(p, weight, h, real, fresh):
        every = p.clone(memory_format=torch.contiguous_format)
        across = _transposed(weight)
        for h_t, real_t, fresh_t in zip(every.unbind(1), each_step(real, p.shape[1]), each_step(fresh, p.shape[1])):
            before = h if fresh_t is None else h.masked_fill(fresh_t, 0)
            h_t.addmm_(before, across).tanh_()
            if real_t is not None:
                h_t.copy_(torch.where(real_t, h_t, h))
            h = h_t
        return every

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, weight, h, real, fresh = inputs
        ctx.save_for_backward(weight, h, output, real, fresh)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        weight, h, every, real, fresh = ctx.saved_tensors
        before = torch.cat([h[:, None], every[:, :-1]], 1)
        if fresh is not None:
            before.masked_fill_(over(fresh, before), 0)
        into = torch.square(every).neg_().add_(1)
        if real is not None:
            into.masked_fill_(over(~real, into), 0)
        grad_h = _back_in_time(into, grad, weight, real, fresh)
        return into, into.flatten(0, 1).t() @ before.flatten(0, 1), grad_h, None, None


def _back_in_time(
    into: Float[Tensor, "B T D"], grad: Float[Tensor, "B T D"], weight: Float[Tensor, "D D"],
    real: Bool[Tensor, "B T"] | None, fresh: Bool[Tensor, "B T"] | None,
) -> Float[Tensor, "B D"]:
    """Turns `into`, the derivative of tanh, into the gradient of p; returns the gradient of the initial h."""
    arriving = [torch.zeros_like(grad[:, 0]), *grad.unbind(1)]
    reaching = arriving.pop()
    steps = list(zip(into.unbind(1), arriving, each_step(real, into.shape[1]), each_step(fresh, into.shape[1])))
    for into_t, earlier, real_t, fresh_t in reversed(steps):
        if real_t is not None:
            earlier = earlier + reaching.masked_fill(real_t, 0)
        through = into_t.mul_(reaching)
        reaching = torch.addmm(earlier, through if fresh_t is None else through.masked_fill(fresh_t, 0), weight)
    return reaching


def _transposed(weight: Float[Tensor, "G D"]) -> Float[Tensor, "D G"]:
    """Laid out so that a product with few rows is up to a third faster: rows not a power of two apart in memory."""
    return torch.nn.functional.pad(weight.t(), (0, 16))[:, : len(weight)]
