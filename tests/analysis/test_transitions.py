"""What a step multiplies the memory by, against the equations of the layers; and what its eigenvalues rule out."""
import pytest
import torch

from reprise.analysis.transitions import eigenvalues, period, rules_out, transitions
from reprise.core.errors import InputError
from reprise.core.state import named_tensors, refill
from reprise.layers import create_layer
from reprise.models.stack import Stack


def build(name, width=4, **options):
    torch.manual_seed(0)
    return create_layer(name, width, **options).double()


def fed(width=4, length=3):
    return torch.randn(length, width, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_a_diagonal_layer_multiplies_by_its_gate():
    layer, x = build("mingru"), fed()
    a, _ = layer.project(x)
    torch.testing.assert_close(transitions(layer, x), torch.diag_embed(a).detach())


def test_a_delta_rule_multiplies_every_column_by_its_reflection():
    layer, x = build("deltanet_negative", heads=1), fed()
    with torch.no_grad():
        u, _ = layer.local(x[None])
        p = layer.project(x[None], u)
    A = torch.eye(4, dtype=torch.float64) + p.a[0, :, 0, :, None] * p.b[0, :, 0, None, :]
    for found, want in zip(transitions(layer, x), A, strict=True):
        torch.testing.assert_close(found, torch.kron(want, torch.eye(4, dtype=torch.float64)))


def test_a_complex_number_counts_as_two():
    layer, x = build("lru"), fed()
    found = eigenvalues(layer, x[:1])[0]
    own = torch.polar(torch.exp(-layer.rates()), layer.theta.exp()).detach()
    order = lambda z: z[torch.argsort(z.real + 1e3 * z.imag)]  # noqa: E731
    torch.testing.assert_close(order(found), order(torch.cat([own, own.conj()])))


@pytest.mark.parametrize("name", ["gru", "lstm", "mamba"])
def test_the_derivative_is_that_of_differences(name):
    layer, x = build(name, 2), fed(2, 3)
    A = transitions(layer, x)[-1]
    with torch.no_grad():
        _, before = layer(x[None, :-1])
        ends = []
        for change in (1e-6, -1e-6):
            tensors = [z.clone() for _, z in named_tensors(before.memory)]
            tensors[0][(0,) * tensors[0].ndim] += change
            _, after = layer(x[None, -1:], before._replace(memory=refill(before.memory, tensors)))
            ends.append(torch.cat([z.flatten() for _, z in named_tensors(after.memory)]))
    torch.testing.assert_close(A[:, 0], (ends[0] - ends[1]) / 2e-6, rtol=1e-5, atol=1e-8)


def test_it_goes_on_from_a_state():
    layer, x = build("gru"), fed(length=4)
    _, state = layer(x[None, :2])
    torch.testing.assert_close(transitions(layer, x[2:], state), transitions(layer, x)[2:])


@pytest.mark.parametrize(("name", "options", "N"), [
    ("retnet", {}, 8), ("rg_lru", {}, 4), ("hippo_legs", {"states": 3}, 12), ("hippo_rnn", {}, None),
    ("linear_cde", {}, 4), ("local_attention", {"window": 3}, None)])
def test_counters_are_no_numbers_of_a_memory(name, options, N):
    layer, x = build(name, **options), fed()
    A = transitions(layer, x)
    assert A.shape[1] == A.shape[2] == (N or A.shape[1]) and A.isfinite().all() and A.any()


def test_a_decay_beside_a_counter_is_found():
    layer, x = build("retnet"), fed()
    _, after = layer(x[None])
    assert set(after.memory._fields) == {"S", "position"}
    A = transitions(layer, x)
    torch.testing.assert_close(A, torch.diag_embed(A.diagonal(dim1=1, dim2=2)))
    assert (A.diagonal(dim1=1, dim2=2) > 0).all() and (A.diagonal(dim1=1, dim2=2) < 1).all()


@pytest.mark.parametrize(("name", "ruled_out"), [
    ("mamba", {"parity", "modulo 3"}), ("deltanet", {"parity", "modulo 3"}), ("mingru", {"parity", "modulo 3"}),
    ("gla", {"parity", "modulo 3"}), ("mamba_negative", {"modulo 3"}), ("deltanet_negative", {"modulo 3"}),
    ("deltaproduct", set()), ("lru", set())])
def test_ranges_of_layers(name, ruled_out):
    layer = build(name)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(4)  # so that gates go to the ends of their ranges
    assert set(rules_out(eigenvalues(layer, 3 * fed(length=16)), 1e-6)) == ruled_out


def test_tolerance_of_what_is_ruled_out():
    slight = torch.tensor([[1.0, -0.01]], dtype=torch.complex128)
    assert rules_out(slight) == ("modulo 3",) and rules_out(slight, 0.02) == ("parity", "modulo 3")
    assert rules_out(torch.tensor([0.5 + 0.1j])) == ()


@pytest.mark.parametrize("steps", [1, 2, 3, 7])
def test_period(steps):
    wave = torch.randn(steps, 2, generator=torch.Generator().manual_seed(0)).repeat(100, 1)
    fades = wave + 10 * torch.exp(-torch.arange(len(wave)) / 4.0)[:, None]
    assert period(fades) == steps


def test_what_never_repeats_has_no_period():
    assert period(torch.arange(64.0)[:, None]) is None


def test_misfits():
    with pytest.raises(InputError, match="expected a recurrent layer with a memory, got a Stack"):
        transitions(Stack(["gru"], 4), fed())
    with pytest.raises(InputError, match=r"expected one sequence \(T, 4\), got \(1, 3, 4\)"):
        transitions(build("gru"), fed()[None])
    with pytest.raises(InputError, match="the memory of FullAttention is not of one size"):
        transitions(build("full_attention"), fed())
    with pytest.raises(InputError, match="32 steps or more to find a period of up to 8, got 20"):
        period(torch.zeros(20, 1))
    with pytest.raises(InputError, match="tolerance of 0 or more"):
        rules_out(torch.ones(1), -1.0)
