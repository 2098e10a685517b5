"""A model that learns while it reads: predicted before learned, by the rule as it is written, and on a copy."""
import pytest
import torch

from reprise import LanguageModel
from reprise.core.errors import InputError
from reprise.data.batches import Batch
from reprise.generation.dynamic_evaluation import (
    Reader,
    Rule,
    evaluate_dynamically,
    gradient_sizes,
    with_matrix,
)
from reprise.training.objectives import evaluate, next_token


def segments(tokens, length=10):
    """One row cut up: rows go on but for the first."""
    for start in range(0, len(tokens) - length, length):
        x, y = tokens[start : start + length], tokens[start + 1 : start + length + 1]
        resets = torch.zeros(1, length, dtype=torch.bool)
        resets[0, 0] = start == 0
        yield Batch(x[None], y[None], resets)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return LanguageModel("gru", width=16, depth=1, vocabulary=8).double()


@pytest.fixture
def text():
    return torch.tensor([1, 2, 3, 4, 5, 6, 7, 0] * 30)


def weights(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def test_without_a_rate_it_is_evaluation(model, text):
    static = evaluate(model, segments(text))
    assert evaluate_dynamically(model, segments(text), Rule(rate=0.0, decay=0.0)) == pytest.approx(static, abs=1e-12)


def test_the_first_segment_is_predicted_before_it_is_learned(model, text):
    batches = list(segments(text))
    first = Reader(model, Rule(rate=10.0)).read(batches[0])
    torch.testing.assert_close(first.total, next_token(model, batches[0]).total.detach())


def test_what_repeats_is_learned_and_the_model_stays(model, text):
    before, rule = weights(model), Rule(rate=0.5, decay=0.0)
    assert evaluate_dynamically(model, segments(text), rule) < 0.6 * evaluate(model, segments(text))
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_the_rule_step_by_step(model, text):
    batches = list(segments(text))[:3]
    sizes = gradient_sizes(model, segments(text))
    rule = Rule(rate=0.02, decay=0.4, epsilon=1e-3, sizes=sizes)
    reader, hand, state = Reader(model, rule), Reader(model, Rule()).model, None
    first, mean = weights(model), sum(s.mean() for s in sizes.values()) / len(sizes)
    for batch in batches:
        reader.read(batch)
        total, count, state = next_token(hand, batch, state)
        hand.zero_grad()
        (total / count).backward()
        state = torch.utils._pytree.tree_map(torch.Tensor.detach, state)
        with torch.no_grad():
            for name, p in hand.named_parameters():
                pull = torch.minimum(0.4 * sizes[name] / mean, torch.ones(()).double())
                p.copy_(p - 0.02 * p.grad / (sizes[name] + 1e-3) + pull * (first[name] - p))
    for name, p in reader.model.named_parameters():
        torch.testing.assert_close(p, hand.get_parameter(name))


def test_full_decay_comes_back_at_once(model, text):
    reader = Reader(model, Rule(rate=0.0, decay=1.0))
    with torch.no_grad():
        for p in reader.model.parameters():
            p.add_(1.0)
    reader.read(next(segments(text)))
    for name, p in reader.model.named_parameters():
        torch.testing.assert_close(p, model.get_parameter(name))


def test_sizes_are_root_mean_squares_over_batches(model, text):
    batches = [Batch(b.x, b.y, torch.tensor([[True] + [False] * 9])) for b in list(segments(text))[:3]]
    sizes, squares = gradient_sizes(model, batches), {}
    for batch in batches:
        total, count, _ = next_token(model, batch)
        grads = torch.autograd.grad(total / count, list(model.parameters()))
        for (name, _), g in zip(model.named_parameters(), grads, strict=True):
            squares[name] = squares.get(name, 0) + g.square() / 3
    for name, square in squares.items():
        torch.testing.assert_close(sizes[name], square.sqrt())


def test_a_matrix_alone_learns(model, text):
    with torch.no_grad():
        model.head.weight.mul_(20)
    sparse, rule = with_matrix(model), Rule(rate=0.2, decay=0.0)
    static = evaluate(model, segments(text))
    assert evaluate(sparse, segments(text)) == pytest.approx(static, abs=1e-12)
    reader = Reader(sparse, rule)
    for batch in segments(text):
        reader.read(batch)
    assert evaluate(reader.model, segments(text)) < 0.8 * static
    moved = {name for name, p in reader.model.named_parameters() if not torch.equal(p, sparse.get_parameter(name))}
    assert moved == {"norm.matrix"}
    sizes = gradient_sizes(sparse, segments(text))
    assert list(sizes) == ["norm.matrix"]
    assert evaluate_dynamically(sparse, segments(text), Rule(rate=0.01, decay=0.01, sizes=sizes)) < static


def test_the_matrix_is_added_to_what_the_module_gives(model):
    tokens, sparse = torch.randint(0, 8, (2, 5)), with_matrix(model, rows=2)
    with torch.no_grad():
        matrix = sparse.norm.matrix.normal_()
    h = model.norm(model.stack(model.embedding(tokens))[0])
    want = torch.stack([model.head(h[b] + h[b] @ matrix[b].T) for b in range(2)])
    torch.testing.assert_close(sparse(tokens)[0], want)
    torch.testing.assert_close(sparse.step(tokens[:, 0], sparse.initial_state(2))[0], want[:, 0])


def test_rows_learn_as_they_would_alone(model, text):
    rows = torch.stack([text[:100], text[3:103]])
    parts = [list(segments(row)) for row in rows]
    together = Reader(with_matrix(model, rows=2), Rule(rate=0.3, decay=0.02))
    alone = [Reader(with_matrix(model), Rule(rate=0.3, decay=0.02)) for _ in rows]
    for first, second in zip(*parts, strict=True):
        both = Batch(*(torch.cat(pair) for pair in zip(first, second, strict=True)))
        together.read(both)
        alone[0].read(first)
        alone[1].read(second)
    want = torch.cat([reader.model.norm.matrix for reader in alone])
    torch.testing.assert_close(together.model.norm.matrix, want)


def test_misuse(model, text):
    with pytest.raises(InputError, match="got 'nor'; did you mean 'norm'"):
        with_matrix(model, at="nor")
    with pytest.raises(InputError, match="learns 3 rows at once and was given 1; build it with rows=1"):
        evaluate(with_matrix(model, rows=3), segments(text))
    with pytest.raises(InputError, match="decay from 0 to 1"):
        Rule(decay=1.5)
    with pytest.raises(InputError, match="of other parameters"):
        Reader(model, Rule(sizes={"head.weight": torch.ones(2)}))
    with pytest.raises(InputError, match="no batch was given"):
        gradient_sizes(model, [])
    with pytest.raises(InputError, match="no target was counted"):
        evaluate_dynamically(model, [], Rule())
    with pytest.raises(ValueError, match="lower the rate"):
        evaluate_dynamically(model, segments(text), Rule(rate=1e200, decay=0.0))
