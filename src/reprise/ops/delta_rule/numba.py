"""The same memory in one pass over time: what the next step is about to correct is summed while this one is made.

That is u_{t+1} = S_t' b_{t+1}. Backward, the memory's gradient G_t = w_{t+1} G_{t+1} + b_{t+1} du_{t+1}' + q_t do_t' is
the same recurrence from the right: dv_t = G_t' k_t is what it reads, du_t = G_t' a_t what it corrects. The rest is as
in `linear_attention`: sums over columns, four at a time, of the memory made anew and of G.
"""
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from reprise.ops.custom_op import custom_op
from reprise.ops.memory_kernel import FOUR, LANES, STEPS, WIDE, outputs, over_blocks
from reprise.ops.vector_math import compiled, copy, fill

__all__ = ["delta_rule"]


def delta_rule(
    p: tuple[Float[Tensor, "B T H _"], ...], S: Float[Tensor, "B H K V"]
) -> tuple[Float[Tensor, "B T H V"], Float[Tensor, "B H K V"]]:
    q, k, v, log_w, a, b = p
    K, w = q.shape[-1], log_w.exp()
    keep_borders = torch.is_grad_enabled() and any(z.requires_grad for z in (*p, S))
    if more := -K % FOUR:
        q, k, a, b = (pad(z, (0, more)) for z in (q, k, a, b))
        w, S = pad(w, (0, more * (w.shape[-1] > 1))), pad(S, (0, 0, 0, more))
    o, end, _, _ = correct(q, k, v, w, a, b, S, keep_borders)
    return o, end[:, :, :K]


@custom_op("reprise::delta_rule")
def correct(
    q: Tensor, k: Tensor, v: Tensor, w: Tensor, a: Tensor, b: Tensor, S: Tensor, keep_borders: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What is read (B T H V), the last memory, what is corrected, and if wanted the memory every `STEPS` steps."""
    found, u = outputs(v, S, keep_borders), torch.empty(v.shape, dtype=v.dtype)
    first = (b[:, 0, :, None] @ S).squeeze(2)
    over_blocks(forward, v, 0, k.new_ones(1, k.shape[-1]), w, k, q, v, a, b, first, S, u, *found)
    return *found[:2], u, found[2]


@correct.register_fake
def _(q, k, v, w, a, b, S, keep_borders):
    o, end, borders = outputs(v, S, keep_borders)
    return o, end, torch.empty(v.shape, dtype=v.dtype), borders


@custom_op("reprise::delta_rule_backward")
def correct_backward(
    p: list[Tensor], u: Tensor, borders: Tensor, grad_o: Tensor, grad_end: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients in q, k, v, w (as if it had every channel), a, b and S."""
    q, k, v, w, a, b = p
    (of_v, *rest), of_u = outputs(v, grad_end, False), torch.empty(v.shape, dtype=v.dtype)
    one, last = k.new_ones(1, k.shape[-1]), torch.zeros_like(u[:, 0])
    over_blocks(forward, v, 1, one, w, q, k, grad_o, b, a, last, grad_end, of_u, of_v, *rest)
    of_q, of_k, of_w, of_a, of_b, of_S = (torch.empty(z.shape, dtype=z.dtype) for z in (q, k, k, a, b, grad_end))
    found = of_w, of_k, of_q, of_a, of_b, of_S
    over_blocks(backward, k, w, k, q, a, b, v, u, grad_o, of_u, grad_end, borders, *found)
    return of_q, of_k, of_v, of_w, of_a, of_b, of_S


@correct_backward.register_fake
def _(p, u, borders, grad_o, grad_end):
    q, k, v, _, a, b = p
    return tuple(torch.empty(z.shape, dtype=z.dtype) for z in (q, k, v, k, a, b, grad_end))


def _keep(ctx, inputs, output):
    ctx.mark_non_differentiable(*output[2:])
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*inputs[:6], *output[2:])


def _gradients(ctx, grad_o, grad_end, *_):
    *p, u, borders = ctx.saved_tensors
    grad_o = torch.zeros_like(u) if grad_o is None else grad_o
    grad_end = torch.zeros_like(borders[:, :, 0]) if grad_end is None else grad_end
    of_q, of_k, of_v, of_w, *rest = correct_backward(p, u, borders, grad_o, grad_end)
    return of_q, of_k, of_v, of_w.sum_to_size(p[3].shape), *rest, None


correct.register_autograd(_gradients, setup_context=_keep)


