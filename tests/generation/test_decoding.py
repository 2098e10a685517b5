"""Texts drawn row by row, until their end: against the plain loop; and the share that has none."""
import pytest
import torch

from reprise import LanguageModel
from reprise.core.errors import InputError
from reprise.data.batches import IGNORED, Batch
from reprise.generation.decoding import continuation, decode, non_termination, read_prompts
from reprise.generation.self_terminating import SelfTerminating
from reprise.models.sampling import Sampler
from reprise.training.objectives import next_token

END, V = 3, 7
GREEDY = Sampler(0.0)


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = LanguageModel("gru", width=12, depth=1, vocabulary=V).double()
    with torch.no_grad():
        model.head.weight.mul_(60)
    return model


@pytest.mark.parametrize("sampler", [GREEDY, Sampler(1.0), Sampler(1.0, top_k=2), Sampler(1.0, top_p=0.3)])
def test_each_row_is_the_plain_loop(model, sampler):
    prompts = torch.randint(0, V, (5, 4))
    texts = decode(model, prompts, END, 30, sampler, seed=7)
    for row in range(5):
        generator, seen, want = [torch.Generator().manual_seed(7 + row)], prompts[row : row + 1], []
        while len(want) < 30 and END not in want:
            token = sampler(model(seen)[0][:, -1], generator)
            want, seen = [*want, token.item()], torch.cat([seen, token[:, None]], 1)
        assert texts[row].tolist() == want + [END] * (30 - len(want))


def test_the_share_without_an_end():
    texts = torch.tensor([[1, END, END, END], [1, 2, END, END], [1, 1, 1, 1]])
    assert non_termination(texts, END, (0, 1, 2, 3, 4)) == pytest.approx([1, 1, 2 / 3, 1 / 3, 1 / 3])


def test_what_counts_steps_begins_after_the_prompt(model):
    counting = SelfTerminating(model, END, 0.02)
    prompts = torch.randint(0, V, (2, 4))
    p, state = read_prompts(counting, prompts)
    z = model(prompts)[0][:, -1, END]
    torch.testing.assert_close(1 - p[:, END].exp(), 0.98 * torch.sigmoid(-z))
    assert state.past.tolist() == [1, 1]


def test_a_counting_model_ends_by_its_horizon_and_the_one_inside_never(model):
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.weight[0] = model.norm.weight  # token 0, whatever was read: norm(y)'norm(y) > 0
        model.head.weight[END] = -model.norm.weight
    prompts = torch.zeros(3, 2, dtype=torch.long)
    z = read_prompts(model, prompts)[0]
    if z[0, 0] < 0:
        model.head.weight.data.neg_()
    assert non_termination(decode(model, prompts, END, 60, GREEDY), END, [60]) == [1.0]
    assert non_termination(decode(SelfTerminating(model, END, 0.02), prompts, END, 60, GREEDY), END, [36]) == [0.0]


def test_continuation_counts_what_follows_the_prompt(model):
    x, y = torch.randint(0, V, (2, 2, 9))
    masked, resets = y.clone(), torch.zeros(2, 9, dtype=torch.bool)
    masked[:, :3] = IGNORED
    found, want = continuation(4)(model, Batch(x, y, resets)), next_token(model, Batch(x, masked, resets))
    torch.testing.assert_close(found.total, want.total)
    assert found.count == want.count == 12
    counting = SelfTerminating(model, END, 0.02)
    _, state = counting(x[:, :3])
    logits, _ = counting(x[:, 3:], counting.begin(state))
    want = torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), y[:, 3:].flatten(), reduction="sum")
    torch.testing.assert_close(continuation(4)(counting, Batch(x, y, resets)).total, want)


def test_a_model_in_training_is_asked_without_dropout_and_left_as_it_was():
    torch.manual_seed(0)
    model = LanguageModel("gru", width=12, depth=2, vocabulary=V, dropout=0.5)
    with torch.no_grad():
        model.head.weight.mul_(60)
    model.stack.blocks[0].eval()
    prompts, modes = torch.randint(0, V, (6, 3)), [module.training for module in model.modules()]
    found = decode(model, prompts, END, 20, GREEDY)
    assert [module.training for module in model.modules()] == modes
    model.eval()
    assert torch.equal(found, decode(model, prompts, END, 20, GREEDY))


def test_a_prompt_is_the_beginning_of_its_row(model):
    x, y, resets = torch.zeros(2, 9, dtype=torch.long), torch.zeros(2, 9, dtype=torch.long), torch.zeros(2, 9) > 0
    _, state = model(x)
    resets[0, 0] = True
    continuation(4)(model, Batch(x, y, resets))
    with pytest.raises(InputError, match="some begin anew"):
        continuation(4)(model, Batch(x, y, resets), state)
    resets[0, 0], resets[1, 5] = False, True
    with pytest.raises(InputError, match="some begin anew"):
        continuation(4)(model, Batch(x, y, resets))


def test_misuse(model):
    with pytest.raises(InputError, match=r"one token or more, \(B P\), got \(2, 0\)"):
        decode(model, torch.zeros(2, 0, dtype=torch.long), END, 4, GREEDY)
    with pytest.raises(InputError, match="length of 1 or more, got 0"):
        decode(model, torch.zeros(2, 1, dtype=torch.long), END, 0, GREEDY)
    with pytest.raises(InputError, match="texts of 4 tokens say nothing of 5"):
        non_termination(torch.zeros(2, 4, dtype=torch.long), END, [5])
