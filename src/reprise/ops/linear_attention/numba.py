"""The same memory in one pass over time, two steps at once.

Backward, the memory's gradient G_t = w_{t+1} G_{t+1} + q_t do_t' is the same recurrence from the right, and dv_t =
G_t' k_t is what it reads. The other gradients are sums over columns: for them the memory and G lie the other way round,
four columns at a time; the memory is made anew from the last one kept, then G goes back along it.
"""
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from reprise.ops.custom_op import custom_op
from reprise.ops.memory_kernel import FOUR, LANES, STEPS, WIDE, outputs, over_blocks
from reprise.ops.vector_math import compiled, copy, fill

__all__ = ["linear_attention"]


def linear_attention(
    q: Float[Tensor, "B T H K"], k: Float[Tensor, "B T H K"], v: Float[Tensor, "B T H V"],
    log_w: Float[Tensor, "B T H #K"], S: Float[Tensor, "B H K V"],
) -> tuple[Float[Tensor, "B T H V"], Float[Tensor, "B H K V"]]:
    (T, _, K), w = q.shape[1:], log_w.exp()
    keep_borders = torch.is_grad_enabled() and any(z.requires_grad for z in (q, k, v, w, S))
    late, more = T % 2, -K % FOUR
    if late or more:
        q, k, v = (pad(z, (0, rows, 0, 0, 0, late)) for z, rows in ((q, more), (k, more), (v, 0)))
        w, S = pad(w, (0, more * (w.shape[-1] > 1), 0, 0, 0, late), value=1.0), pad(S, (0, 0, 0, more))
    o, end, _ = attend(q, k, v, w, S, keep_borders)
    return o[:, :T], end[:, :, :K]


@custom_op("reprise::linear_attention")
def attend(q: Tensor, k: Tensor, v: Tensor, w: Tensor, S: Tensor, keep_borders: bool) -> tuple[Tensor, Tensor, Tensor]:
    """What is read (B T H V), the last memory, and if wanted the one before every `STEPS` steps."""
    found = outputs(v, S, keep_borders)
    over_blocks(forward, v, 0, k.new_ones(1, k.shape[-1]), w, k, q, v, S, *found)
    return found


@attend.register_fake
def _(q, k, v, w, S, keep_borders):
    return outputs(v, S, keep_borders)


