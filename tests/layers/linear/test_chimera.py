"""Chimera's recurrence over time and variates against plain loops, and what it is without its cross terms."""

import torch
from torch.nn.functional import silu, softplus
from torch.testing import assert_close

from reprise import create_layer
from reprise.core.marks import NO_MARKS
from reprise.layers.linear.state_space.chimera import Memory
from reprise.ops.selective_scan import Selection, selective_scan

T = 9


def plain_chimera(layer, x):
    """Both recurrences cell by cell, as the paper writes them, for each of the four groups."""
    V, G, K, N = layer.memory_shape
    x = x.view(-1, V, K)
    A1, A4 = -layer.log_A.exp()
    A2, A3 = layer.crossing
    bias, total = layer.dt.chunk(2, -1), torch.zeros_like(x)
    for g in range(G):
        order = range(V) if g % 2 == 0 else range(V)[::-1]
        h1 = [torch.zeros(K, N, dtype=x.dtype)] * V
        h2 = [torch.zeros(K, N, dtype=x.dtype)] * V
        for t, x_t in enumerate(x):
            now1, now2, left1, left2 = list(h1), list(h2), 0, 0
            for v in order:
                d1, d2, B1, B2, C1, C2 = (x_t[v] @ layer.select[g]).split(layer.split)
                d1, d2 = softplus(d1 + bias[0][g])[:, None], softplus(d2 + bias[1][g])[:, None]
                g1, g2 = ((torch.exp(d * A[g]) - 1) / A[g] for d, A in ((d1, A1), (d2, A4)))
                u = x_t[v][:, None]
                now2[v] = torch.exp(d2 * A4[g]) * left2 + g2 * (A3[g] * left1 + B2 * u)
                now1[v] = torch.exp(d1 * A1[g]) * h1[v] + g1 * (A2[g] * h2[v] + B1 * u)
                total[t, v] += now1[v] @ C1 + now2[v] @ C2
                left1, left2 = now1[v], now2[v]
            h1, h2 = now1, now2
    return layer.out(silu(layer.gate(x)) * total).flatten(1)


def test_chimera_equations():
    layer, x = create_layer("chimera", 6, variates=3, states=2).double(), torch.randn(5, 6, dtype=torch.float64)
    assert_close(layer(x[None])[0][0], plain_chimera(layer, x))


def test_chimera_without_cross_terms_is_a_selective_scan_of_every_variate():
    layer, x = create_layer("chimera", 6, variates=3, states=4).double(), torch.randn(2, T, 6, dtype=torch.float64)
    V, G, K, N = layer.memory_shape
    layer.crossing.data.zero_()
    p = layer.project(x)
    silent = (*p[:-1], torch.zeros_like(p[-1]))  # h2, which then goes across variates only, is not read
    read, _ = layer.recur(silent, Memory(*layer.initial_memory(2)), NO_MARKS)
    A1 = -layer.log_A[0].exp()
    for v in range(V):
        want = 0
        for g in range(G):
            u, d1, _, B1, _, C1, _ = (z[:, :, v if g % 2 == 0 else V - 1 - v, g] for z in p)
            d, a = d1[..., None], A1[g]
            kept = (u[..., None] * B1[..., None, :] * torch.expm1(d * a) / (a * d)).flatten(2)  # a channel a number
            ones = torch.ones(2, T, 1, dtype=torch.float64)
            h = torch.zeros(2, K * N, 1, dtype=torch.float64)
            d = d.expand(-1, -1, -1, N).flatten(2)
            each, _ = selective_scan(Selection(kept, d, ones, ones), a.reshape(-1, 1), h)
            want = want + torch.einsum("btkn,btn->btk", each.unflatten(2, (K, N)), C1)
        assert_close(read[:, :, v], want)


def test_chimera_variates_see_each_other_both_ways_and_only_the_past():
    layer, x = create_layer("chimera", 6, variates=3).double(), torch.randn(1, 5, 6, dtype=torch.float64)
    for v in range(3):
        given = x.clone().requires_grad_()
        layer(given)[0][0, 3].view(3, 2)[v].sum().backward()
        seen = given.grad[0].view(5, 3, 2).abs().sum(-1)
        assert (seen[:4] > 0).all() and not seen[4].any()
