"""Strange cases are told from normal ones by what their events cost; counts by hand."""
import numpy as np
import pytest

from reprise.core.errors import InputError
from reprise.data.events import Case, EventLog, open_events, split_events
from reprise.forecasting.events.anomalies import (
    area_under_curve,
    average_precision,
    case_scores,
    detect,
    surprises,
    threshold,
)
from reprise.forecasting.events.counting import create_baseline
from reprise.forecasting.events.method import Prediction, Timing


def case(kinds, times=None):
    return Case("x", np.array(kinds), times, np.zeros((len(kinds), 0)))


class Told:
    """Says the same in every place: kind 0 with 0.6, kind 1 with 0.3, the end with 0.1."""

    def fit(self, split):
        return self

    def predict(self, cases):
        for case in cases:
            yield Prediction(np.log(np.tile([0.6, 0.3, 0.1], (len(case) + 1, 1))),
                             Timing(np.zeros(len(case)), np.append(np.nan, np.full(len(case) - 1, 2.0))))


def test_scores_by_hand():
    cases = [case([0, 0, 1]), case([0])]
    (first, second) = surprises(Told(), cases)
    np.testing.assert_allclose(first, -np.log([0.6, 0.6, 0.3, 0.1]))
    np.testing.assert_allclose(surprises(Told(), cases, ends=False)[0], -np.log([2 / 3, 2 / 3, 1 / 3]))
    np.testing.assert_allclose(surprises(Told(), cases, times=True)[0] - first, [0, 2, 2, 0])
    np.testing.assert_allclose(case_scores(Told(), cases, "mean"), [first.mean(), second.mean()])
    np.testing.assert_allclose(case_scores(Told(), cases, "largest"), -np.log([0.1, 0.1]))
    assert case_scores(Told(), cases, "rank").tolist() == [3, 3]
    assert case_scores(Told(), cases, "rank", ends=False).tolist() == [2, 1]


def test_detection_by_hand():
    found = detect(np.array([1.0, 2, 3, 4]), np.array([3.0, 5, 6]), above=3.0)
    assert found.precision == pytest.approx(2 / 3) == found.recall == found.f1 and found.false_alarms == 0.25
    more = found.among(normal=400, abnormal=3)
    assert more.precision == pytest.approx(2 / 102) and more.recall == pytest.approx(2 / 3)
    nothing = detect(np.zeros(2), np.zeros(2), above=1.0)
    assert nothing.f1 == nothing.precision == nothing.recall == 0


def test_areas_are_those_of_scikit_learn():
    from sklearn.metrics import average_precision_score, roc_auc_score

    draw = np.random.default_rng(0)
    normal, abnormal = draw.integers(6, size=40) / 2, draw.integers(3, 9, size=15) / 2
    truth, scores = np.repeat([0, 1], [40, 15]), np.append(normal, abnormal)
    assert area_under_curve(normal, abnormal) == pytest.approx(roc_auc_score(truth, scores))
    assert average_precision(normal, abnormal) == pytest.approx(average_precision_score(truth, scores))


def test_no_more_false_alarms_than_allowed():
    normal = np.arange(100.0)
    for share in (0.0, 0.01, 0.1, 0.25):
        assert (normal > threshold(normal, share)).mean() <= share
    assert threshold(np.ones(5), 0.5) == 1.0


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda: threshold(np.zeros(0)), "expected normal cases and a share .* got 0 cases"),
    (lambda: detect(np.zeros(0), np.ones(1), 0.0), "normal and abnormal cases, got 0 and 1"),
    (lambda: case_scores(Told(), [], "median"), "a rule of mean, largest, rank, got 'median'"),
])
def test_what_does_not_fit(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()


def test_swapped_and_cut_cases_are_found():
    draw = np.random.default_rng(0)
    cycle = np.tile([0, 1, 2, 3], 4)
    normal = [case(np.concatenate([cycle[: 4 * draw.integers(1, 5)], [4]])) for _ in range(100)]
    split = split_events(EventLog("cycles", tuple(normal), tuple("abcde")))
    method = create_baseline("markov-2").fit(split)
    number = [split.vocabulary.index(kind) for kind in "abcde"]
    strange = [case([number[k] for k in kinds]) for kinds in ([0, 1, 3, 2, 4], [0, 1], [0, 1, 2, 3, 3, 4], [4])]
    for rule in ("mean", "largest", "rank"):
        line = threshold(case_scores(method, split.valid.cases, rule))
        found = detect(case_scores(method, split.test.cases, rule), case_scores(method, strange, rule), line)
        assert found.recall == 1.0 and found.false_alarms <= 0.05


def test_a_chain_finds_faulty_sessions(data_folder, monkeypatch):
    monkeypatch.setenv("REPRISE_DATA", str(data_folder))
    split = split_events(open_events("hdfs-sessions"), shares=(0.5, 0.2, 0.3))
    faulty = open_events("hdfs-sessions-abnormal").under(split.vocabulary).cases[::8]
    method = create_baseline("markov-1").fit(split)
    line = threshold(case_scores(method, split.valid.cases, "largest"))
    found = detect(case_scores(method, split.test.cases, "largest"), case_scores(method, faulty, "largest"), line)
    assert found.recall > 0.95 and found.false_alarms < 0.03
