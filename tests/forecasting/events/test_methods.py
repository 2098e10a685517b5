"""Every method that predicts events keeps the law: nothing said depends on what comes later; and is right by hand."""
import math
from dataclasses import replace

import numpy as np
import pytest

from reprise.core.errors import InputError
from reprise.data.events import Case, EventLog, split_events
from reprise.forecasting.events.counting import EventBaseline, baseline_names, create_baseline
from reprise.forecasting.events.evaluation import evaluate
from reprise.forecasting.events.neural import EventNetwork


def log_of(words, gaps=None, name="toy"):
    vocabulary = tuple(sorted({kind for word in words for kind in word}))
    cases = []
    for i, word in enumerate(words):
        times = None if gaps is None else np.append(0.0, np.cumsum(gaps[i][: len(word) - 1]))
        cases.append(Case(str(i), np.array([vocabulary.index(kind) for kind in word]), times, np.zeros((len(word), 0))))
    return EventLog(name, tuple(cases), vocabulary)


def drawn(cases=40, seed=0, timed=True):
    draw = np.random.default_rng(seed)
    words = ["".join(draw.choice(list("abbccc"), size=draw.integers(1, 12))) for _ in range(cases)]
    gaps = [draw.exponential(size=12) * (draw.random(12) < 0.8) for _ in words]
    return log_of(words, gaps if timed else None)


METHODS = [*(create_baseline(name) for name in baseline_names()),
           EventNetwork("gru", 8, steps=12, batch=4, length=16),
           EventNetwork("mingru", 8, steps=6, batch=4, length=16, clock="hazard")]


@pytest.fixture(scope="module", params=METHODS, ids=lambda method: getattr(method, "kinds", None) or method.layers)
def fitted(request):
    split = split_events(drawn())
    return request.param.fit(split), split


def test_nothing_said_sees_what_comes_later(fitted):
    method, _ = fitted
    case = Case("x", np.array([0, 1, 2, 0, 0, 2]), np.array([0.0, 1, 1, 2.5, 3, 9]), np.zeros((6, 0)))
    (before,) = method.predict([case])
    for t in range(6):
        kinds, times = case.kinds.copy(), case.times.copy()
        kinds[t:] = (kinds[t:] + 1) % 3
        times[t:] += np.arange(1.0, 7 - t) * (t > 0)
        (after,) = method.predict([replace(case, kinds=kinds, times=times)])
        np.testing.assert_array_equal(after.kinds[: t + 1], before.kinds[: t + 1])
        np.testing.assert_array_equal(after.timing.expected[: t + 1], before.timing.expected[: t + 1])
        np.testing.assert_array_equal(after.timing.costs[:t], before.timing.costs[:t])
        (short,) = method.predict([case.cut(0, t)])
        np.testing.assert_allclose(short.kinds, before.kinds[: t + 1], atol=1e-6)


def test_chances_sum_to_one_whatever_the_company(fitted):
    method, split = fitted
    together = list(method.predict(split.test.cases))
    for case, said in zip(split.test, together, strict=True):
        assert said.kinds.shape == (len(case) + 1, len(split.vocabulary) + 1)
        np.testing.assert_allclose(np.exp(said.kinds).sum(1), 1, rtol=1e-6)
        (alone,) = method.predict([case])
        np.testing.assert_allclose(alone.kinds, said.kinds, atol=1e-5)
        assert np.isnan(said.timing.costs[:1]).all() and np.isfinite(said.timing.costs[1:]).all()
        assert (said.timing.expected[1:] >= 0).all()


def test_a_time_costs_what_its_density_says(fitted):
    """The costs of all gaps that could have come are those of one distribution."""
    method, _ = fitted
    gaps = np.append(0.0, np.geomspace(1e-6, 400, 700))
    cases = [Case("x", np.array([1, 1]), np.array([0.0, gap]), np.zeros((2, 0))) for gap in gaps]
    costs = np.array([said.timing.costs[1] for said in method.predict(cases)])
    whole = math.exp(-costs[0]) + np.trapezoid(np.exp(-costs[1:]), gaps[1:])
    assert whole == pytest.approx(1, abs=0.02)


def test_nothing_to_predict(fitted):
    method, split = fitted
    assert list(method.predict([])) == []
    with pytest.raises(InputError, match="expected an event or more to score"):
        evaluate(method, split.test.take([]))


def by_hand(kinds, gaps="mean"):
    log = log_of(["aab", "aa", "ab"], [[1.0, 0.0], [2.0], [3.0]])
    unsplit = split_events(replace(log, cases=(*log.cases, *log.cases)), shares=(0.5, 0.0, 0.5))
    return EventBaseline(kinds, gaps).fit(unsplit), unsplit


