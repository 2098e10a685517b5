"""Cures of a matrix memory: each by its definition step by step, in pieces as whole, and the model stays what it is."""
import pytest
import torch
from torch.testing import assert_close

from reprise import LanguageModel
from reprise.core.errors import InputError
from reprise.core.marks import NO_MARKS, Marks
from reprise.core.state import named_tensors
from reprise.generation.state_limits import ClippedState, ScaledDecay, WindowedState, with_operation
from reprise.ops.linear_attention import Association, linear_attention


@pytest.fixture(params=[1, 3], ids=["a decay for the head", "one for each key"])
def p(request):
    generator = torch.Generator().manual_seed(0)
    q, k, v, w = (torch.randn(2, 12, 2, n, generator=generator, dtype=torch.float64) for n in (3, 3, 4, request.param))
    return Association(q, k, v, -0.5 * w.abs())


@pytest.fixture
def S():
    return torch.zeros(2, 2, 3, 4, dtype=torch.float64)


def states(p, decay=1.0, keep=1.0, write=1.0, limit=float("inf"), start=0):
    """Every memory, and what is read of it."""
    S, found, reads = torch.zeros(2, 2, 3, 4, dtype=torch.float64), [], []
    for t in range(start, p.q.shape[1]):
        w = keep * (decay * p.log_w[:, t]).exp()[..., None]
        S = w * S + write * torch.einsum("bhk,bhv->bhkv", p.k[:, t], p.v[:, t])
        for b in range(2):
            for h in range(2):
                norm = S[b, h].norm()
                S[b, h] = S[b, h] * min(1, limit / norm.item())
        found.append(S.clone())
        reads.append(torch.einsum("bhkv,bhk->bhv", S, p.q[:, t]))
    return found, torch.stack(reads, 1)


def test_scaled_decay(p, S):
    read, last = ScaledDecay(decay=2.0, keep=0.9, write=0.3)(p, S, NO_MARKS)
    every, want = states(p, decay=2.0, keep=0.9, write=0.3)
    assert_close(read, want)
    assert_close(last, every[-1])


def test_clipped(p, S):
    read, last = ClippedState(1.5)(p, S, NO_MARKS)
    every, want = states(p, limit=1.5)
    assert_close(read, want)
    assert_close(last, every[-1])
    assert last.flatten(2).norm(dim=-1).max() <= 1.5 + 1e-9
    assert_close(ClippedState(1e9)(p, S, NO_MARKS), linear_attention(p, S))


def test_clipped_knows_marks(p, S):
    fresh, real = torch.zeros((2, 2, 12), dtype=torch.bool)
    fresh[:, 4], real[:, :9] = True, True
    read, last = ClippedState(1.5)(p, S, Marks(real, fresh))
    part = Association(*(z[:, 4:9] for z in p))
    want, end = ClippedState(1.5)(part, S, NO_MARKS)
    assert_close(read[:, 4:9], want)
    assert_close(last, end)


@pytest.mark.parametrize("length", [1, 4, 12, 50])
def test_a_window_is_the_memory_of_its_last_steps_alone(p, S, length):
    rule = WindowedState(length)
    read, _ = rule(p, rule.start(S), NO_MARKS)
    for t in range(12):
        alone = Association(*(z[:, max(0, t - length + 1) : t + 1] for z in p))
        assert_close(read[:, t], states(alone)[1][:, -1])


@pytest.mark.parametrize("rule", [ScaledDecay(2.0, 0.9, 0.5), ClippedState(0.01), WindowedState(3)])
@pytest.mark.parametrize("layer", ["gla", "mamba2", "hgrn2"])
def test_a_model_in_pieces_and_by_steps_is_one_function(layer, rule):
    torch.manual_seed(0)
    model = LanguageModel(layer, width=8, depth=2, vocabulary=9).double()
    cured, tokens = with_operation(model, rule), torch.randint(0, 9, (2, 9))
    whole, end = cured(tokens)
    assert not torch.allclose(whole, model(tokens)[0])
    first, state = cured(tokens[:, :4])
    second, state = cured(tokens[:, 4:], state)
    assert_close(torch.cat([first, second], 1), whole)
    for (_, one), (_, other) in zip(named_tensors(state), named_tensors(end), strict=True):
        assert_close(one, other)
    state, rows = cured.initial_state(2), []
    for token in tokens.unbind(1):
        y, state = cured.step(token, state)
        rows.append(y)
    assert_close(torch.stack(rows, 1), whole)
    assert set(cured.state_dict()) == set(model.state_dict())


def test_misuse(p, S):
    for wrong, message in ((lambda: ScaledDecay(decay=0.0), "up to 1, got decay=0.0, keep=1.0"),
                           (lambda: ScaledDecay(keep=1.1), "keep=1.1, write=1.0; 1 leaves each as it is"),
                           (lambda: ClippedState(0.0), "a limit above 0, got 0.0"),
                           (lambda: WindowedState(0), "length of 1 or more, got 0")):
        with pytest.raises(InputError, match=message):
            wrong()
    with pytest.raises(InputError, match="no layer with a matrix memory"):
        with_operation(LanguageModel("gru", width=8, depth=1), ClippedState(1.0))
    for layer in ("retnet", "deltanet", "rwkv6", "rwkv7", "gated_deltanet"):
        with pytest.raises(InputError, match="only decays and is added to"):
            with_operation(LanguageModel(layer, width=8, depth=1), ClippedState(1.0))
    with pytest.raises(InputError, match="rows cannot end or begin anew"):
        rule = WindowedState(3)
        rule(p, rule.start(S), Marks(torch.ones(2, 12, dtype=torch.bool)))
