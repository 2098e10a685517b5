"""Texts end: the bound holds at every step, for every decoder, and the model is one however it is evaluated."""
import math

import pytest
import torch
from torch.testing import assert_close

from reprise import LanguageModel
from reprise.core.errors import InputError
from reprise.core.state import named_tensors
from reprise.generation.self_terminating import SelfTerminating

END, V = 3, 7


@pytest.fixture
def model():
    torch.manual_seed(0)
    inside = LanguageModel("gru", width=12, depth=1, vocabulary=V).double()
    with torch.no_grad():
        inside.head.weight.mul_(60)
    return SelfTerminating(inside, END, least=0.02)


def test_the_formula(model):
    tokens = torch.randint(0, V, (2, 9))
    z, (p, _) = model.model(tokens)[0], model(tokens)
    for b in range(2):
        for i in range(9):
            others = torch.cat([z[b, i, :END], z[b, i, END + 1 :]]).softmax(0)
            go_on = 0.98 ** (i + 1) * torch.sigmoid(-z[b, i, END])
            want = torch.cat([others[:END] * go_on, 1 - go_on[None], others[END:] * go_on])
            assert_close(p[b, i].exp(), want)
    assert_close(p.exp().sum(-1), torch.ones(2, 9, dtype=torch.float64))


def test_cross_entropy_takes_it_as_it_is(model):
    p, _ = model(torch.randint(0, V, (2, 9)))
    assert_close(torch.log_softmax(p, -1), p)


def test_in_pieces_by_steps_and_with_resets_it_is_one_function(model):
    tokens = torch.randint(0, V, (2, 12))
    whole, end = model(tokens)
    first, state = model(tokens[:, :5])
    second, state = model(tokens[:, 5:], state)
    assert_close(torch.cat([first, second], 1), whole)
    for (_, one), (_, other) in zip(named_tensors(state), named_tensors(end), strict=True):
        assert_close(one, other)
    state, rows = model.initial_state(2), []
    for token in tokens.unbind(1):
        p, state = model.step(token, state)
        rows.append(p)
    assert_close(torch.stack(rows, 1), whole)
    resets = torch.zeros(2, 12, dtype=torch.bool)
    resets[:, 5] = True
    assert_close(model(tokens, resets=resets)[0][:, 5:], model(tokens[:, 5:])[0])


def test_the_clock_counts_in_the_models_own_precision(model):
    with torch.no_grad():
        model.model.head.weight.zero_()
    p, _ = model(torch.zeros(1, 7, dtype=torch.long))
    want = torch.arange(1, 8) * torch.tensor(math.log1p(-0.02), dtype=torch.float64) + math.log(0.5)
    assert_close(torch.log1p(-p[0, :, END].exp()), want, rtol=1e-12, atol=0)


def test_after_a_prompt_steps_count_anew(model):
    tokens = torch.randint(0, V, (1, 6))
    _, state = model(tokens)
    _, inside = model.model(tokens)
    p, _ = model.step(tokens[:, 0], model.begin(state))
    z, _ = model.model.step(tokens[:, 0], inside)
    assert_close(1 - p[0, END].exp(), 0.98 * torch.sigmoid(-z[0, END]))


@torch.no_grad()
def test_greedy_decoding_ends_where_the_model_inside_never_would(model):
    with torch.no_grad():
        model.model.head.weight[END] = 0
        model.model.norm.weight.fill_(1)
    bound, token, state = math.ceil(math.log(2) / -math.log1p(-0.02)), torch.tensor([0]), model.initial_state(1)
    inside, loops = model.model.initial_state(1), torch.tensor([0])
    ended = None
    for t in range(1, bound + 2):
        p, state = model.step(token, state)
        token = p.argmax(-1)
        z, inside = model.model.step(loops, inside)
        z[:, END] = -math.inf
        loops = z.argmax(-1)
        if token.item() == END:
            ended = t
            break
    assert ended is not None and ended <= bound + 1


def test_it_learns(model):
    model = model.float()
    tokens, targets = torch.tensor([[0, 1, 2]]), torch.tensor([[1, 2, END]])
    optimiser = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(150):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(tokens)[0].flatten(0, 1), targets.flatten())
        loss.backward()
        optimiser.step()
    assert loss < 0.15
    assert all(p.isfinite().all() for p in model.parameters())


def test_misuse(model):
    with pytest.raises(InputError, match="above 0 and below 1, got 0"):
        SelfTerminating(model.model, END, least=0.0)
    with pytest.raises(InputError, match="end=7 is no token of the model's 7"):
        SelfTerminating(model.model, 7)(torch.zeros(1, 2, dtype=torch.long))
