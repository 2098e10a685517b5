"""The verdict in plain words: which model is best, whether that is sure, whether a baseline does as well."""
from collections.abc import Sequence

import numpy as np

from reprise.app.findings.chance import costs, finished, judge
from reprise.app.findings.measure import Measure
from reprise.app.findings.summary import Baseline, Model

__all__ = ["verdict"]

NAMED = 4  # models that a sentence lists before it counts
LIKELY = 0.95  # a first that is this likely to be the best is said to be, even where others cannot be ruled out
TRAIN = "train longer (--budget)"


def verdict(models: Sequence[Model], baselines: Sequence[Baseline], measure: Measure) -> str:
    """One or two sentences for the top of the report.

    Models are told apart where their seeds differ by more than chance explains (`chance.py`); with one seed the
    order is given and called what it is.
    """
    order = finished(models, measure)
    if not order:
        return "No model finished: below is what failed, and why."
    judged = judge(costs(order, measure), measure.least)
    tied = [model for model, apart in zip(order, judged.apart[0]) if not apart]
    one_seed = bool(np.isnan(judged.margin[0]))
    reach = 0.0 if one_seed else judged.margin[0]
    reference = min(baselines, key=lambda baseline: measure.cost(baseline["score"]), default=None)
    if reference and measure.cost(_median(order[0])) + reach >= measure.cost(reference["score"]):
        said = _beaten(order[0], reference, reach, measure)
    elif one_seed:
        said = _leading(order, measure) + _beyond(order[:1], reference, measure)
    else:
        leading = _leading(order, measure) if len(tied) == 1 else _tie(tied, judged.best[0], measure)
        said = leading + _beyond(tied, reference, measure)
    return " ".join([said, *_remarks(models, one_seed)])


def _beaten(best: Model, reference: Baseline, reach: float, measure: Measure) -> str:
    gap, name = measure.gap(_median(best), reference["score"]), best["name"]
    if abs(_median(best) - reference["score"]) <= reach:
        return (f"{name}, the best model, and {_the(reference)} cannot be told apart ({gap} {measure.words} "
                f"between them): {TRAIN}.")
    ahead = f"{measure.write(reference['score'])} {measure.words}, {gap} {measure.less} than {name}, the best of them"
    return f"{_the(reference).replace('the', 'The', 1)} beats every model in this budget ({ahead}): {TRAIN}."


def _leading(order: Sequence[Model], measure: Measure) -> str:
    first, *others = order
    reached = f"{measure.write(_median(first))} {measure.words}"
    if not others:
        return f"{first['name']} reaches {reached}"
    ahead = f"{measure.gap(_median(others[0]), _median(first))} {measure.less} than {others[0]['name']}"
    return f"{first['name']} is best with {reached}, {ahead}"


def _tie(tied: Sequence[Model], best: float, measure: Measure) -> str:
    first, others = tied[0], tied[1:]
    gap = f"{measure.gap(_median(tied[-1]), _median(first))} {measure.words}"
    if best >= LIKELY:
        behind = f"only {gap} behind" if len(others) == 1 else f"at most {gap} behind"
        return f"{first['name']} is likely best, but {_names(others)}, {behind}, cannot be ruled out with so few seeds"
    between = "between them" if len(tied) == 2 else "from first to last"
    return f"{_names(tied)} cannot be told apart ({gap} {between}, within the noise of seeds)"


def _beyond(group: Sequence[Model], reference: Baseline | None, measure: Measure) -> str:
    """How far the group is ahead of the best baseline; where not all of it is, its first."""
    if reference is None:
        return "."
    if measure.cost(_median(group[-1])) >= measure.cost(reference["score"]):
        group = group[:1]
        who = f"{group[0]['name']} beats"
    else:
        who = "it beats" if len(group) == 1 else "both beat" if len(group) == 2 else f"all {len(group)} beat"
    return f"; {who} {_the(reference)} by {measure.gap(reference['score'], _median(group[-1]))}."


def _remarks(models: Sequence[Model], one_seed: bool) -> list[str]:
    failed = sum(model["status"] == "failed" for model in models)
    remarks = ["One seed: no interval, so the order may be chance (--seeds 3 tells)."] if one_seed else []
    return remarks + ([f"{failed} of {len(models)} models failed."] if failed else [])


def _names(models: Sequence[Model]) -> str:
    names = [model["name"] for model in models]
    if len(names) > NAMED:
        return f"{', '.join(names[: NAMED - 1])} and {len(names) - NAMED + 1} others"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _the(baseline: Baseline) -> str:
    return f"the {baseline['name']}" if baseline["name"].endswith(("gram", "form")) else baseline["name"]


def _median(model: Model) -> float:
    return model["score"]["median"]
