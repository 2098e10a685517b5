"""The same recurrence as one kernel over time, forward and backward; the gradient of U is a product over all steps."""
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.cell_kernel import earlier, mask_arrays, over_rows
from reprise.ops.custom_op import custom_op
from reprise.ops.heads import one_by_one
from reprise.ops.lstm.reference import LSTMMemory
from reprise.ops.row_product import add_product, laid_out, zero_rows
from reprise.ops.vector_math import compiled, copy, fill, sigmoid, tanh

__all__ = ["lstm"]


def lstm(
    p: Float[Tensor, "B T G"], weight: Float[Tensor, "*H g d"], memory: LSTMMemory, marks: Marks = NO_MARKS
) -> tuple[Float[Tensor, "B T D"], LSTMMemory]:
    return one_by_one(_lstm, p, weight, (memory,), marks)


def _lstm(p: Tensor, weight: Tensor, memory: LSTMMemory, marks: Marks) -> tuple[Tensor, LSTMMemory]:
    every, c, *_ = recur(p, weight, *memory, *marks, torch.is_grad_enabled())
    return every, LSTMMemory(every[:, -1], c)


@custom_op("reprise::lstm")
def recur(
    p: Tensor, weight: Tensor, h: Tensor, c: Tensor, real: Tensor | None, fresh: Tensor | None, keep: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Every h and the last c; and, where kept, the gates i, f, g, o (B T 4D) and every c (B T D) for backward."""
    every, last, gates, cells = _outputs(p, h, keep)
    B, D = h.shape
    state, product = zero_rows(B, D, h), zero_rows(B, 4 * D, h)
    state[:, :D] = h
    last.copy_(c)
    over_rows(forward, p.numel() * D, mask_arrays(real, fresh),
              p, laid_out(weight.t()), state, last, product, every, gates, cells)
    return every, last, gates, cells


@recur.register_fake
def _(p, weight, h, c, real, fresh, keep):
    return _outputs(p, h, keep)


def _outputs(p: Tensor, h: Tensor, keep: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    (B, D), T = h.shape, p.shape[1]
    kept = D if keep else 0
    return h.new_empty(B, T, D), h.new_empty(B, D), h.new_empty(B, T, 4 * kept), h.new_empty(B, T, kept)


@custom_op("reprise::lstm_backward")
def recur_backward(
    weight: Tensor, h: Tensor, c: Tensor, every: Tensor, gates: Tensor, cells: Tensor, real: Tensor | None,
    fresh: Tensor | None, grad: Tensor, grad_c: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients in p, U and the initial h and c, from those of every h and the last c."""
    B, D = h.shape
    grad_p, grad_c = torch.empty_like(gates), grad_c.clone(memory_format=torch.contiguous_format)
    reaching, through, zero = zero_rows(B, D, h), zero_rows(B, 4 * D, h), h.new_zeros(D)
    over_rows(backward, gates.numel() * D, mask_arrays(real, fresh),
              c, laid_out(weight), gates, cells, grad, reaching, grad_c, through, zero, grad_p)
    grad_weight = grad_p.flatten(0, 1).t() @ earlier(h, every, fresh)
    return grad_p, grad_weight, reaching[:, :D].clone(), grad_c


@recur_backward.register_fake
def _(weight, h, c, every, gates, cells, real, fresh, grad, grad_c):
    return torch.empty_like(gates), weight.new_empty(weight.shape), h.new_empty(h.shape), c.new_empty(c.shape)


def _keep(ctx, inputs, output):
    _, weight, h, c, real, fresh, _ = inputs
    every, _, gates, cells = output
    ctx.mark_non_differentiable(gates, cells)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(weight, h, c, every, gates, cells, real, fresh)


def _gradients(ctx, grad, grad_c, *_):
    c, every = ctx.saved_tensors[2:4]
    grad = torch.zeros_like(every) if grad is None else grad
    grad_c = torch.zeros_like(c) if grad_c is None else grad_c
    return *recur_backward(*ctx.saved_tensors, grad, grad_c), None, None, None


recur.register_autograd(_gradients, setup_context=_keep)


@compiled
def forward(first, last, real, fresh, p, weight, state, cell, product, every, gates, cells):
    B, T, D = every.shape
    low, high = 2 * first, min(2 * last, B)
    for t in range(T):
        for i in range(low, high):
            if fresh.size and fresh[i, t]:
                fill(state[i], 0)
                fill(cell[i], 0)
            copy(p[i, t], product[i])
        add_product(low, high, state, weight, product)
        for i in range(low, high):
            now, c = state[i, :D], cell[i]
            if not real.size or real[i, t]:
                each = product[i]
                i_f, g, o, f = each[: 2 * D], each[2 * D : 3 * D], each[3 * D : 4 * D], each[D : 2 * D]
                for j in range(2 * D):
                    i_f[j] = sigmoid(i_f[j])
                for j in range(D):
                    g[j] = tanh(g[j])
                    o[j] = sigmoid(o[j])
                for j in range(D):
                    c[j] = f[j] * c[j] + i_f[j] * g[j]
                    now[j] = o[j] * tanh(c[j])
                if gates.size:
                    copy(each[: 4 * D], gates[i, t])
            elif gates.size:
                fill(gates[i, t], 0)
            copy(now, every[i, t])
            if cells.size:
                copy(c, cells[i, t])


@compiled
def backward(first, last, real, fresh, c, weight, gates, cells, grad, reaching, grad_c, through, zero, grad_p):
    B, T, D = cells.shape
    low, high = 2 * first, min(2 * last, B)
    for t in range(T - 1, -1, -1):
        for i in range(low, high):
            reach, reach_c, g_t, into = reaching[i, :D], grad_c[i], grad[i, t], through[i, : 4 * D]
            for j in range(D):
                reach[j] += g_t[j]
            if real.size and not real[i, t]:
                fill(into, 0)
                fill(grad_p[i, t], 0)
                continue
            begins = fresh.size and fresh[i, t]
            before, now = zero if begins else cells[i, t - 1] if t else c[i], cells[i, t]
            each = gates[i, t]
            i_t, f, g, o = each[:D], each[D : 2 * D], each[2 * D : 3 * D], each[3 * D :]
            into_i, into_f, into_g, into_o = into[:D], into[D : 2 * D], into[2 * D : 3 * D], into[3 * D :]
            for j in range(D):
                squashed = tanh(now[j])
                into_o[j] = reach[j] * squashed * (o[j] * (1 - o[j]))
                reach_c[j] += reach[j] * o[j] * (1 - squashed * squashed)
                reach[j] = 0
            for j in range(D):
                into_i[j] = reach_c[j] * g[j] * (i_t[j] * (1 - i_t[j]))
                into_f[j] = reach_c[j] * before[j] * (f[j] * (1 - f[j]))
                into_g[j] = reach_c[j] * i_t[j] * (1 - g[j] * g[j])
                reach_c[j] *= f[j]
            copy(into, grad_p[i, t])
            if begins:
                fill(into, 0)
                fill(reach_c, 0)
        add_product(low, high, through, weight, reaching)
