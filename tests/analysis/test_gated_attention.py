"""Attention put into a gated linear RNN is that attention, and comes out of it again."""
import pytest
import torch

from reprise.analysis.gated_attention import (
    Attention,
    attention_terms,
    attention_to_gated_rnn,
    gradient_step,
    polynomial,
    prune,
    roles,
)
from reprise.core.errors import InputError
from reprise.data.in_context import LinearRegression
from reprise.layers.linear.light.bilinear_rnn import BilinearRNN


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def heads(D=4, K=4):
    return Attention(normal(K, D, seed=1), normal(K, D, seed=2), normal(D, D, seed=3))


def pruned(D=3, N=6, keep=4):
    """A layer of no particular meaning, whose decays are 0 and 1."""
    torch.manual_seed(0)
    layer = BilinearRNN(D, N, 5).double()
    layer.decay.data = (torch.arange(N) < keep).double()
    return layer


@pytest.mark.parametrize(("D", "K"), [(4, 4), (3, 1), (2, 5), (1, 1)])
def test_the_construction_is_attention(D, K):
    attention, x = heads(D, K), normal(2, 30, D)
    layer = attention_to_gated_rnn(attention)
    want = torch.stack([sum((attention.value @ x[b, s]) * ((attention.key @ x[b, s]) @ (attention.query @ x[b, t]))
                            for s in range(t + 1)) for b in range(2) for t in range(30)]).view(2, 30, D)
    torch.testing.assert_close(attention(x), want)
    torch.testing.assert_close(layer(x)[0], want)
    assert len(layer.decay) == D * K + K


def test_it_stays_attention_step_by_step_and_in_float32():
    attention, x = heads(), normal(2, 30, 4)
    layer = attention_to_gated_rnn(attention)
    state, last = layer.initial_state(2), None
    for x_t in x.unbind(1):
        last, state = layer.step(x_t, state)
    torch.testing.assert_close(last, attention(x)[:, -1])
    single = attention_to_gated_rnn(Attention(*(w.float() for w in attention)))
    want = attention(x)
    assert (single(x.float())[0] - want).abs().max() < 1e-6 * want.abs().max()


def test_a_gradient_step_is_attention():
    task = LinearRegression(size=3, pairs=6)
    data = task.sample(5, torch.Generator().manual_seed(0))
    attention = gradient_step(3, task.rate)
    torch.testing.assert_close(attention(data.x)[:, -1, -1:], task.step(data.x))
    torch.testing.assert_close(attention_to_gated_rnn(attention)(data.x)[0][:, -1, -1:], task.step(data.x))


def test_roles_are_read_off_the_decays():
    layer = BilinearRNN(2, 5)
    layer.decay.data = torch.tensor([1.0, 0.5, 0.01, 0.97, -0.04])
    assert [units.tolist() for units in roles(layer)] == [[0, 3], [2, 4], [1]]
    assert roles(layer, 0.0).keep.tolist() == [0]
    found = roles(layer, 0.1)
    assert torch.cat(found).sort().values.tolist() == list(range(5)), "each unit has one role"


def test_pruning_leaves_out_what_does_neither():
    layer, x = attention_to_gated_rnn(heads()), normal(2, 9, 4)
    wider = BilinearRNN(4, 23, 16).double()
    with torch.no_grad():
        for ours, theirs in zip(wider.parameters(), layer.parameters(), strict=True):
            ours.normal_()
            ours[tuple(slice(size) for size in theirs.shape)] = theirs
        for after in (wider.left, wider.right):
            after.weight[:, 20:] = 0
        wider.decay[20:] = torch.tensor([0.5, 0.3, -0.7])
        wider.decay[:20] += 0.01 * torch.randn(20)
    slim = prune(wider)
    assert len(slim.decay) == 20 and set(slim.decay.tolist()) == {0.0, 1.0}
    torch.testing.assert_close(slim(x)[0], layer(x)[0])
    assert len(wider.decay) == 23, "the layer itself has changed"


def test_the_polynomial_is_what_the_layer_computes():
    layer, x = pruned(), normal(2, 7, 3)
    z = torch.cat([x, torch.ones(2, 7, 1)], -1)
    terms = polynomial(layer)
    once = torch.einsum("bta,btc->btac", z, z)
    total = once.cumsum(1)
    want = sum(torch.einsum("iabcd,ntab,ntcd->nti", part, one, other) for part, one, other in zip(
        terms, (total, total, once), (total, once, once), strict=True))
    torch.testing.assert_close(layer(x)[0], want)


def test_attention_comes_out_again():
    attention = heads()
    terms = attention_terms(attention)
    assert polynomial(attention_to_gated_rnn(attention)).distance(terms) < 1e-12
    assert terms.distance(terms) == 0
    scaled = attention_terms(attention._replace(value=1.5 * attention.value))
    assert scaled.distance(terms) == pytest.approx(0.5)


def test_two_layers_of_one_function_have_one_polynomial():
    layer = pruned()
    other = pruned()
    with torch.no_grad():
        other.value.weight, other.gate.weight = other.gate.weight, other.value.weight
        other.value.bias, other.gate.bias = other.gate.bias, other.value.bias
        other.left.weight, other.right.weight = other.right.weight, other.left.weight
    assert polynomial(layer).distance(polynomial(other)) < 1e-12


def test_errors_say_what_to_do():
    with pytest.raises(InputError, match=r"got \(2, 3\), \(2, 3\), \(2, 3\); pad value"):
        attention_to_gated_rnn(Attention(normal(2, 3), normal(2, 3), normal(2, 3)))
    layer = BilinearRNN(2, 1)
    with pytest.raises(InputError, match="1 of 1 decays are neither 0 nor 1; prune first"):
        polynomial(layer)
    with pytest.raises(InputError, match=r"no decay is within 0.05 of 0 or 1"):
        prune(layer)
    with pytest.raises(InputError, match=r"near from 0 to below 0.5, got 0.7"):
        roles(layer, 0.7)
