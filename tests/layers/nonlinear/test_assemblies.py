"""Assemblies of contracting modules: their equations, what certifies them, and that they forget where they began."""
import pytest
import torch
from torch.testing import assert_close

from reprise.core.errors import InputError
from reprise.layers.nonlinear.continuous._assembly import certify, interconnect
from reprise.layers.nonlinear.continuous.sparse_combo import SparseCombo
from reprise.layers.nonlinear.continuous.svd_combo import SVDCombo
from reprise.layers.registry import create_layer


def blocks(layer):
    """W and L of the whole, from the definition."""
    W, metric = layer.inner()
    M, n = metric.shape
    P, L, pairs = torch.diag(metric.flatten()), torch.zeros(M * n, M * n).double(), iter(layer.B)
    for i in range(M):
        for j in range(i):
            L[i * n : (i + 1) * n, j * n : (j + 1) * n] = next(pairs)
    return torch.block_diag(*W), L - torch.linalg.inv(P) @ L.T @ P


@pytest.mark.parametrize("build", [SparseCombo, SVDCombo])
def test_combo_equations(build):
    x = torch.randn(9, 5, dtype=torch.float64)
    layer, ys = build(5, hidden=12, modules=3, dt=0.3).double(), []
    if build is SVDCombo:
        layer.q.data.normal_()
    W, L = blocks(layer)
    h = torch.zeros(12, dtype=torch.float64)
    for x_t in x:
        inward = layer.from_x.weight @ x_t + layer.from_x.bias
        h = h + 0.3 * (-h + W @ torch.clamp(h, min=0) + L @ h + inward)
        ys.append(layer.out.weight @ h + layer.out.bias)
    assert_close(layer(x[None])[0][0], torch.stack(ys))


def test_svd_combo_modules_are_what_they_say():
    layer = SVDCombo(4, hidden=12, modules=3).double()
    layer.q.data.normal_()
    W, metric = layer.inner()
    for module, theta, z in zip(W, metric.sqrt(), layer.z, strict=True):
        values = torch.linalg.svdvals(torch.diag(theta) @ module @ torch.diag(1 / theta))
        assert_close(values.sort().values, torch.exp(-z.square()).sort().values)


def test_interconnection_neither_adds_nor_takes():
    metric = torch.rand(6, dtype=torch.float64) + 0.1
    P, L = torch.diag(metric), interconnect(torch.randn(6, 6, dtype=torch.float64), metric)
    assert_close(P @ L + L.T @ P, torch.zeros(6, 6, dtype=torch.float64))
    assert L.norm() > 1


def test_certificate_is_a_rate_of_contraction():
    """Every linear piece -1 + W diag(d), d in [0, slope], shrinks all distances in the metric at that rate."""
    for _ in range(20):
        W = torch.randn(5, 5, dtype=torch.float64)
        W *= 0.45 / torch.linalg.eigvals(W.abs()).abs().max()
        metric, rate = certify(W, slope=2.0)
        assert rate > 0 and (metric > 0).all()
        P, root = torch.diag(metric), torch.diag(metric.rsqrt())
        for _ in range(20):
            J = W @ torch.diag(2 * torch.rand(5, dtype=torch.float64).round()) - torch.eye(5)
            growth = torch.linalg.eigvalsh(root @ (P @ J + J.T @ P) @ root / 2)[-1]
            assert growth <= -rate + 1e-9


def test_certificate_of_one_unit_is_exact():
    metric, rate = certify(torch.tensor([[-0.75]]))
    assert_close((metric.item(), rate), (1.0, 0.25))
    with pytest.raises(InputError, match=r"spectral radius 1\.500, expected below 1; scale W down"):
        certify(torch.tensor([[0.75]]), slope=2.0)


@pytest.mark.parametrize("build", [SparseCombo, SVDCombo])
def test_combo_forgets_where_it_began(build):
    """Over 20 draws: two trajectories, 500 steps without input."""
    for seed in range(20):
        torch.manual_seed(seed)
        layer = build(8, hidden=64).double()
        starts = torch.randn(2, 64, dtype=torch.float64)
        state = layer.initial_state(2)._replace(memory=starts)
        with torch.no_grad():
            _, end = layer(torch.zeros(2, 500, 8, dtype=torch.float64), state)
        ratio = (end.memory[0] - end.memory[1]).norm() / (starts[0] - starts[1]).norm()
        assert ratio < 1e-2, f"seed {seed}: {ratio}"


def test_free_couplings_do_not_contract():
    layer = SparseCombo(8, hidden=64).double()
    with torch.no_grad():
        both = layer.couplings()
        both[:, 64:] = both[:, 64:].abs()  # as strong, but not of the form
        h = torch.randn(2, 64, dtype=torch.float64)
        apart = (h[0] - h[1]).norm()
        for _ in range(500):
            h = layer.euler(torch.zeros(2, 64).double(), h, both)
    assert (h[0] - h[1]).norm() > 1e3 * apart


def test_sparse_combo_modules_are_fixed_sparse_and_certified():
    layer = SparseCombo(6, hidden=160, density=0.1, radius=0.5)
    assert layer.W.shape == (8, 20, 20) and not layer.W.requires_grad
    assert (layer.W != 0).sum((1, 2)).tolist() == [40] * 8
    for W, metric in zip(layer.W.double(), layer.metric, strict=True):
        assert torch.linalg.eigvals(W.abs()).abs().max() <= 0.5 + 1e-6
        assert_close(certify(W)[0].float(), metric, rtol=1e-4, atol=1e-6)
        assert certify(W)[1] > 0


def test_combo_modules_fit_any_width():
    for width, modules in ((1, 1), (4, 2), (7, 1), (64, 8), (256, 8), (30, 6)):
        assert SVDCombo(width).count == modules


@pytest.mark.parametrize(("name", "options", "message"), [
    ("svd_combo", {"modules": 3}, "hidden=4 is not divisible by modules=3; try modules=2"),
    ("svd_combo", {"dt": 2.0}, "try dt=0.1"),
    ("sparse_combo", {"density": 0.0}, r"give a density in \(0, 1\]"),
    ("sparse_combo", {"radius": 1.0}, "a radius above 0 and below 1"),
])
def test_errors_say_what_to_do(name, options, message):
    with pytest.raises(InputError, match=message):
        create_layer(name, 4, **options)
