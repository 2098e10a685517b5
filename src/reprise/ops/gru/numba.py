"""The same recurrence as one kernel over time, forward and backward; the gradient of U is a product over all steps."""
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.cell_kernel import earlier, mask_arrays, over_rows
from reprise.ops.custom_op import custom_op
from reprise.ops.heads import one_by_one
from reprise.ops.row_product import add_product, laid_out, zero_rows
from reprise.ops.vector_math import compiled, copy, fill, sigmoid, tanh

__all__ = ["gru"]


def gru(
    p: Float[Tensor, "B T G"], weight: Float[Tensor, "*H g d"], bias: Float[Tensor, "G"], h: Float[Tensor, "B D"],
    marks: Marks = NO_MARKS,
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B D"]]:
    return one_by_one(_gru, p, weight, (bias, h), marks)


def _gru(p: Tensor, weight: Tensor, bias: Tensor, h: Tensor, marks: Marks) -> tuple[Tensor, Tensor]:
    every, _ = recur(p, weight, bias, h, *marks, torch.is_grad_enabled())
    return every, every[:, -1]


@custom_op("reprise::gru")
def recur(
    p: Tensor, weight: Tensor, bias: Tensor, h: Tensor, real: Tensor | None, fresh: Tensor | None, keep: bool
) -> tuple[Tensor, Tensor]:
    """Every h, and, where kept, the gates (B T Q), Q = 4D, that backward needs: r, z, U h + c of the candidate, n."""
    every, gates = _outputs(p, h, keep)
    B, D = h.shape
    state, product = zero_rows(B, D, h), zero_rows(B, 3 * D, h)
    state[:, :D] = h
    over_rows(forward, p.numel() * D, mask_arrays(real, fresh),
              p, laid_out(weight.t()), bias, state, product, every, gates)
    return every, gates


@recur.register_fake
def _(p, weight, bias, h, real, fresh, keep):
    return _outputs(p, h, keep)


def _outputs(p: Tensor, h: Tensor, keep: bool) -> tuple[Tensor, Tensor]:
    (B, D), T = h.shape, p.shape[1]
    return h.new_empty(B, T, D), h.new_empty(B, T, 4 * D if keep else 0)


@custom_op("reprise::gru_backward")
def recur_backward(
    weight: Tensor, h: Tensor, every: Tensor, gates: Tensor, real: Tensor | None, fresh: Tensor | None, grad: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients in p, U, c and the initial h, from that of every h."""
    B, T, D = every.shape
    grad_p, grad_n = h.new_empty(B, T, 3 * D), h.new_empty(B, T, D)
    reaching, through, zero = zero_rows(B, D, h), zero_rows(B, 3 * D, h), h.new_zeros(D)
    over_rows(backward, grad_p.numel() * D, mask_arrays(real, fresh),
              h, laid_out(weight), every, gates, grad, reaching, through, zero, grad_p, grad_n)
    before, rz, n = earlier(h, every, fresh), grad_p.flatten(0, 1)[:, : 2 * D], grad_n.flatten(0, 1)
    grad_weight = torch.empty_like(weight, memory_format=torch.contiguous_format)
    torch.mm(rz.t(), before, out=grad_weight[: 2 * D])
    torch.mm(n.t(), before, out=grad_weight[2 * D :])
    return grad_p, grad_weight, torch.cat([rz.sum(0), n.sum(0)]), reaching[:, :D].clone()


@recur_backward.register_fake
def _(weight, h, every, gates, real, fresh, grad):
    B, T, D = every.shape
    return h.new_empty(B, T, 3 * D), h.new_empty(3 * D, D), h.new_empty(3 * D), h.new_empty(B, D)


def _keep(ctx, inputs, output):
    _, weight, _, h, real, fresh, _ = inputs
    ctx.mark_non_differentiable(output[1])
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(weight, h, *output, real, fresh)


def _gradients(ctx, grad, _):
    gradients = (None,) * 4 if grad is None else recur_backward(*ctx.saved_tensors, grad)
    return *gradients, None, None, None


recur.register_autograd(_gradients, setup_context=_keep)


@compiled
def forward(first, last, real, fresh, p, weight, bias, state, product, every, gates):
    B, T, D = every.shape
    low, high = 2 * first, min(2 * last, B)
    for t in range(T):
        for i in range(low, high):
            if fresh.size and fresh[i, t]:
                fill(state[i], 0)
            total, p_t = product[i], p[i, t]
            for j in range(2 * D):
                total[j] = p_t[j] + bias[j]
            copy(bias[2 * D :], total[2 * D :])
        add_product(low, high, state, weight, product)
        for i in range(low, high):
            now = state[i, :D]
            if not real.size or real[i, t]:
                rz, n, p_n = product[i, : 2 * D], product[i, 2 * D : 3 * D], p[i, t, 2 * D :]
                for j in range(2 * D):
                    rz[j] = sigmoid(rz[j])
                if gates.size:
                    copy(product[i, : 3 * D], gates[i, t])
                r, z = rz[:D], rz[D:]
                for j in range(D):
                    n[j] = tanh(p_n[j] + r[j] * n[j])
                    now[j] = n[j] + z[j] * (now[j] - n[j])
                if gates.size:
                    copy(n, gates[i, t, 3 * D :])
            elif gates.size:
                fill(gates[i, t], 0)
            copy(now, every[i, t])


@compiled
def backward(first, last, real, fresh, h, weight, every, gates, grad, reaching, through, zero, grad_p, grad_n):
    B, T, D = every.shape
    low, high = 2 * first, min(2 * last, B)
    for t in range(T - 1, -1, -1):
        for i in range(low, high):
            begins = fresh.size and fresh[i, t]
            before = zero if begins else every[i, t - 1] if t else h[i]
            reach, g_t, into = reaching[i, :D], grad[i, t], through[i]
            for j in range(D):
                reach[j] += g_t[j]
            if real.size and not real[i, t]:
                fill(grad_p[i, t], 0)
                fill(grad_n[i, t], 0)
                fill(into, 0)
                continue
            r, z, h_n, n = gates[i, t, :D], gates[i, t, D : 2 * D], gates[i, t, 2 * D : 3 * D], gates[i, t, 3 * D :]
            into_r, into_z, into_h_n, into_n = into[:D], into[D : 2 * D], into[2 * D : 3 * D], grad_p[i, t, 2 * D :]
            for j in range(D):
                into_z[j] = reach[j] * (before[j] - n[j]) * (z[j] * (1 - z[j]))
                into_n[j] = reach[j] * (1 - z[j]) * (1 - n[j] * n[j])
                reach[j] *= z[j]
            for j in range(D):
                into_h_n[j] = into_n[j] * r[j]
                into_r[j] = into_h_n[j] * h_n[j] * (1 - r[j])
            copy(into[: 2 * D], grad_p[i, t])
            copy(into_h_n, grad_n[i, t])
            if begins:
                fill(into, 0)
                fill(reach, 0)
        add_product(low, high, through, weight, reaching)
