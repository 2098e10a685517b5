"""Linear layers whose transition is a matrix made by the input: their equations, and what such matrices are."""
from itertools import pairwise

import pytest
import torch
from torch.nn.functional import relu
from torch.testing import assert_close

from reprise.core.errors import InputError
from reprise.layers.linear.transitions.block_diagonal import BlockDiagonal
from reprise.layers.linear.transitions.linear_cde import LinearCDE

D, T = 4, 9


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(T, D, dtype=torch.float64)


def assert_steps(layer, x, ys):
    assert_close(layer(x[None])[0][0], torch.stack(ys))


def columns(layer, x):
    """A_t of Fan et al. 2023, block by block and column by column."""
    H, N = layer.memory_shape
    first, _, second = layer.transition
    raw = (second.weight @ relu(first.weight @ x + first.bias) + second.bias).view(H, N, N)
    blocks = []
    for M in raw:
        centred = [M[:, j] - M[:, j].mean() for j in range(N)]
        longest = max((c.abs() ** 1.2).sum() ** (1 / 1.2) for c in centred)
        blocks.append(torch.stack(centred, 1) / longest)
    return blocks


def test_block_diagonal_equations(x):
    layer, ys = BlockDiagonal(D, block=2).double(), []
    s = layer.start
    for x_t in x:
        v = layer.value[2](relu(layer.value[0](x_t))).view(2, 2)
        s = torch.stack([A @ s_h + v_h for A, s_h, v_h in zip(columns(layer, x_t), s, v, strict=True)])
        ys.append(s.flatten())
    assert_steps(layer, x, ys)


def test_block_diagonal_columns_sum_to_zero_and_the_longest_is_one(x):
    A = BlockDiagonal(D).double().project(1e3 * x).A
    assert_close(A.sum(-2), torch.zeros_like(A[..., 0, :]))
    assert_close(torch.linalg.vector_norm(A, 1.2, -2).amax(-1), torch.ones_like(A[..., 0, 0]))


@pytest.mark.parametrize(("width", "block"), [(1, 1), (4, 4), (5, 5), (12, 6), (64, 8), (256, 8), (7, 7), (22, 2)])
def test_block_diagonal_usual_blocks(width, block):
    layer = BlockDiagonal(width)
    assert layer.memory_shape == (width // block, block)
    if width < 64:
        assert all(p.grad.isfinite().all() for p in gradients(layer))


def gradients(layer) -> list[torch.nn.Parameter]:
    layer(torch.randn(1, 3, layer.width))[0].sum().backward()
    return list(layer.parameters())


def test_block_that_does_not_fit():
    with pytest.raises(InputError, match="width=12 is not divisible by block=5; try block=6"):
        BlockDiagonal(12, block=5)
    with pytest.raises(InputError, match="hidden=12 is not divisible by blocks=5; try blocks=2"):
        LinearCDE(12, blocks=5)


def test_linear_cde_equations(x):
    """The differential equation itself, in many small steps of Runge and Kutta along each straight line."""
    layer, ys = LinearCDE(D, hidden=6, blocks=2, dt=0.3, scale=0.5).double(), []
    A, B = layer.field[:, :, :-1], layer.field[:, :, -1]
    Z = (layer.start(x[0])).view(2, 3)
    ys.append(layer.out(Z.flatten()))
    for last, now in pairwise(x):
        along = torch.cat([torch.tensor([0.3], dtype=torch.float64), now - last])

        def speed(Z, along=along):
            return torch.einsum("hnmi,hm,i->hn", A, Z, along) + B @ along

        for _ in range(200):
            k = 1 / 200
            a = speed(Z)
            b = speed(Z + k / 2 * a)
            c = speed(Z + k / 2 * b)
            Z = Z + k / 6 * (a + 2 * b + 2 * c + speed(Z + k * c))
        ys.append(layer.out(Z.flatten()))
    assert_steps(layer, x, ys)


def test_linear_cde_without_time_sees_the_path_and_not_its_pace(x):
    layer = LinearCDE(D, dt=0.0, scale=1.0).double()
    between = torch.lerp(x[:-1], x[1:], torch.rand(T - 1, 1, dtype=torch.float64))
    slow = torch.cat([torch.stack([x[:-1], between], 1).flatten(0, 1), x[-1:]])
    assert_close(layer(slow[None])[0][:, ::2], layer(x[None])[0])


def area(layer) -> torch.Tensor:
    """How the end differs between going along one axis first and the other first."""
    corner = torch.zeros(2, 3, D, dtype=torch.float64)
    corner[:, 2, :2] = 3.0
    corner[0, 1, 0] = corner[1, 1, 1] = 3.0
    state = layer(corner)[1]
    return (state.memory.Z[0] - state.memory.Z[1]).abs().max()


def test_linear_cde_forgets_order_only_where_its_matrices_commute():
    dense, diagonal = (LinearCDE(D, hidden=4, blocks=blocks, scale=1.0).double() for blocks in (1, 4))
    for layer in (dense, diagonal):
        torch.nn.init.zeros_(layer.field[:, :, -1].data)  # no B, whose part of an area even numbers can tell
    assert area(diagonal) < 1e-12 < 1e-3 < area(dense)


def test_linear_cde_keeps_its_size():
    layer = LinearCDE(64)
    _, state = layer(torch.randn(4, 1000, 64))
    assert 0.1 < float(state.memory.Z.detach().std()) < 10


def test_first_step_has_no_increment(x):
    layer = LinearCDE(D).double()
    resets = torch.zeros(1, T, dtype=torch.bool)
    resets[0, 5] = True
    assert_close(layer(x[None], resets=resets)[0][0, 5], layer.out(layer.start(x[5])))
    assert layer(x[None], resets=resets)[1].memory.position.tolist() == [T - 5]


@pytest.mark.parametrize("width", [11, 101, 121, 509])
def test_block_diagonal_asks_for_a_block_where_none_would_be_small(width):
    with pytest.raises(InputError, match=f"width={width} has no divisor from 2 to 8 .*; try width="):
        BlockDiagonal(width)
    assert BlockDiagonal(11, block=11).memory_shape == (1, 11)
    with pytest.raises(InputError, match="width=11 is not divisible by block=2; try block=11"):
        BlockDiagonal(11, block=2)