@compiled
def forward(first, last, T, H, back, one, w, k, q, v, a, b, u, S, every_u, o, end, borders):
    K, V = k.shape[1], v.shape[1]
    blocks, parts, per_row = (V + WIDE - 1) // WIDE, (T + STEPS - 1) // STEPS, min(w.shape[1] - 1, 1)
    memory, row = np.zeros(K * WIDE, v.dtype), np.zeros(4 * WIDE, v.dtype)  # row: v, u, o, the next u
    for piece in range(first, last):
        head, low = piece // blocks, piece % blocks * WIDE
        i, h, high = head // H, head % H, min(low + WIDE, V)
        wide = (high - low + LANES - 1) // LANES * LANES
        for n in range(K):
            copy(S[head * K + n, low:high], memory[n * WIDE :])
        copy(u[head, low:high], row[3 * WIDE :])
        for t in range(T):
            if t % STEPS == 0 and len(borders):
                border = (head * parts + t // STEPS) * K
                for n in range(K):
                    copy(memory[n * WIDE : n * WIDE + high - low], borders[border + n, low:high])
            r = (i * T + (T - 1 - t if back else t)) * H + h
            copy(v[r, low:high], row)
            copy(row[3 * WIDE :], row[WIDE : 2 * WIDE])
            fill(row[2 * WIDE :], 0)
            k_t, q_t, w_t, a_t, b_t = k[r], q[r], one[0], one[0], one[0]
            if back:
                b_t = b[r]
                if t:  # from the right, a decay and a correction come after their step
                    w_t, a_t = w[r + H], a[r + H]
            else:
                w_t, a_t = w[r], a[r]
                if t < T - 1:
                    b_t = b[r + H]
                copy(row[WIDE : WIDE + high - low], every_u[r, low:high])
            for n in range(0, K, 4):
                s = memory[n * WIDE : (n + 4) * WIDE]
                w0, w1 = w_t[n * per_row], w_t[(n + 1) * per_row]
                w2, w3 = w_t[(n + 2) * per_row], w_t[(n + 3) * per_row]
                k0, k1, k2, k3 = k_t[n], k_t[n + 1], k_t[n + 2], k_t[n + 3]
                q0, q1, q2, q3 = q_t[n], q_t[n + 1], q_t[n + 2], q_t[n + 3]
                a0, a1, a2, a3 = a_t[n], a_t[n + 1], a_t[n + 2], a_t[n + 3]
                b0, b1, b2, b3 = b_t[n], b_t[n + 1], b_t[n + 2], b_t[n + 3]
                for j in range(wide):
                    x0 = (w0 * s[j] + a0 * row[WIDE + j]) + k0 * row[j]
                    x1 = (w1 * s[WIDE + j] + a1 * row[WIDE + j]) + k1 * row[j]
                    x2 = (w2 * s[2 * WIDE + j] + a2 * row[WIDE + j]) + k2 * row[j]
                    x3 = (w3 * s[3 * WIDE + j] + a3 * row[WIDE + j]) + k3 * row[j]
                    row[2 * WIDE + j] = (((row[2 * WIDE + j] + q0 * x0) + q1 * x1) + q2 * x2) + q3 * x3
                    row[3 * WIDE + j] = (((row[3 * WIDE + j] + b0 * x0) + b1 * x1) + b2 * x2) + b3 * x3
                    s[j], s[WIDE + j], s[2 * WIDE + j], s[3 * WIDE + j] = x0, x1, x2, x3
            copy(row[2 * WIDE : 2 * WIDE + high - low], o[r, low:high])
            if back:
                copy(row[3 * WIDE : 3 * WIDE + high - low], every_u[r, low:high])
        for n in range(K):
            copy(memory[n * WIDE : n * WIDE + high - low], end[head * K + n, low:high])


@compiled
def backward(
    first, last, T, H, w, k, q, a, b, v, u, grad_o, of_u, grad_end, borders, of_w, of_k, of_q, of_a, of_b, of_S
):
    """rows, of each step: w, k, q, a, b, and the gradients in them.   memory, G: four columns of it."""
    K, V = k.shape[1], v.shape[1]
    blocks, groups, parts = (K + WIDE - 1) // WIDE, (V + 3) // 4, (T + STEPS - 1) // STEPS
    rows, columns = np.zeros((STEPS, 10 * WIDE), v.dtype), np.zeros((4 * STEPS, 4 * groups), v.dtype)
    memory, G = np.zeros((STEPS + 1) * 4 * WIDE, v.dtype), np.zeros((groups, 4 * WIDE), v.dtype)
    before = np.zeros((groups, 4 * WIDE), v.dtype)
    flat = before.reshape(-1)
    for piece in range(first, last):
        head, low = piece // blocks, piece % blocks * WIDE
        i, h, high = head // H, head % H, min(low + WIDE, K)
        wide = (high - low + LANES - 1) // LANES * LANES
        fill(rows.reshape(-1), 0)
        fill(G.reshape(-1), 0)
        for n in range(high - low):
            for m in range(V):
                G[m // 4, m % 4 * WIDE + n] = grad_end[head * K + low + n, m]
        for c in range(parts - 1, -1, -1):
            start, count = (i * T + c * STEPS) * H + h, min(STEPS, T - c * STEPS)
            for s in range(count):
                r, row = start + s * H, rows[s]
                if w.shape[1] == 1:
                    fill(row[:wide], w[r, 0])
                else:
                    copy(w[r, low:high], row)
                copy(k[r, low:high], row[WIDE:])
                copy(q[r, low:high], row[2 * WIDE :])
                copy(a[r, low:high], row[3 * WIDE :])
                copy(b[r, low:high], row[4 * WIDE :])
                fill(row[5 * WIDE :], 0)
                copy(v[r], columns[s])
                copy(u[r], columns[STEPS + s])
                copy(grad_o[r], columns[2 * STEPS + s])
                copy(of_u[r], columns[3 * STEPS + s])
            for n in range(high - low):
                border = borders[(head * parts + c) * K + low + n]
                for m in range(V):
                    flat[m * WIDE + n] = border[m]
            for m in range(0, V, 4):
                copy(before[m // 4], memory)
                for s in range(count):
                    row, x = rows[s], memory[4 * WIDE * s : 4 * WIDE * (s + 2)]
                    v_s, u_s = columns[s], columns[STEPS + s]
                    g_s, h_s = columns[2 * STEPS + s], columns[3 * STEPS + s]
                    v0, v1, v2, v3 = v_s[m], v_s[m + 1], v_s[m + 2], v_s[m + 3]
                    u0, u1, u2, u3 = u_s[m], u_s[m + 1], u_s[m + 2], u_s[m + 3]
                    g0, g1, g2, g3 = g_s[m], g_s[m + 1], g_s[m + 2], g_s[m + 3]
                    h0, h1, h2, h3 = h_s[m], h_s[m + 1], h_s[m + 2], h_s[m + 3]
                    for j in range(wide):
                        w_j, k_j, a_j = row[j], row[WIDE + j], row[3 * WIDE + j]
                        x0, x1, x2, x3 = x[j], x[WIDE + j], x[2 * WIDE + j], x[3 * WIDE + j]
                        row[9 * WIDE + j] = (((row[9 * WIDE + j] + h0 * x0) + h1 * x1) + h2 * x2) + h3 * x3
                        x0 = (w_j * x0 + a_j * u0) + k_j * v0
                        x1 = (w_j * x1 + a_j * u1) + k_j * v1
                        x2 = (w_j * x2 + a_j * u2) + k_j * v2
                        x3 = (w_j * x3 + a_j * u3) + k_j * v3
                        row[7 * WIDE + j] = (((row[7 * WIDE + j] + g0 * x0) + g1 * x1) + g2 * x2) + g3 * x3
                        x[4 * WIDE + j], x[5 * WIDE + j], x[6 * WIDE + j], x[7 * WIDE + j] = x0, x1, x2, x3
                G_m = G[m // 4]
                for s in range(count - 1, -1, -1):
                    row, x = rows[s], memory[4 * WIDE * s : 4 * WIDE * (s + 1)]
                    v_s, u_s = columns[s], columns[STEPS + s]
                    g_s, h_s = columns[2 * STEPS + s], columns[3 * STEPS + s]
                    v0, v1, v2, v3 = v_s[m], v_s[m + 1], v_s[m + 2], v_s[m + 3]
                    u0, u1, u2, u3 = u_s[m], u_s[m + 1], u_s[m + 2], u_s[m + 3]
                    g0, g1, g2, g3 = g_s[m], g_s[m + 1], g_s[m + 2], g_s[m + 3]
                    h0, h1, h2, h3 = h_s[m], h_s[m + 1], h_s[m + 2], h_s[m + 3]
                    for j in range(wide):
                        w_j, q_j, b_j = row[j], row[2 * WIDE + j], row[4 * WIDE + j]
                        z0 = G_m[j] + q_j * g0
                        z1 = G_m[WIDE + j] + q_j * g1
                        z2 = G_m[2 * WIDE + j] + q_j * g2
                        z3 = G_m[3 * WIDE + j] + q_j * g3
                        total = (row[5 * WIDE + j] + x[j] * z0) + x[WIDE + j] * z1
                        row[5 * WIDE + j] = (total + x[2 * WIDE + j] * z2) + x[3 * WIDE + j] * z3
                        row[6 * WIDE + j] = (((row[6 * WIDE + j] + v0 * z0) + v1 * z1) + v2 * z2) + v3 * z3
                        row[8 * WIDE + j] = (((row[8 * WIDE + j] + u0 * z0) + u1 * z1) + u2 * z2) + u3 * z3
                        G_m[j], G_m[WIDE + j] = w_j * z0 + b_j * h0, w_j * z1 + b_j * h1
                        G_m[2 * WIDE + j], G_m[3 * WIDE + j] = w_j * z2 + b_j * h2, w_j * z3 + b_j * h3
            for s in range(count):
                for of, at in ((of_w, 5), (of_k, 6), (of_q, 7), (of_a, 8), (of_b, 9)):
                    copy(rows[s, at * WIDE : at * WIDE + high - low], of[start + s * H, low:high])
        for n in range(high - low):
            for m in range(V):
                of_S[head * K + low + n, m] = G[m // 4, m % 4 * WIDE + n]
