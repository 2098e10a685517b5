"""Coins that are exchanged: how often, against chances counted out by hand; and bits that are theirs."""
from fractions import Fraction
from math import comb

import numpy as np
import pytest

from reprise.core.errors import InputError
from reprise.data.tasks import create_task


def changes(switches, length, rows=20_000, **options):
    """The share of rows whose coin changes before each step after the first."""
    coins = create_task("switching_sources", switches=switches, **options).sources(
        rows, length, np.random.default_rng(0))
    return (coins[:, 1:] != coins[:, :-1]).mean(0)


@pytest.mark.parametrize("length", [2, 8, 13])
def test_a_tree_is_cut_at_a_step_as_deep_as_the_step_is_odd(length):
    """Before step t all parts around it must be cut: of 2^d steps, those of size 2^d down to twice the cut's."""
    depth = (length - 1).bit_length()
    want = [Fraction(1, 2 ** (depth - (t & -t).bit_length() + 1)) for t in range(1, length)]
    assert changes("tree", length) == pytest.approx([float(p) for p in want], abs=0.015)


def test_a_hazard_falls_with_age():
    """Spans of a hazard 1 / 2a are as long as it takes a simple walk to come back to zero, two of its steps to one of
    ours; so before step t the chance is that of the walk to be at zero: as many heads as tails in 2t tosses.
    """
    want = [comb(2 * t, t) / 4**t for t in range(1, 12)]
    assert changes("hazard", 12) == pytest.approx(want, abs=0.015)


def test_regular_and_random():
    assert changes("regular", 9, rows=10, period=4).tolist() == [0, 0, 0, 1, 0, 0, 0, 1]
    assert changes("random", 30, period=5) == pytest.approx([0.2] * 29, abs=0.015)


@pytest.mark.parametrize("switches", ["tree", "hazard", "regular", "random"])
def test_bits_are_those_of_the_coins(switches):
    task = create_task("switching_sources", switches=switches)
    coins = task.sources(4000, 50, np.random.default_rng(0))
    bits = task.tosses(coins, np.random.default_rng(1))
    for low, high in [(0.0, 0.1), (0.4, 0.6), (0.9, 1.0)]:
        inside = (coins >= low) & (coins <= high)
        assert bits[inside].mean() == pytest.approx(coins[inside].mean(), abs=0.02)
    assert coins[:, 0].var() == pytest.approx(1 / 8, abs=0.01), "of Beta(1/2, 1/2)"


def test_each_bit_is_asked_for_where_the_one_before_is_seen():
    batch = create_task("switching_sources").sample(8, 40, np.random.default_rng(0))
    assert (batch.x[:, 0] == 2).all() and (batch.x[:, 1:] == batch.y[:, :-1]).all()
    assert set(batch.y.unique().tolist()) == {0, 1}


def test_bad_options():
    with pytest.raises(InputError, match="no switches 'trees'; did you mean 'tree'"):
        create_task("switching_sources", switches="trees")
    with pytest.raises(InputError, match="period of 1 or more"):
        create_task("switching_sources", period=0)