@custom_op("reprise::linear_attention_backward")
def attend_backward(
    q: Tensor, k: Tensor, v: Tensor, w: Tensor, borders: Tensor, grad_o: Tensor, grad_end: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients in q, k, v, w (as if it had every channel) and S."""
    of_v, *rest = outputs(v, grad_end, False)
    over_blocks(forward, v, 1, k.new_ones(1, k.shape[-1]), w, q, k, grad_o, grad_end, of_v, *rest)
    of_q, of_k, of_w, of_S = (torch.empty(z.shape, dtype=z.dtype) for z in (q, k, k, grad_end))
    over_blocks(backward, k, w, k, q, v, grad_o, grad_end, borders, of_w, of_k, of_q, of_S)
    return of_q, of_k, of_v, of_w, of_S


@attend_backward.register_fake
def _(q, k, v, w, borders, grad_o, grad_end):
    return tuple(torch.empty(z.shape, dtype=z.dtype) for z in (q, k, v, k, grad_end))


def _keep(ctx, inputs, output):
    ctx.mark_non_differentiable(output[2])
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*inputs[:4], output[2])


def _gradients(ctx, grad_o, grad_end, _):
    q, k, v, w, borders = ctx.saved_tensors
    grad_o = torch.zeros_like(v) if grad_o is None else grad_o
    grad_end = torch.zeros_like(borders[:, :, 0]) if grad_end is None else grad_end
    *of_qkv, of_w, of_S = attend_backward(q, k, v, w, borders, grad_o, grad_end)
    return *of_qkv, of_w.sum_to_size(w.shape), of_S, None


attend.register_autograd(_gradients, setup_context=_keep)


@compiled
def forward(first, last, T, H, back, one, w, k, q, v, S, o, end, borders):
    K, V = k.shape[1], v.shape[1]
    blocks, parts, per_row = (V + WIDE - 1) // WIDE, (T + STEPS - 1) // STEPS, min(w.shape[1] - 1, 1)
    memory, row = np.zeros(K * WIDE, v.dtype), np.zeros(4 * WIDE, v.dtype)  # row, of two steps each: v, o
    for piece in range(first, last):
        head, low = piece // blocks, piece % blocks * WIDE
        i, h, high = head // H, head % H, min(low + WIDE, V)
        wide = (high - low + LANES - 1) // LANES * LANES
        for n in range(K):
            copy(S[head * K + n, low:high], memory[n * WIDE :])
        for t in range(0, T, 2):
            if t % STEPS == 0 and len(borders):
                border = (head * parts + t // STEPS) * K
                for n in range(K):
                    copy(memory[n * WIDE : n * WIDE + high - low], borders[border + n, low:high])
            r0 = (i * T + (T - 1 - t if back else t)) * H + h
            r1 = r0 - H if back else r0 + H
            copy(v[r0, low:high], row)
            copy(v[r1, low:high], row[WIDE:])
            fill(row[2 * WIDE :], 0)
            w0 = w[r0 + H * back] if t or not back else one[0]  # from the right, a decay comes after its step
            w1, k0, k1, q0, q1 = w[r1 + H * back], k[r0], k[r1], q[r0], q[r1]
            for n in range(0, K, 4):
                s = memory[n * WIDE : (n + 4) * WIDE]
                a0, a1, a2, a3 = w0[n * per_row], w0[(n + 1) * per_row], w0[(n + 2) * per_row], w0[(n + 3) * per_row]
                b0, b1, b2, b3 = w1[n * per_row], w1[(n + 1) * per_row], w1[(n + 2) * per_row], w1[(n + 3) * per_row]
                c0, c1, c2, c3 = k0[n], k0[n + 1], k0[n + 2], k0[n + 3]
                d0, d1, d2, d3 = k1[n], k1[n + 1], k1[n + 2], k1[n + 3]
                e0, e1, e2, e3 = q0[n], q0[n + 1], q0[n + 2], q0[n + 3]
                f0, f1, f2, f3 = q1[n], q1[n + 1], q1[n + 2], q1[n + 3]
                for j in range(wide):
                    x0 = a0 * s[j] + c0 * row[j]
                    x1 = a1 * s[WIDE + j] + c1 * row[j]
                    x2 = a2 * s[2 * WIDE + j] + c2 * row[j]
                    x3 = a3 * s[3 * WIDE + j] + c3 * row[j]
                    row[2 * WIDE + j] = (((row[2 * WIDE + j] + e0 * x0) + e1 * x1) + e2 * x2) + e3 * x3
                    x0 = b0 * x0 + d0 * row[WIDE + j]
                    x1 = b1 * x1 + d1 * row[WIDE + j]
                    x2 = b2 * x2 + d2 * row[WIDE + j]
                    x3 = b3 * x3 + d3 * row[WIDE + j]
                    row[3 * WIDE + j] = (((row[3 * WIDE + j] + f0 * x0) + f1 * x1) + f2 * x2) + f3 * x3
                    s[j], s[WIDE + j], s[2 * WIDE + j], s[3 * WIDE + j] = x0, x1, x2, x3
            copy(row[2 * WIDE : 2 * WIDE + high - low], o[r0, low:high])
            copy(row[3 * WIDE : 3 * WIDE + high - low], o[r1, low:high])
        for n in range(K):
            copy(memory[n * WIDE : n * WIDE + high - low], end[head * K + n, low:high])


@compiled
def backward(first, last, T, H, w, k, q, v, grad_o, grad_end, borders, of_w, of_k, of_q, of_S):
    """rows, of each step: w, k, q, and the gradients in them.   four columns: of the memory before each step, of G."""
    K, V = k.shape[1], v.shape[1]
    blocks, groups, parts = (K + WIDE - 1) // WIDE, (V + 3) // 4, (T + STEPS - 1) // STEPS
    rows, columns = np.zeros((STEPS, 6 * WIDE), v.dtype), np.zeros((2 * STEPS, 4 * groups), v.dtype)
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
                fill(row[3 * WIDE :], 0)
                copy(v[r], columns[s])
                copy(grad_o[r], columns[STEPS + s])
            for n in range(high - low):
                border = borders[(head * parts + c) * K + low + n]
                for m in range(V):
                    flat[m * WIDE + n] = border[m]
            for m in range(0, V, 4):
                copy(before[m // 4], memory)
                for s in range(count):
                    row, x = rows[s], memory[4 * WIDE * s : 4 * WIDE * (s + 2)]
                    v_s, g_s = columns[s], columns[STEPS + s]
                    v0, v1, v2, v3 = v_s[m], v_s[m + 1], v_s[m + 2], v_s[m + 3]
                    g0, g1, g2, g3 = g_s[m], g_s[m + 1], g_s[m + 2], g_s[m + 3]
                    for j in range(wide):
                        w_j, k_j = row[j], row[WIDE + j]
                        x0 = w_j * x[j] + k_j * v0
                        x1 = w_j * x[WIDE + j] + k_j * v1
                        x2 = w_j * x[2 * WIDE + j] + k_j * v2
                        x3 = w_j * x[3 * WIDE + j] + k_j * v3
                        x[4 * WIDE + j], x[5 * WIDE + j], x[6 * WIDE + j], x[7 * WIDE + j] = x0, x1, x2, x3
                        row[5 * WIDE + j] = (((row[5 * WIDE + j] + g0 * x0) + g1 * x1) + g2 * x2) + g3 * x3
                G_m = G[m // 4]
                for s in range(count - 1, -1, -1):
                    row, x = rows[s], memory[4 * WIDE * s : 4 * WIDE * (s + 1)]
                    v_s, g_s = columns[s], columns[STEPS + s]
                    v0, v1, v2, v3 = v_s[m], v_s[m + 1], v_s[m + 2], v_s[m + 3]
                    g0, g1, g2, g3 = g_s[m], g_s[m + 1], g_s[m + 2], g_s[m + 3]
                    for j in range(wide):
                        w_j, q_j = row[j], row[2 * WIDE + j]
                        z0 = G_m[j] + q_j * g0
                        z1 = G_m[WIDE + j] + q_j * g1
                        z2 = G_m[2 * WIDE + j] + q_j * g2
                        z3 = G_m[3 * WIDE + j] + q_j * g3
                        total = (row[3 * WIDE + j] + x[j] * z0) + x[WIDE + j] * z1
                        row[3 * WIDE + j] = (total + x[2 * WIDE + j] * z2) + x[3 * WIDE + j] * z3
                        row[4 * WIDE + j] = (((row[4 * WIDE + j] + v0 * z0) + v1 * z1) + v2 * z2) + v3 * z3
                        G_m[j], G_m[WIDE + j] = w_j * z0, w_j * z1
                        G_m[2 * WIDE + j], G_m[3 * WIDE + j] = w_j * z2, w_j * z3
            for s in range(count):
                for of, at in ((of_w, 3), (of_k, 4), (of_q, 5)):
                    copy(rows[s, at * WIDE : at * WIDE + high - low], of[start + s * H, low:high])
        for n in range(high - low):
            for m in range(V):
                of_S[head * K + low + n, m] = G[m // 4, m % 4 * WIDE + n]
