"""Counts of any symbols, as those of bytes: the same numbers, and whole distributions for every place."""
import numpy as np
import pytest

from reprise.core.errors import InputError
from reprise.data import Text
from reprise.models.ngram import NGram, Symbols, most_order


def drawn(symbols, size=600, seed=0):
    draw = np.random.default_rng(seed)
    return Symbols(draw.integers(symbols, size=size) ** 2 % symbols, np.array([0, 7, size // 2]))


def test_bytes_are_symbols():
    text = Text.of([b"the cat sat", b"on the mat the rat"])
    same = Symbols(text.tokens.astype(np.int64), text.starts)
    np.testing.assert_array_equal(NGram(same, 4).code_lengths(same), NGram(text, 4).code_lengths(text))


@pytest.mark.parametrize("symbols", [2, 3, 17, 1000])
def test_every_place_has_a_distribution(symbols):
    model, test = NGram(drawn(symbols), 4, symbols=symbols), drawn(symbols, 90, seed=1)
    found = model.distributions(test)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-9)
    assert (found > 0).all()
    own = found[np.arange(len(test)), test.tokens]
    np.testing.assert_allclose(-np.log2(own), model.code_lengths(test)[-1], rtol=1e-9)


def test_a_place_does_not_see_what_stands_in_it_or_after():
    model, test = NGram(drawn(5), 4, symbols=5), drawn(5, 60, seed=1)
    before = model.distributions(test)
    for t in (0, 3, 7, 30, 59):
        tokens = test.tokens.copy()
        tokens[t:] = (tokens[t:] + 1) % 5
        np.testing.assert_array_equal(model.distributions(Symbols(tokens, test.starts))[: t + 1], before[: t + 1])


def test_documents_shorter_than_the_order():
    model = NGram(drawn(4), 6, symbols=4)
    short = Symbols(np.array([1, 2]), np.array([0, 1]))
    alone = model.distributions(Symbols(np.array([1]), np.array([0])))
    np.testing.assert_allclose(model.distributions(short), np.repeat(alone, 2, 0))
    assert model.distributions(Symbols(np.zeros(0, np.int64), np.zeros(1, np.int64))).shape == (0, 4)


def test_the_more_symbols_the_lower_the_order():
    assert (most_order(2), most_order(256), most_order(1024), most_order(1025)) == (64, 8, 6, 5)
    with pytest.raises(InputError, match="an order from 1 to 5, for 2,000 symbols, got 6"):
        NGram(drawn(2000), 6, symbols=2000)
