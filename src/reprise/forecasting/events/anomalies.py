"""Cases that are not as the normal ones: by what their events cost, or by the place of the least expected of them."""
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float64

from reprise.core.errors import InputError
from reprise.data.events.log import Case
from reprise.data.events.scores import going_on, ranks
from reprise.forecasting.events.method import EventMethod

__all__ = ["Detection", "Rule", "area_under_curve", "average_precision", "case_scores", "detect", "surprises",
           "threshold"]

Rule = Literal["mean", "largest", "rank"]
RULES = ("mean", "largest", "rank")


class Detection(NamedTuple):
    """How well abnormal cases were told from normal ones. precision, recall, f1: of the abnormal ones.

    false_alarms: the share of normal cases that were called abnormal.
    """

    threshold: float
    precision: float
    recall: float
    f1: float
    false_alarms: float

    def among(self, normal: int, abnormal: int) -> "Detection":
        """The same recall and false alarms, with other numbers of cases: precision and F1 depend on these."""
        return _counted(self.threshold, self.recall * abnormal, self.false_alarms * normal, normal, abnormal)


def surprises(
    method: EventMethod, cases: Sequence[Case], *, ends: bool = True, times: bool = False
) -> list[Float64[np.ndarray, " T"]]:
    """Of each case what each event cost, in nats; with `ends`, one more: what it cost that it ended there.

    times: what the gap before each event cost is added.
    """
    found = []
    for case, said in zip(cases, method.predict(cases), strict=True):
        costs = -_asked(case, said.kinds, ends)
        if times and said.timing is not None:
            costs[: len(case)] += np.nan_to_num(said.timing.costs)
        found.append(costs)
    return found


def case_scores(
    method: EventMethod, cases: Sequence[Case], rule: Rule = "mean", *, ends: bool = True
) -> Float64[np.ndarray, " N"]:
    """One number a case, larger for what is stranger: the "mean" surprise of its events, the "largest", or the "rank"
    of the least expected among all kinds.

    Who calls a case abnormal where the rank is above k calls it so where an event is not among the k likeliest: the
    rule of Du et al. 2017, DeepLog, CCS (du2017deeplog).
    ends: whether the end of a case counts as an event, which finds those that are cut short.
    """
    if rule not in RULES:
        raise InputError(f"case_scores: expected a rule of {', '.join(RULES)}, got {rule!r}")
    if rule != "rank":
        reduced = np.mean if rule == "mean" else np.max
        return np.array([reduced(costs) for costs in surprises(method, cases, ends=ends)])
    found = []
    for case, said in zip(cases, method.predict(cases), strict=True):
        rows, truth = _rows(case, said.kinds, ends)
        found.append(float(ranks(rows, truth).max()))
    return np.array(found)


def threshold(normal: Float64[np.ndarray, " N"], false_alarms: float = 0.01) -> float:
    """The score that no more than this share of held-out normal cases exceeds. Raises InputError without any."""
    if not len(normal) or not 0 <= false_alarms < 1:
        raise InputError(f"threshold: expected normal cases and a share of false alarms from 0 to below 1, got "
                         f"{len(normal)} cases and {false_alarms}")
    return float(np.quantile(normal, 1 - false_alarms, method="higher"))


def detect(
    normal: Float64[np.ndarray, " N"], abnormal: Float64[np.ndarray, " A"], above: float
) -> Detection:
    """Scores of cases that are known to be normal and abnormal; those `above` are called abnormal."""
    if not (len(normal) and len(abnormal)):
        raise InputError(f"detect: expected normal and abnormal cases, got {len(normal)} and {len(abnormal)}")
    return _counted(above, float((abnormal > above).sum()), float((normal > above).sum()), len(normal), len(abnormal))


def area_under_curve(normal: Float64[np.ndarray, " N"], abnormal: Float64[np.ndarray, " A"]) -> float:
    """The chance that an abnormal case scores higher than a normal one, ties for one half (ROC AUC)."""
    both = np.sort(normal)
    below, upto = (np.searchsorted(both, abnormal, side) for side in ("left", "right"))
    return float((below + upto).mean() / 2 / len(normal))


def average_precision(normal: Float64[np.ndarray, " N"], abnormal: Float64[np.ndarray, " A"]) -> float:
    """The mean precision at the scores of abnormal cases, each called at its score and above (AP)."""
    called = [np.sort(scores)[::-1] for scores in (normal, abnormal)]
    false, true = (np.searchsorted(-scores, -abnormal, side="right") for scores in called)
    return float((true / (true + false)).mean())


def _counted(above: float, found: float, false: float, normal: int, abnormal: int) -> Detection:
    precision = found / (found + false) if found + false else 0.0
    recall = found / abnormal
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return Detection(above, precision, recall, f1, false / normal)


def _asked(case: Case, kinds: Float64[np.ndarray, "T1 V1"], ends: bool) -> Float64[np.ndarray, " T"]:
    rows, truth = _rows(case, kinds, ends)
    return rows[np.arange(len(truth)), truth]


def _rows(case: Case, kinds: Float64[np.ndarray, "T1 V1"], ends: bool) -> tuple[np.ndarray, np.ndarray]:
    """What was said, and what happened: with the end as the last kind, or without it and its row."""
    if ends:
        return kinds, np.append(case.kinds, kinds.shape[1] - 1)
    return going_on(kinds), case.kinds
