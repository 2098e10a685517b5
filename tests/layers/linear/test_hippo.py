"""HiPPO: its systems keep the projections they are named for, its layers take their steps, and the past can be read."""
import numpy as np
import pytest
import torch
from torch.testing import assert_close

from reprise import create_layer
from reprise.core.errors import InputError
from reprise.core.marks import NO_MARKS
from reprise.layers.linear.state_space._hippo import lagt, laguerre, legendre, legs, legs_triangle, legt
from reprise.testing.laws import checks, law_name

N = 7


def numbers(values) -> torch.Tensor:
    return torch.as_tensor(np.asarray(values), dtype=torch.float64)


def over_unit(f) -> torch.Tensor:
    """The integral of f over [0, 1], f (P) -> (P ...), by Gauss and Legendre's rule."""
    points, weights = map(numbers, np.polynomial.legendre.leggauss(40))
    return torch.einsum("p,p...->...", weights / 2, f((points + 1) / 2))


def test_polynomials_are_orthonormal():
    gram = over_unit(lambda s: legendre(s, N)[:, :, None] * legendre(s, N)[:, None])
    assert_close(gram, torch.eye(N, dtype=torch.float64))
    points, weights = map(numbers, np.polynomial.laguerre.laggauss(40))
    assert_close(torch.einsum("p,pn,pm->nm", weights, laguerre(points, N), laguerre(points, N)),
                 torch.eye(N, dtype=torch.float64))


@pytest.mark.parametrize("degree", range(6))
def test_legs_keeps_the_projection_of_all_that_was(degree):
    """c(t) of x^m over [0, t] is t^m times that over [0, 1], so t c' = A c + B f says m M = A M + B."""
    A, B = legs(N)
    M = over_unit(lambda s: s[:, None] ** degree * legendre(s, N))
    assert_close(A @ M + B, degree * M)
    p, q, a, b = legs_triangle(A)
    assert_close(-(torch.outer(p, q).tril(-1) + torch.diag(a)), A)
    assert_close(b, B)


@pytest.mark.parametrize("degree", range(6))
def test_legt_keeps_the_projection_of_the_last_of_it(degree):
    """Of what a polynomial of low degree was over [t - 1, t]; others it forgets as if they were one."""
    A, B = legt(N)
    t = 2.3
    c = over_unit(lambda s: (t - 1 + s)[:, None] ** degree * legendre(s, N))
    slope = over_unit(lambda s: degree * (t - 1 + s)[:, None] ** max(degree - 1, 0) * legendre(s, N))
    assert_close(A @ c + B * t**degree, slope)


def test_lagt_keeps_the_projection_of_what_fades():
    A, B = lagt(N)
    points, weights = map(numbers, np.polynomial.laguerre.laggauss(40))
    t = 1.7

    def projected(f):
        return torch.einsum("p,p,pn->n", weights, f(t - points), laguerre(points, N))

    assert_close(A @ projected(lambda s: torch.cos(s / 3)) + B * np.cos(t / 3),
                 projected(lambda s: -torch.sin(s / 3) / 3))


def memories(layer, x):
    every, end = layer.recur(layer.project(x), layer.initial_memory(len(x)), NO_MARKS)
    return every, end


def test_legs_steps_are_the_papers():
    layer, x = create_layer("hippo_legs", 3, states=N).double(), torch.randn(2, 12, 3, dtype=torch.float64)
    A, B = legs(N)
    one, c = torch.eye(N, dtype=torch.float64), torch.zeros(2, 3, N, dtype=torch.float64)
    every, _ = memories(layer, x)
    for k in range(1, 13):
        right = c @ (one + A / (2 * k)).T + x[:, k - 1, :, None] * B / k
        c = right @ torch.linalg.inv(one - A / (2 * k)).T
        assert_close(every[:, k - 1], c)
    y, _ = layer(x)
    assert_close(y[:, -1], layer.out((c * layer.C).sum(-1)))


def test_window_steps_are_the_trapezoid_rule():
    for name, system in (("hippo_legt", legt), ("hippo_lagt", lagt)):
        layer = create_layer(name, 2, states=N, theta=5.0).double()
        x, c = torch.randn(1, 9, 2, dtype=torch.float64), torch.zeros(1, 2, N, dtype=torch.float64)
        A, B = (z / 5 for z in system(N))
        one, (every, _) = torch.eye(N, dtype=torch.float64), memories(layer, x)
        for t, x_t in enumerate(x.unbind(1)):
            c = (c @ (one + A / 2).T + x_t[..., None] * B) @ torch.linalg.inv(one - A / 2).T
            assert_close(every[:, t], c)


def signal(ago: torch.Tensor, T: int) -> torch.Tensor:
    """Two slow waves, so many steps before the last of T."""
    s = (T - ago) / T
    return torch.stack([torch.sin(5 * s), torch.cos(8 * s) + s], -1)


