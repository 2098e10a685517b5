"""From logits to tokens: exact probabilities, honest frequencies, and never a token that was ruled out."""
import math

import pytest
import torch
from hypothesis import given, settings, strategies as st

from reprise.core.errors import InputError
from reprise.models.sampling import Sampler

WEIGHTS = [0.1, 0.4, 0.2, 0.25, 0.05]  # probabilities; their logarithms are the logits


def logits(weights=WEIGHTS):
    return torch.tensor([weights], dtype=torch.float64).log()


def probabilities(weights=WEIGHTS, **options):
    return Sampler(**options).probabilities(logits(weights))[0].tolist()


def shares(*kept):
    """The weights of these tokens, scaled to 1."""
    total = sum(WEIGHTS[i] for i in kept)
    return pytest.approx([w / total if i in kept else 0 for i, w in enumerate(WEIGHTS)], rel=1e-12)


@pytest.mark.parametrize(("options", "kept"), [
    ({}, [0, 1, 2, 3, 4]), ({"top_k": 1}, [1]), ({"top_k": 2}, [1, 3]), ({"top_k": 4}, [0, 1, 2, 3]),
    ({"top_k": 99}, [0, 1, 2, 3, 4]), ({"top_p": 0.01}, [1]), ({"top_p": 0.39}, [1]), ({"top_p": 0.41}, [1, 3]),
    ({"top_p": 0.64}, [1, 3]), ({"top_p": 0.84}, [1, 2, 3]), ({"top_p": 0.96}, [0, 1, 2, 3, 4]),
    ({"top_k": 3, "top_p": 0.6}, [1, 3]), ({"top_k": 2, "top_p": 0.6}, [1])], ids=str)
def test_what_is_kept(options, kept):
    """Of the two likeliest, 0.4 / 0.65 is above 0.6: top-k comes first, and top-p looks at what it left."""
    assert probabilities(**options) == shares(*kept)


def test_top_p_keeps_the_fewest_that_hold_it():
    assert probabilities([0.25] * 4, top_p=0.5) == [0.5, 0.5, 0, 0]  # exact in binary: no more than two are needed
    assert probabilities([0.25] * 4, top_p=0.5000001) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])


def test_keeping_all_keeps_the_unlikeliest():
    tiny = Sampler().probabilities(torch.tensor([[0.0, 0.0, -300.0]]))
    assert tiny[0, 2] == pytest.approx(math.exp(-300) / 2)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_divides_the_logits(temperature):
    powers = [w ** (1 / temperature) for w in WEIGHTS]
    assert probabilities(temperature=temperature) == pytest.approx([p / sum(powers) for p in powers])


@pytest.mark.parametrize("temperature", [0.0, 1e-5, 1e-300])
def test_without_temperature_the_likeliest(temperature):
    assert probabilities(temperature=temperature) == [0, 1, 0, 0, 0]
    assert Sampler(temperature).probabilities(torch.tensor([[1000.0, -1000.0]]))[0].tolist() == [1, 0]


def test_temperature_comes_before_top_p():
    assert probabilities(temperature=0.5, top_p=0.55) == [0, 1, 0, 0, 0]  # 0.16 of 0.275 once squared


def test_infinitely_unlikely_tokens_stay_out():
    assert Sampler(top_k=3).probabilities(torch.tensor([[0.0, -torch.inf, 0.0]]))[0].tolist() == [0.5, 0, 0.5]


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(-40, 40, width=32), min_size=4, max_size=4), min_size=1, max_size=4),
       st.floats(0, 3), st.none() | st.integers(1, 6), st.floats(0.01, 1))
