"""The same recurrence as one kernel over time, forward and backward; the gradient of U is a product over all steps."""
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.cell_kernel import earlier, mask_arrays, over_rows
from reprise.ops.custom_op import custom_op
from reprise.ops.heads import one_by_one
from reprise.ops.row_product import add_product, laid_out, zero_rows
from reprise.ops.slstm.reference import SLSTMMemory
from reprise.ops.vector_math import compiled, copy, exp, fill, log_sigmoid, sigmoid, tanh

__all__ = ["slstm"]


def slstm(
    p: Float[Tensor, "B T G"], weight: Float[Tensor, "*H g d"], memory: SLSTMMemory, marks: Marks = NO_MARKS
) -> tuple[Float[Tensor, "B T D"], SLSTMMemory]:
    return one_by_one(_slstm, p, weight, (memory,), marks)


def _slstm(p: Tensor, weight: Tensor, memory: SLSTMMemory, marks: Marks) -> tuple[Tensor, SLSTMMemory]:
    h, *rest = memory
    every, last, *_ = recur(p, weight, h, torch.cat(rest, 1), *marks, torch.is_grad_enabled())
    return every, SLSTMMemory(every[:, -1], *last.chunk(3, 1))


@custom_op("reprise::slstm")
def recur(
    p: Tensor, weight: Tensor, h: Tensor, rest: Tensor, real: Tensor | None, fresh: Tensor | None, keep: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """rest: c, n, m (B 3D). Every h, and the last rest; where kept, for backward: a, b, 1 - sigmoid(f), z, o (B T 5D),
    and every c, n (B T 2D)."""
    every, last, gates, cells = _outputs(p, h, keep)
    B, D = h.shape
    state, product = zero_rows(B, D, h), zero_rows(B, 4 * D, h)
    state[:, :D] = h
    last.copy_(rest)
    over_rows(forward, p.numel() * D, mask_arrays(real, fresh),
              p, laid_out(weight.t()), state, last, product, every, gates, cells)
    return every, last, gates, cells


@recur.register_fake
def _(p, weight, h, rest, real, fresh, keep):
    return _outputs(p, h, keep)


def _outputs(p: Tensor, h: Tensor, keep: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    (B, D), T = h.shape, p.shape[1]
    kept = D if keep else 0
    return h.new_empty(B, T, D), h.new_empty(B, 3 * D), h.new_empty(B, T, 5 * kept), h.new_empty(B, T, 2 * kept)


@custom_op("reprise::slstm_backward")
def recur_backward(
    weight: Tensor, h: Tensor, rest: Tensor, every: Tensor, gates: Tensor, cells: Tensor, real: Tensor | None,
    fresh: Tensor | None, grad: Tensor, grad_rest: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients in p, U and the initial h and rest, from those of every h and the last rest."""
    B, T, D = every.shape
    sums, carried = rest[:, : 2 * D], grad_rest.clone(memory_format=torch.contiguous_format)
    into_sums, into_m = carried[:, : 2 * D], carried[:, 2 * D :]
    into_m -= (into_sums * cells[:, -1]).unflatten(1, (2, D)).sum(1)  # from here on m is a constant
    grad_p, reaching, through = h.new_empty(B, T, 4 * D), zero_rows(B, D, h), zero_rows(B, 4 * D, h)
    over_rows(backward, grad_p.numel() * D, mask_arrays(real, fresh),
              every, sums, laid_out(weight), gates, cells, grad, reaching, carried, through, grad_p)
    into_m += (into_sums * sums).unflatten(1, (2, D)).sum(1)
    grad_weight = grad_p.flatten(0, 1).t() @ earlier(h, every, fresh)
    return grad_p, grad_weight, reaching[:, :D].clone(), carried


@recur_backward.register_fake
def _(weight, h, rest, every, gates, cells, real, fresh, grad, grad_rest):
    B, T, D = every.shape
    return h.new_empty(B, T, 4 * D), weight.new_empty(weight.shape), h.new_empty(B, D), h.new_empty(B, 3 * D)


def _keep(ctx, inputs, output):
    _, weight, h, rest, real, fresh, _ = inputs
    every, _, gates, cells = output
    ctx.mark_non_differentiable(gates, cells)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(weight, h, rest, every, gates, cells, real, fresh)


def _gradients(ctx, grad, grad_rest, *_):
    rest, every = ctx.saved_tensors[2:4]
    grad = torch.zeros_like(every) if grad is None else grad
    grad_rest = torch.zeros_like(rest) if grad_rest is None else grad_rest
    return *recur_backward(*ctx.saved_tensors, grad, grad_rest), None, None, None


recur.register_autograd(_gradients, setup_context=_keep)


@compiled
def forward(first, last, real, fresh, p, weight, state, memory, product, every, gates, cells):
    B, T, D = every.shape
    low, high = 2 * first, min(2 * last, B)
    nowhere = np.empty(5 * D, p.dtype)
    for t in range(T):
        for r in range(low, high):
            if fresh.size and fresh[r, t]:
                fill(state[r], 0)
                fill(memory[r, : 2 * D], 0)
                fill(memory[r, 2 * D :], -np.inf)
            copy(p[r, t], product[r])
        add_product(low, high, state, weight, product)
        for r in range(low, high):
            now, row, each, kept = state[r, :D], memory[r], product[r], gates[r, t] if gates.size else nowhere
            if not real.size or real[r, t]:
                i, f, raw_z, raw_o = each[:D], each[D : 2 * D], each[2 * D : 3 * D], each[3 * D : 4 * D]
                c, n, m, left, new = row[:D], row[D : 2 * D], row[2 * D :], kept[:D], kept[D : 2 * D]
                slip, z, o = kept[2 * D : 3 * D], kept[3 * D : 4 * D], kept[4 * D :]
                for j in range(D):
                    z[j] = tanh(raw_z[j])
                    o[j] = sigmoid(raw_o[j])
                for j in range(D):
                    slip[j] = sigmoid(-f[j])
                    f[j] = m[j] + log_sigmoid(f[j])
                for j in range(D):
                    less = exp(-abs(f[j] - i[j]))
                    left[j] = 1 if f[j] >= i[j] else less
                    new[j] = less if f[j] >= i[j] else 1
                    m[j] = max(f[j], i[j])
                for j in range(D):
                    c[j] = left[j] * c[j] + new[j] * z[j]
                    n[j] = left[j] * n[j] + new[j]
                    now[j] = o[j] * (c[j] / n[j])
            else:
                fill(kept, 0)
            copy(now, every[r, t])
            if cells.size:
                copy(row[: 2 * D], cells[r, t])


@compiled
def backward(first, last, real, fresh, every, initial, weight, gates, cells, grad, reaching, carried, through, grad_p):
    B, T, D = every.shape
    low, high = 2 * first, min(2 * last, B)
    for t in range(T - 1, -1, -1):
        for r in range(low, high):
            reach, into, g_t = reaching[r, :D], through[r, : 4 * D], grad[r, t]
            for j in range(D):
                reach[j] += g_t[j]
            if real.size and not real[r, t]:
                fill(into, 0)
                fill(grad_p[r, t], 0)
                continue
            of_c, of_n, of_m = carried[r, :D], carried[r, D : 2 * D], carried[r, 2 * D :]
            each, now, before = gates[r, t], cells[r, t], cells[r, t - 1] if t else initial[r]
            left, new, slip, z, o = each[:D], each[D : 2 * D], each[2 * D : 3 * D], each[3 * D : 4 * D], each[4 * D :]
            c, n, c_in, n_in = now[:D], now[D:], before[:D], before[D:]
            into_i, into_f, into_z, into_o = into[:D], into[D : 2 * D], into[2 * D : 3 * D], into[3 * D :]
            for j in range(D):
                average, direct = c[j] / n[j], reach[j] * o[j] / n[j]
                into_o[j] = reach[j] * average * (o[j] * (1 - o[j]))
                of_c[j] += direct
                of_n[j] -= direct * average
                reach[j] = 0
            for j in range(D):
                stays = 1 if left[j] > new[j] else 0.5 if left[j] == new[j] else 0
                into_i[j] = new[j] * (of_c[j] * z[j] + of_n[j]) + (1 - stays) * of_m[j]
                into_f[j] = slip[j] * (left[j] * (of_c[j] * c_in[j] + of_n[j] * n_in[j]) + stays * of_m[j])
                into_z[j] = of_c[j] * new[j] * (1 - z[j] * z[j])
                of_c[j] *= left[j]
                of_n[j] *= left[j]
                of_m[j] *= stays
            copy(into, grad_p[r, t])
            if fresh.size and fresh[r, t]:
                fill(into, 0)
        add_product(low, high, through, weight, reaching)
