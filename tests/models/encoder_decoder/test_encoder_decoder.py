"""Encoders and decoders: padding, steps, slots that close, and what they can learn."""
from itertools import islice

import numpy as np
import pytest
import torch

from reprise.core.errors import InputError
from reprise.core.state import select
from reprise.data.batches import IGNORED
from reprise.data.geometry import problems, shortest_tour
from reprise.data.labelled import Labelled, labelled_batches
from reprise.generation.beam import beam_search
from reprise.generation.decoding import decode
from reprise.models.encoder_decoder import DictionaryNetwork, PointerNetwork
from reprise.models.sampling import Sampler
from reprise.training.fit import fit
from reprise.training.objectives import answers, evaluate

KINDS = {
    "pointer": lambda **o: PointerNetwork(2, 12, **o), "dictionary": lambda **o: DictionaryNetwork(2, 12, words=6, **o),
    "attends": lambda **o: DictionaryNetwork(2, 12, words=6, attends=True, **o),
}
GREEDY = Sampler(0.0)


def build(kind, **options):
    torch.manual_seed(0)
    return KINDS[kind](**options).double()


def asked():
    x = torch.randn(3, 6, 2, dtype=torch.float64)
    y = torch.tensor([[3, 1, 6, 0], [2, 0, IGNORED, IGNORED], [4, 2, 0, IGNORED]])
    return x, y, torch.tensor([6, 3, 4])


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_nothing(kind):
    model, (x, y, lengths) = build(kind), asked()
    logits = model(x, y, lengths=lengths)
    for row, n in enumerate(lengths.tolist()):
        alone = model(x[row : row + 1, :n], y[row : row + 1])[0]
        real = y[row] != IGNORED
        assert torch.allclose(alone[real], logits[row, real][:, : alone.shape[1]], atol=1e-12)
        if kind == "pointer":
            assert logits[row, :, n + 1 :].eq(-torch.inf).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cell", ["lstm", "lru"])
def test_steps_are_the_answers_given(kind, cell):
    model, (x, _, lengths) = build(kind, cell=cell), asked()
    y = torch.tensor([[3, 1, 2, 0], [2, 1, 3, 0], [4, 2, 1, 0]])
    whole, state, slot = model(x, y, lengths=lengths), model.read(x, lengths), torch.zeros(3, dtype=torch.long)
    for t in range(4):
        logits, state = model.step(slot, state)
        assert torch.allclose(logits, whole[:, t], atol=1e-12)
        slot = y[:, t]


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_their_own_and_states_are_values(kind):
    model, (x, _, lengths) = build(kind), asked()
    state = model.read(x, lengths)
    first, after = model.step(torch.zeros(3, dtype=torch.long), state)
    order = torch.tensor([2, 0])
    again, _ = model.step(torch.zeros(2, dtype=torch.long), select(state, order))
    assert torch.allclose(again, first[order], atol=1e-12)
    second, _ = model.step(torch.zeros(3, dtype=torch.long), state)
    assert torch.equal(second, first) and after is not state


@pytest.mark.parametrize("kind", ["pointer", "dictionary"])
@pytest.mark.parametrize("how", ["greedy", "beam"])
def test_once_answers_every_element_once_and_ends(kind, how):
    model = build(kind, once=True).eval()
    reading = model.reading(torch.randn(5, 6, 2, dtype=torch.float64))
    prompts = torch.zeros(5, 1, dtype=torch.long)
    greedy = how == "greedy"
    found = decode(reading, prompts, 0, 10, GREEDY) if greedy else beam_search(reading, prompts, 0, 10, 3).texts
    for row in found.tolist():
        assert sorted(row[:6]) == [1, 2, 3, 4, 5, 6] and row[6:] == [0] * 4


@pytest.mark.parametrize("kind", ["pointer", "dictionary"])
def test_once_answers_no_more_than_was_read(kind):
    """A dictionary of six words, and three or two elements."""
    model = build(kind, once=True).eval()
    x, lengths = torch.randn(2, 3, 2, dtype=torch.float64), torch.tensor([3, 2])
    found = decode(model.reading(x, lengths), torch.zeros(2, 1, dtype=torch.long), 0, 6, GREEDY).tolist()
    assert [sorted(row[:n]) for row, n in zip(found, (3, 2), strict=True)] == [[1, 2, 3], [1, 2]]
    assert found[0][3:] == [0] * 3 and found[1][2:] == [0] * 4


def test_once_gives_no_chance_to_what_was_answered():
    model, (x, _, _) = build("pointer", once=True), asked()
    y = torch.tensor([[1, 2, 3, 4, 5, 6, 0]] * 3)
    p = model(x, y).softmax(-1)
    for t in range(6):
        assert not p[:, t, 1 : t + 1].any() and not p[:, t, 0].any()
    assert torch.equal(p[:, 6, 0], torch.ones(3, dtype=torch.float64))


def test_a_pointer_reaches_places_that_training_never_had():
    """The largest of a few numbers: learned on up to six, asked of nine."""
    def largest(count, sizes, seed):
        return problems(lambda p: [int(p[:, 0].argmax())], count, sizes, np.random.default_rng(seed))

    torch.manual_seed(0)
    model = PointerNetwork(2, 24, cell="gru")
    batches = islice(labelled_batches(largest(2000, (2, 6), 0), 64, 0), 150)
    list(fit(model, batches, answers, torch.optim.Adam(model.parameters(), 1e-2)))
    test = largest(200, (9, 9), 1)
    found = decode(model.eval().reading(test.x), torch.zeros(200, 1, dtype=torch.long), 0, 2, GREEDY)
    assert (found[:, 0] == test.y[:, 0]).float().mean() > 0.8
    assert evaluate(model, [test], answers) < 1.0


def test_tours_can_be_scored():
    made = problems(shortest_tour, 8, (5, 5), np.random.default_rng(0))
    scored = answers(build("pointer", once=True).float(), made)
    assert scored.total.isfinite() and scored.count == 8 * 6


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda m: m(torch.zeros(2, 3), torch.zeros(2, 1)), r"shape \(B, N, 2\) with N of 1 or more, got \(2, 3\)"),
    (lambda m: m.read(torch.zeros(2, 0, 2)), r"N of 1 or more, got \(2, 0, 2\)"),
    (lambda m: m.reading(torch.zeros(2, 3, 2)).initial_state(3), "2 rows were read, and 3 are asked for"),
    (lambda m: DictionaryNetwork(2, 4, words=0), "words of 1 or more"),
])
def test_what_does_not_fit(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong(build("pointer").float())


def test_lengths_need_not_be_where_the_elements_are():
    model = DictionaryNetwork(2, 4, cell="lru", words=6).to("meta")
    encoded = model.read(torch.zeros(2, 3, 2, device="meta"), torch.tensor([3, 2]))
    assert encoded.open.device.type == encoded.real.device.type == "meta"


def test_labelled_rows_can_be_taken():
    x, y, lengths = asked()
    assert Labelled(x, y, lengths).take(torch.tensor([1])).lengths.tolist() == [3]