def test_rows_are_distributions_and_do_not_meet(rows, temperature, top_k, top_p):
    sampler, batch = Sampler(temperature, top_k, top_p), torch.tensor(rows)
    together = sampler.probabilities(batch)
    assert torch.allclose(together.sum(-1), torch.ones(len(rows), dtype=torch.float64))
    assert (together >= 0).all() and ((together > 0).sum(-1) <= (top_k or 4)).all()
    for row, alone in zip(together, batch, strict=True):
        assert torch.equal(row, sampler.probabilities(alone[None])[0])
        assert row[alone == alone.max()].max() == row.max(), "the likeliest token is always kept"


def drawn(sampler, row, count):
    generator = torch.Generator().manual_seed(5)
    return torch.cat([sampler(row, [generator]) for _ in range(count)])


@pytest.mark.parametrize("options", [{}, {"temperature": 2.0}, {"top_k": 3}, {"top_p": 0.8}], ids=str)
def test_frequencies_are_the_probabilities(options):
    sampler, count = Sampler(**options), 4000
    want = sampler.probabilities(logits())[0]
    found = drawn(sampler, logits(), count).bincount(minlength=5)
    assert not found[want == 0].any(), "a token that was ruled out has been drawn"
    expected = count * want[want > 0]
    assert ((found[want > 0] - expected).square() / expected).sum() < 18.5  # chi-squared, 4 degrees: 1 in 1000


class Always:
    """Stands in for torch.rand: the numbers a generator gives only once in 2^53 draws."""

    def __init__(self, value):
        self.value = value

    def __call__(self, size, generator, dtype):
        return torch.tensor(self.value, dtype=dtype)


@pytest.mark.parametrize(("at", "row", "token"), [
    (0.0, [-torch.inf, 0.0, 0.0, -torch.inf], 1), (1 - 2**-53, [0.0, 0.3, -torch.inf, -torch.inf], 1),
    (1 - 2**-53, [-torch.inf, *[0.1 * i for i in range(30)], -torch.inf], 30)], ids=["lowest", "highest", "many"])
def test_the_ends_of_the_line_reach_no_forbidden_token(monkeypatch, at, row, token):
    monkeypatch.setattr(torch, "rand", Always(at))
    assert Sampler()(torch.tensor([row]), [torch.Generator()]).item() == token


def test_rows_draw_from_their_own_generators():
    rows = torch.randn(3, 50)
    generators = [torch.Generator().manual_seed(seed) for seed in (1, 2, 3)]
    together = torch.stack([Sampler()(rows, generators) for _ in range(20)])
    for i, seed in enumerate((1, 2, 3)):
        alone = torch.Generator().manual_seed(seed)
        assert torch.cat([Sampler()(rows[i:i + 1], [alone]) for _ in range(20)]).tolist() == together[:, i].tolist()


def test_no_rows_no_tokens():
    assert Sampler()(torch.zeros(0, 5), []).shape == (0,)


@pytest.mark.parametrize(("options", "message"), [
    ({"temperature": -0.1}, r"temperature: expected 0 \(the likeliest token\) or more, got -0.1"),
    ({"temperature": math.nan}, "temperature: expected 0"), ({"top_k": 0}, "top_k: expected 1 or more tokens .* got 0"),
    ({"top_p": 0.0}, "top_p: expected a probability above 0"), ({"top_p": 1.5}, "up to 1 .* got 1.5"),
    ({"top_p": math.nan}, "got nan")], ids=str)
def test_errors_say_which_options_make_sense(options, message):
    with pytest.raises(InputError, match=message):
        Sampler(**options)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_generator_for_every_row(count):
    with pytest.raises(InputError, match=f"expected a generator for each of 2 rows, got {count}"):
        Sampler()(torch.zeros(2, 3), [torch.Generator()] * count)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("row", [[math.nan, 0.0, 1.0], [math.inf, 0.0, 1.0], [-math.inf] * 3], ids=str)
def test_logits_that_say_nothing(row, temperature):
    with pytest.raises(InputError, match=f"expected logits that are numbers .* got {row[0]} in row 1; look"):
        Sampler(temperature)(torch.tensor([[0.0, 1.0, -math.inf], row]), [torch.Generator()] * 2)
