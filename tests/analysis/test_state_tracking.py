"""Weights set by hand count for ever; products of reflections follow every group, to the last digit of swaps."""
import itertools

import pytest
import torch

from reprise.analysis.state_tracking import counter, permutations, reflections, rotations, track
from reprise.analysis.transitions import eigenvalues, period, rules_out
from reprise.core.errors import InputError
from reprise.ops.block_scan import block_scan
from reprise.ops.linear_scan import linear_scan


def digits(modulus, *shape):
    return torch.randint(0, modulus, shape, generator=torch.Generator().manual_seed(modulus))


def test_a_scalar_transition_of_one_or_minus_one_keeps_parity_for_ever():
    x = digits(2, 2, 100_000, 1)
    h, _ = linear_scan(1.0 - 2 * x, torch.zeros(x.shape), torch.ones(2, 1))
    assert torch.equal((h < 0)[..., 0], x[..., 0].cumsum(1) % 2 == 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("name", "modulus"), [
    ("mamba_negative", 2), ("deltanet_negative", 2), *(("deltaproduct", modulus) for modulus in (2, 3, 4, 5, 7))])
def test_counters_count_for_ever(name, modulus, dtype):
    count, x = counter(name, modulus, dtype), digits(modulus, 2, 20_000)
    assert torch.equal(count(x), x.cumsum(1) % modulus)


@pytest.mark.parametrize(("name", "modulus"), [("mamba_negative", 2), ("deltanet_negative", 2), ("deltaproduct", 3)])
def test_counters_step_by_step(name, modulus):
    count, x = counter(name, modulus), digits(modulus, 3, 200)
    state = count.layer.initial_state(3)
    for t, x_t in enumerate(count.embed(x).unbind(1)):
        y, state = count.layer.step(x_t, state)
        assert torch.equal(count.read(y), x[:, : t + 1].sum(1) % modulus)


def test_eigenvalues_of_counters_are_what_the_theory_asks_for():
    for name, modulus, ruled_out in [("mamba_negative", 2, ("modulo 3",)), ("deltaproduct", 3, ())]:
        count = counter(name, modulus, torch.float64)
        found = eigenvalues(count.layer, count.embed(torch.arange(modulus)))
        assert rules_out(found) == ruled_out
        torch.testing.assert_close(found.abs(), torch.ones_like(found.abs()), atol=1e-9, rtol=0)
    turns = found[1]
    assert (turns.angle().abs().amax() - 2 * torch.pi / 3).abs() < 1e-9


@pytest.mark.parametrize("modulus", [2, 3, 5])
def test_fed_ones_a_counter_has_the_period_of_its_modulus(modulus):
    count = counter("deltaproduct", modulus)
    y, _ = count.layer(count.embed(torch.ones(1, 64, dtype=torch.int64)))
    assert period(y[0]) == modulus


def test_permutations_are_followed_without_rounding():
    orders = list(itertools.permutations(range(5)))
    matrices, tokens = permutations(orders).float(), digits(120, 2, 3000)
    start = torch.arange(5.0)
    arranged = start.expand(2, 5)
    for t, state in enumerate(track(matrices, start, tokens).unbind(1)):
        arranged = torch.stack([row[list(orders[token])] for row, token in zip(arranged, tokens[:, t], strict=True)])
        assert torch.equal(state, arranged)


def test_rotations_are_followed_as_by_dense_matrices():
    matrices, tokens = rotations(3), digits(3, 2, 5000)
    start = torch.tensor([1.0, 0.0], dtype=torch.float64)
    found = track(matrices, start, tokens)
    dense, _ = block_scan(matrices[tokens][:, :, None], torch.zeros(2, 5000, 1, 2, dtype=torch.float64),
                          start.expand(2, 1, 2))
    torch.testing.assert_close(found, dense[:, :, 0], rtol=0, atol=1e-10)
    turned = 2 * torch.pi / 3 * tokens.cumsum(1).double()
    torch.testing.assert_close(found, torch.stack([turned.cos(), turned.sin()], -1), rtol=0, atol=1e-9)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_reflections_multiply_to_the_matrix(size):
    Q, _ = torch.linalg.qr(torch.randn(size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    found, product = reflections(Q), torch.eye(size, dtype=torch.float64)
    assert len(found) <= size
    for k in found:
        product = product - 2 / k.square().sum() * torch.outer(k, k @ product)
    torch.testing.assert_close(product, Q)


@pytest.mark.parametrize("size", [3, 4, 6])
@pytest.mark.parametrize("seed", range(5))
def test_rounding_is_no_reflection(size, seed):
    generator = torch.Generator().manual_seed(seed)
    Q = torch.linalg.qr(torch.randn(4, size, size, generator=generator))[0]
    start, tokens = torch.randn(size, generator=generator), torch.randint(0, 4, (1, 20), generator=generator)
    found, state = track(Q, start, tokens)[0], start.double()
    for t in range(20):
        state = Q[tokens[0, t]].double() @ state
        torch.testing.assert_close(found[t].double(), state, rtol=0, atol=1e-4)


def test_how_many_reflections():
    assert reflections(torch.eye(4)) == []
    assert len(reflections(permutations([[1, 0, 2, 3]])[0])) == 1, "a swap"
    assert len(reflections(permutations([[1, 2, 3, 0]])[0])) == 3, "a cycle of four"
    assert [len(reflections(Q)) for Q in rotations(3)] == [0, 2, 2]
    assert torch.equal(track(torch.eye(2)[None], torch.ones(2), digits(1, 1, 4)), torch.ones(1, 4, 2))


def test_misfits():
    with pytest.raises(InputError, match="no weights for 'deltanet'; did you mean"):
        counter("deltanet")
    with pytest.raises(InputError, match="one mamba_negative has real eigenvalues, which count modulo 2, not 3"):
        counter("mamba_negative", 3)
    with pytest.raises(InputError, match="modulus of 2 or more, got 1"):
        counter("deltaproduct", 1)
    with pytest.raises(InputError, match="expected an orthogonal matrix"):
        reflections(2 * torch.eye(3))
    for wrong in (torch.ones(2, 3), torch.ones(3, 2), torch.ones(3), torch.full((2, 2), torch.nan)):
        with pytest.raises(InputError, match="expected an orthogonal matrix"):
            reflections(wrong)
    with pytest.raises(InputError, match="orders of the numbers 0 to n - 1"):
        permutations([[0, 1], [1, 2]])
    with pytest.raises(InputError, match="tokens from 0 to 2, one a matrix, got 0 to 3"):
        track(rotations(3), torch.ones(2).double(), torch.tensor([[0, 3]]))