@pytest.mark.parametrize(("name", "options", "far", "error"), [
    ("hippo_legs", {}, 1.0, 0.02), ("hippo_legt", {"theta": 400.0}, 0.4, 0.02),
    ("hippo_lagt", {"theta": 20.0}, 0.2, 0.02),
])
def test_what_was_can_be_read(name, options, far, error):
    T = 1000
    layer = create_layer(name, 2, states=24, **options).double()
    x = signal(torch.arange(T - 0.5, 0, -1, dtype=torch.float64), T)[None]
    _, state = layer(x.repeat(2, 1, 1))
    ago = torch.linspace(0.02, 0.95, 50, dtype=torch.float64) * far * T
    found = layer.reconstruct(state.memory, ago)
    assert found.shape == (2, 50, 2)
    assert (found - signal(ago, T)).abs().max() < error
    blank = layer.reconstruct(layer.initial_state(1).memory, ago)
    assert not blank.any()


def test_legs_has_no_time_scale():
    """Twice as many samples of the same signal leave the same memory, as nearly as the samples say."""
    layer = create_layer("hippo_legs", 2, states=12).double()
    ends = [layer(signal(torch.arange(T - 0.5, 0, -1, dtype=torch.float64), T)[None])[1].memory.c for T in (400, 800)]
    assert_close(ends[0], ends[1], rtol=0, atol=5e-3)
    assert ends[0].abs().max() > 0.5


def test_legs_forgets_slowly():
    """A step long ago still has a share of one in k, not one that fades exponentially."""
    layer = create_layer("hippo_legs", 1, states=4).double()
    x = torch.zeros(1, 400, 1, dtype=torch.float64, requires_grad=True)
    _, state = layer(x)
    (grad,) = torch.autograd.grad(state.memory.c[0, 0, 0], x)
    assert_close(grad[0, 5:, 0], torch.full((395,), 1 / 400, dtype=torch.float64), rtol=0.01, atol=0)


@pytest.mark.parametrize("name", ["hippo_legs", "hippo_legt", "hippo_lagt"])
def test_what_is_trained_starts_fixed_and_keeps_the_laws(name):
    fixed, trained = (create_layer(name, 4, states=6, trained=trained).double() for trained in (False, True))
    more = set(trained.state_dict()) - set(fixed.state_dict())
    assert more == set(trained.recurrent_parameters) and not fixed.recurrent_parameters
    trained.load_state_dict(fixed.state_dict(), strict=False)
    x = torch.randn(2, 9, 4, dtype=torch.float64)
    assert_close(trained(x)[0], fixed(x)[0], rtol=1e-5, atol=1e-6)
    for check in checks():
        if law_name(check) in ("forward_is_repeated_step", "everything_learns", "gradients_are_right", "copies_agree"):
            check(trained)


def test_hippo_rnn_equations():
    layer, x = create_layer("hippo_rnn", 3, states=N).double(), torch.randn(8, 3, dtype=torch.float64)
    A, B = legs(N)
    one = torch.eye(N, dtype=torch.float64)
    h, c, ys = torch.zeros(3, dtype=torch.float64), torch.zeros(N, dtype=torch.float64), []
    for k, x_k in enumerate(x, 1):
        g, n = (layer.from_x(x_k) + layer.from_memory.weight @ torch.cat([h, c])).chunk(2)
        h = (1 - torch.sigmoid(g)) * h + torch.sigmoid(g) * torch.tanh(n)
        c = torch.linalg.solve(one - A / (2 * k), (one + A / (2 * k)) @ c + B * layer.say(h) / k)
        ys.append(h)
    assert_close(layer(x[None])[0][0], torch.stack(ys))


def test_bad_windows_are_errors():
    with pytest.raises(InputError, match="HippoLegT: expected a theta above 0, in steps, got 0"):
        create_layer("hippo_legt", 4, theta=0.0)
    with pytest.raises(InputError, match="try states=1"):
        create_layer("hippo_legs", 4, states=0)


def test_legs_holds_its_start_for_what_was_before():
    """In float32 a polynomial of degree 31 far outside of its interval is no number."""
    layer, x = create_layer("hippo_legs", 2), torch.randn(2, 9, 2)
    _, state = layer(x, lengths=torch.tensor([9, 0]))
    read = layer.reconstruct(state.memory, torch.tensor([0.0, 9.0, 10.0, 1e6]))
    assert read.isfinite().all() and not read[1].any()
    assert_close(read[0, 2:], read[0, 1].expand(2, 2))


def test_hippo_rnn_keeps_no_matrix_of_a_step():
    layer, x = create_layer("hippo_rnn", 2, states=256), torch.randn(1, 3, 2)
    kept = []

    def keep(z):
        kept.append(z.numel())
        return z

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda z: z):
        layer(x)
    assert max(kept) < 256**2