def test_the_most_frequent_by_hand():
    method, split = by_hand("most-frequent")
    assert split.vocabulary[:2] == ("a", "b")
    (said,) = method.predict(split.test.cases[:1])
    np.testing.assert_allclose(np.exp(said.kinds[0]), np.array([6, 3, 1, 4]) / 14)  # one more than each was seen
    share = 1.5 / 5
    np.testing.assert_allclose(said.timing.expected[1:], [1.5, 1.5])
    mean = (6 + 2) / 4  # gaps above 0: 1, 2, 3; and one more of their mean
    at_once = (1 + share) / 5
    np.testing.assert_allclose(said.timing.costs[1:], [1 / mean + math.log(mean) - math.log(1 - at_once),
                                                       -math.log(at_once)])


def test_the_last_again_by_hand():
    method, split = by_hand("repeat-last")
    (said,) = method.predict(split.test.cases[:1])
    chances = np.exp(said.kinds)
    np.testing.assert_allclose(chances[0], np.array([6, 3, 1, 4]) / 14)
    again = (2 + 1) / (7 + 2)
    np.testing.assert_allclose(chances[1], [again, *((1 - again) * np.array([3, 1, 4]) / 8)])
    assert chances[3, 1] == pytest.approx(again)


def test_a_markov_chain_finds_the_order_of_a_cycle():
    words = ["abac" * 6] * 30
    found = {}
    for name in ("most-frequent", "markov-1", "markov-2"):
        split = split_events(log_of(words))
        found[name] = evaluate(create_baseline(name).fit(split), split.test)
    assert found["most-frequent"].accuracy == 0.5 == found["markov-1"].accuracy  # after a there is a tie
    assert found["markov-2"].accuracy > 0.95 and found["markov-2"].nll < 0.1 < found["markov-1"].nll


def test_a_chain_knows_how_cases_begin_and_end():
    split = split_events(log_of(["ab", "abab", "ababab"] * 20))
    (said,) = create_baseline("markov-1").fit(split).predict(split.test.cases[:1])
    a, b = split.vocabulary.index("a"), split.vocabulary.index("b")
    assert np.exp(said.kinds[0, a]) > 0.95 and np.exp(said.kinds[1, b]) > 0.95
    assert np.exp(said.kinds[2, -1]) == pytest.approx(0.5, abs=0.05)


def test_gaps_by_kind_are_those_after_it():
    draw = np.random.default_rng(0)
    words = ["ab" * 10] * 20
    gaps = [np.where(np.arange(20) % 2 == 0, draw.exponential(1.0, 20), draw.exponential(50.0, 20)) for _ in words]
    split = split_events(log_of(words, gaps))
    one, each = (evaluate(EventBaseline("markov-1", gaps).fit(split), split.test) for gaps in ("mean", "kind"))
    assert each.time_mae < one.time_mae and each.time_nll < one.time_nll - 0.3


def test_many_kinds_leave_shorter_chains():
    assert baseline_names()[-1] == "markov-5" == baseline_names(1022)[-1]
    assert baseline_names(1023)[-1] == "markov-4" and baseline_names(10_000)[-1] == "markov-3"


def test_a_network_learns_more_than_counts_and_is_the_same_again():
    draw = np.random.default_rng(0)  # after each b comes what came before it: a or c
    words = ["".join(kind + "b" + kind for kind in draw.choice(list("ac"), size=4)) for _ in range(120)]
    gaps = [np.where(np.arange(12) % 3 == 1, 10.0, 0.1) * draw.uniform(0.9, 1.1, 12) for _ in words]
    split = split_events(log_of(words, gaps))
    network = EventNetwork("gru", 16, steps=60, batch=8, length=24, rate=2e-2)
    one, again = (evaluate(network.fit(split), split.test) for _ in range(2))
    assert one == again
    best = evaluate(create_baseline("most-frequent").fit(split), split.test)
    assert one.nll < 0.6 * best.nll and one.time_mae < 0.2 * best.time_mae and one.time_nll < best.time_nll - 1


def test_a_log_without_times_is_scored_by_kinds_alone():
    split = split_events(drawn(timed=False))
    for method in (create_baseline("markov-2"), EventNetwork("gru", 8, steps=2, batch=4, length=8)):
        scores = evaluate(method.fit(split), split.test)
        assert scores.time_nll is None and scores.time_mae is None and scores.nll > 0


def test_what_does_not_fit():
    with pytest.raises(InputError, match="a baseline of most-frequent, repeat-last, markov-1"):
        EventBaseline("markov-9")
    with pytest.raises(InputError, match="gaps to be one of mean, kind, stretch, got 'median'"):
        EventBaseline("markov-1", "median")
    with pytest.raises(InputError, match="nothing is learnt yet"):
        next(EventNetwork().predict(()))
