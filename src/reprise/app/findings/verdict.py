"""The verdict in plain words: which model is best, whether that is sure, whether a baseline does as well."""
from collections.abc import Sequence

import numpy as np

from reprise.app.findings.chance import finished, judge
from reprise.app.findings.summary import Baseline, Model

__all__ = ["verdict"]

NAMED = 4  # models that a sentence lists before it counts
LIKELY = 0.95  # a first that is this likely to be the best is said to be, even where others cannot be ruled out
TRAIN = "train longer (--budget)"


def verdict(models: Sequence[Model], baselines: Sequence[Baseline]) -> str:
    """One or two sentences for the top of the report.

    Models are told apart where their seeds differ by more than chance explains (`chance.py`); with one seed the
    order is given and called what it is.
    """
    order = finished(models)
    if not order:
        return "No model finished: below is what failed, and why."
    judged = judge([model["bits_per_byte"]["values"] for model in order])
    tied = [model for model, apart in zip(order, judged.apart[0]) if not apart]
    one_seed = bool(np.isnan(judged.margin[0]))
    reference = min(baselines, key=lambda baseline: baseline["bits_per_byte"], default=None)
    if reference and _median(order[0]) + _reach(judged.margin[0]) >= reference["bits_per_byte"]:
        said = _beaten(order[0], reference, judged.margin[0])
    elif one_seed:
        said = _leading(order) + _beyond(order[:1], reference)
    else:
        said = (_leading(order) if len(tied) == 1 else _tie(tied, judged.best[0])) + _beyond(tied, reference)
    return " ".join([said, *_remarks(models, one_seed)])


def _beaten(best: Model, reference: Baseline, margin: float) -> str:
    gap, name = _median(best) - reference["bits_per_byte"], best["name"]
    if abs(gap) <= _reach(margin):
        return (f"{name}, the best model, and {_the(reference)} cannot be told apart ({_bits(abs(gap))} bits per byte "
                f"between them): {TRAIN}.")
    ahead = f"{reference['bits_per_byte']:.3f} bits per byte, {_bits(gap)} less than {name}, the best of them"
    return f"{_the(reference).replace('the', 'The', 1)} beats every model in this budget ({ahead}): {TRAIN}."


def _leading(order: Sequence[Model]) -> str:
    first, *others = order
    if not others:
        return f"{first['name']} reaches {_median(first):.3f} bits per byte"
    less = f"{_bits(_median(others[0]) - _median(first))} less than {others[0]['name']}"
    return f"{first['name']} is best with {_median(first):.3f} bits per byte, {less}"


def _tie(tied: Sequence[Model], best: float) -> str:
    first, others = tied[0], tied[1:]
    gap = f"{_bits(_median(tied[-1]) - _median(first))} bits per byte"
    if best >= LIKELY:
        behind = f"only {gap} behind" if len(others) == 1 else f"at most {gap} behind"
        return f"{first['name']} is likely best, but {_names(others)}, {behind}, cannot be ruled out with so few seeds"
    between = "between them" if len(tied) == 2 else "from first to last"
    return f"{_names(tied)} cannot be told apart ({gap} {between}, within the noise of seeds)"


def _beyond(group: Sequence[Model], reference: Baseline | None) -> str:
    """How far the group is ahead of the best baseline; where not all of it is, its first."""
    if reference is None:
        return "."
    if _median(group[-1]) >= reference["bits_per_byte"]:
        group = group[:1]
        who = f"{group[0]['name']} beats"
    else:
        who = "it beats" if len(group) == 1 else "both beat" if len(group) == 2 else f"all {len(group)} beat"
    return f"; {who} {_the(reference)} by {_bits(reference['bits_per_byte'] - _median(group[-1]))}."


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
    return model["bits_per_byte"]["median"]


def _reach(margin: float) -> float:
    return 0.0 if np.isnan(margin) else margin


def _bits(gap: float) -> str:
    """Three places for what is small, two for what is not."""
    return f"{gap:.2f}" if gap >= 0.1 else f"{gap:.3f}"
