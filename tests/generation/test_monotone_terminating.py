"""The monotone head: its product by hand, one function however it is evaluated, and an end that only grows likelier."""
import math

import pytest
import torch
from torch.testing import assert_close

from reprise import LanguageModel
from reprise.core.errors import InputError
from reprise.core.state import named_tensors
from reprise.generation.monotone_terminating import MonotoneTerminating

END, V = 3, 7


@pytest.fixture
def model():
    torch.manual_seed(0)
    inside = LanguageModel("gru", width=12, depth=1, vocabulary=V).double()
    with torch.no_grad():
        inside.head.weight.mul_(60)
    return MonotoneTerminating(inside, END, least=0.02)


def test_the_formula(model):
    tokens = torch.randint(0, V, (2, 9))
    z, p = (m(tokens)[0].detach() for m in (model.model, model))
    for b in range(2):
        kept = 1.0
        for i in range(9):
            kept = kept * 0.98 / (1 + math.exp(z[b, i, END]))
            others = torch.cat([z[b, i, :END], z[b, i, END + 1 :]]).softmax(0) * kept
            assert_close(p[b, i].exp(), torch.cat([others[:END], torch.tensor([1 - kept]).double(), others[END:]]))


def test_the_end_never_grows_unlikelier(model):
    p = model(torch.randint(0, V, (4, 50)))[0][..., END].exp()
    assert (p.diff(dim=1) >= 0).all() and (p[:, -1] >= 1 - 0.98**50).all()


def test_in_pieces_by_steps_with_lengths_and_resets_it_is_one_function(model):
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
    resets[:, [3, 5]] = True
    _, state = model(tokens)
    assert_close(model(tokens, state, resets=resets)[0][:, 5:], model(tokens[:, 5:])[0])
    assert_close(model(tokens, resets=resets)[1].past, model(tokens[:, 5:])[1].past)
    _, short = model(tokens, lengths=torch.tensor([5, 12]))
    assert_close(short.past[:1], model(tokens[:1, :5])[1].past)
    assert_close(model(tokens[:, :0], end)[1].past, end.past)


def test_after_a_prompt_the_product_begins_anew(model):
    tokens = torch.randint(0, V, (1, 6))
    p, _ = model.step(tokens[:, 0], model.begin(model(tokens)[1]))
    z, _ = model.model.step(tokens[:, 0], model.model(tokens)[1])
    assert_close(1 - p[0, END].exp(), 0.98 * torch.sigmoid(-z[0, END]))


def test_an_end_stays_possible_after_a_reset_deep_in_a_row(model):
    """8,192 unlikely steps of another text are no part of the sum, not even as rounding."""
    tokens, resets = torch.randint(0, V, (1, 8200)), torch.zeros(1, 8200, dtype=torch.bool)
    resets[0, 8192] = True
    model = MonotoneTerminating(model.model.float(), END, least=1e-3)
    p, state = model(tokens, resets=resets)
    alone, end = model(tokens[:, 8192:])
    assert_close(p[0, 8192:, END], alone[0, :, END], rtol=1e-4, atol=1e-4)
    assert_close(state.past, end.past, rtol=1e-4, atol=1e-4)
    p[0, 8192:, END].sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


def test_a_row_without_a_step_spoils_no_gradient(model):
    p, _ = model(torch.zeros(2, 3, dtype=torch.long), lengths=torch.tensor([0, 3]))
    (p[0] * 0).sum().backward()
    assert p.isfinite().all() and all(parameter.grad.isfinite().all() for parameter in model.parameters())


def test_misuse(model):
    with pytest.raises(InputError, match="MonotoneTerminating: expected least, a chance above 0 and below 1, got 1"):
        MonotoneTerminating(model.model, END, least=1.0)
