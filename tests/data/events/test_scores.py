"""Scores of predicted events, by hand: what cannot tell kinds apart gets no credit."""
import numpy as np
import pytest

from reprise.data.events.scores import going_on, hits, ranks, reciprocal_ranks


def test_ranks_by_hand():
    scores = np.log([[0.5, 0.2, 0.3], [0.1, 0.8, 0.1], [0.4, 0.4, 0.2]])
    found = ranks(scores, np.array([0, 2, 1]))
    assert found.tolist() == [1, 3, 2]  # ties come first
    assert hits(found, 1) == pytest.approx(1 / 3) and hits(found, 2) == pytest.approx(2 / 3)
    assert reciprocal_ranks(found) == pytest.approx((1 + 1 / 3 + 1 / 2) / 3)


def test_the_same_for_all_is_no_credit():
    found = ranks(np.zeros((5, 4)), np.arange(5) % 4)
    assert (found == 4).all() and hits(found, 1) == hits(found, 3) == 0 and reciprocal_ranks(found) == 0.25


def test_going_on_leaves_the_end_out():
    rows = np.log([[0.3, 0.2, 0.5], [0.1, 0.1, 0.8]])
    np.testing.assert_allclose(np.exp(going_on(rows)), [[0.6, 0.4]])
    assert going_on(rows[:1]).shape == (0, 2)
