"""The same recurrence as one kernel over time, forward and backward; the gradient of U is a product over all steps."""
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.cell_kernel import earlier, mask_arrays, over_rows
from reprise.ops.custom_op import custom_op
from reprise.ops.heads import one_by_one
from reprise.ops.row_product import add_product, laid_out, zero_rows
from reprise.ops.vector_math import compiled, copy, fill, tanh

__all__ = ["elman"]


def elman(
    p: Float[Tensor, "B T D"], weight: Float[Tensor, "*H g d"], h: Float[Tensor, "B D"], marks: Marks = NO_MARKS
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B D"]]:
    return one_by_one(_elman, p, weight, (h,), marks)


def _elman(p: Tensor, weight: Tensor, h: Tensor, marks: Marks) -> tuple[Tensor, Tensor]:
    every = recur(p, weight, h, *marks)
    return every, every[:, -1]


@custom_op("reprise::elman")
def recur(p: Tensor, weight: Tensor, h: Tensor, real: Tensor | None, fresh: Tensor | None) -> Tensor:
    """Every h, which is all that backward needs."""
    B, D = h.shape
    every = torch.empty_like(p, memory_format=torch.contiguous_format)
    state, product = zero_rows(B, D, h), zero_rows(B, D, h)
    state[:, :D] = h
    over_rows(forward, p.numel() * D, mask_arrays(real, fresh), p, laid_out(weight.t()), state, product, every)
    return every


@recur.register_fake
def _(p, weight, h, real, fresh):
    return torch.empty_like(p, memory_format=torch.contiguous_format)


@custom_op("reprise::elman_backward")
def recur_backward(
    weight: Tensor, h: Tensor, every: Tensor, real: Tensor | None, fresh: Tensor | None, grad: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients in p, U and the initial h, from that of every h."""
    B, D = h.shape
    grad_p, reaching, through = torch.empty_like(every), zero_rows(B, D, h), zero_rows(B, D, h)
    over_rows(backward, every.numel() * D, mask_arrays(real, fresh),
              every, laid_out(weight), grad, reaching, through, grad_p)
    grad_weight = grad_p.flatten(0, 1).t() @ earlier(h, every, fresh)
    return grad_p, grad_weight, reaching[:, :D].clone()


@recur_backward.register_fake
def _(weight, h, every, real, fresh, grad):
    return torch.empty_like(every), weight.new_empty(weight.shape), h.new_empty(h.shape)


def _keep(ctx, inputs, output):
    _, weight, h, real, fresh = inputs
    ctx.save_for_backward(weight, h, output, real, fresh)


def _gradients(ctx, grad):
    return *recur_backward(*ctx.saved_tensors, grad), None, None


recur.register_autograd(_gradients, setup_context=_keep)


@compiled
def forward(first, last, real, fresh, p, weight, state, product, every):
    B, T, D = p.shape
    low, high = 2 * first, min(2 * last, B)
    for t in range(T):
        for i in range(low, high):
            if fresh.size and fresh[i, t]:
                fill(state[i], 0)
            copy(p[i, t], product[i])
        add_product(low, high, state, weight, product)
        for i in range(low, high):
            now, total, out = state[i], product[i], every[i, t]
            if not real.size or real[i, t]:
                for j in range(D):
                    now[j] = tanh(total[j])
            copy(now[:D], out)


@compiled
def backward(first, last, real, fresh, every, weight, grad, reaching, through, grad_p):
    B, T, D = every.shape
    low, high = 2 * first, min(2 * last, B)
    for t in range(T - 1, -1, -1):
        for i in range(low, high):
            reach, into, g_t, h_t = reaching[i, :D], through[i, :D], grad[i, t], every[i, t]
            if real.size and not real[i, t]:
                for j in range(D):
                    reach[j] += g_t[j]
                fill(into, 0)
                fill(grad_p[i, t], 0)
                continue
            for j in range(D):
                into[j] = (reach[j] + g_t[j]) * (1 - h_t[j] * h_t[j])
                reach[j] = 0
            copy(into, grad_p[i, t])
            if fresh.size and fresh[i, t]:
                fill(into, 0)
        add_product(low, high, through, weight, reaching)
