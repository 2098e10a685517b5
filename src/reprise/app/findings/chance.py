"""What is more than chance between models that ran on a few seeds.

Seeds are few, so a model's noise is judged together with the others': means over seeds get a Student distribution
whose variance leans on the typical one (as in Smyth 2004, "Linear models and empirical Bayes methods"). Where all ran
the same seeds, what a seed does to all alike is taken out first. Two models are told apart only if their distance
would be rare among as many equal ones (Tukey's honest significance, by simulation): the first of twelve was also lucky.
"""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from reprise.app.findings.measure import Measure
from reprise.app.findings.summary import Model, Pairs, Spread

__all__ = ["Judgement", "costs", "finished", "judge", "pairs", "spread"]

DRAWS = 4000
RARE = 0.03  # how often equal models may be told apart, all pairs together
LEANING = 4  # degrees of freedom that the typical variance counts for beside a model's own

Values = Sequence[Sequence[float]]
PerModel = Float64[np.ndarray, " M"]


@dataclass(frozen=True, eq=False)
class Judgement:
    """What seeds say about M models; chances and margins are NaN, and none is apart, where they say nothing."""

    better: Float64[np.ndarray, "M M"]  # the chance that row is better than column
    best: PerModel  # the chance to be the best of all
    apart: Bool[np.ndarray, "M M"]
    margin: PerModel  # how far from a number without noise, such as a baseline's, is more than chance


def spread(values: Sequence[float]) -> Spread:
    """Scores over seeds, in the order of the seeds; one seed has no ends."""
    several = len(values) > 1
    return Spread(median=float(np.median(values)), low=float(min(values)) if several else None,
                  high=float(max(values)) if several else None, values=[float(value) for value in values])


def finished(models: Sequence[Model], measure: Measure) -> list[Model]:
    """The models that have a result, best first."""
    done = [model for model in models if model["status"] == "done"]
    return sorted(done, key=lambda model: measure.cost(model["score"]["median"]))


def costs(models: Sequence[Model], measure: Measure) -> list[list[float]]:
    """What `judge` is given: of each model, its costs in the order of the seeds."""
    return [[measure.cost(score) for score in model["score"]["values"]] for model in models]


def pairs(models: Sequence[Model], measure: Measure) -> Pairs:
    """The chance that one model is better than another, and the best of all, for those that finished, best first."""
    order = finished(models, measure)
    judged = judge(costs(order, measure), measure.least)
    better = [[_known(chance) for chance in row] for row in judged.better]
    return Pairs(names=[model["name"] for model in order], better=better, best=[_known(c) for c in judged.best])


def judge(values: Values, least: float) -> Judgement:
    """What can be said about models from their costs: a list a model, in the order of the seeds; less is better.

    least: noise that there always is, for less is nobody's difference. Paired by seed where every list has the same
    length. Always the same answer for the same values.
    """
    count = len(values)
    if all(len(row) < 2 for row in values):
        unknown = np.full(count, np.nan)
        return Judgement(np.full((count, count), np.nan), unknown, np.zeros((count, count), bool), unknown)
    means = np.array([np.mean(row) for row in values])
    scale, draws = _noise(values, least, paired=count > 1 and len({len(row) for row in values}) == 1)
    worlds = means + draws
    better = np.array([(worlds[:, [i]] < worlds).mean(axis=0) for i in range(count)])
    np.fill_diagonal(better, 0.5)
    best = np.bincount(worlds.argmin(axis=1), minlength=count) / DRAWS
    between = np.sqrt(scale[:, None] ** 2 + scale**2)
    rows, columns = np.triu_indices(count, 1)
    reach = _rare(np.abs(draws[:, rows] - draws[:, columns]) / between[rows, columns])
    apart = np.abs(means[:, None] - means) > reach * between
    alone, lone_draws = _noise(values, least, paired=False)
    return Judgement(better, best, apart, alone * _rare(np.abs(lone_draws / alone)))


def _noise(values: Values, least: float, paired: bool) -> tuple[PerModel, Float64[np.ndarray, "S M"]]:
    """The standard error of every model's mean, and draws of what that mean may be off by."""
    counts = np.array([len(row) for row in values])
    residuals = [np.asarray(row) - np.mean(row) for row in values]
    freedom, share = int((counts - 1).sum()), 1.0
    if paired:
        alike = np.median(residuals, axis=0)
        residuals = [row - alike - np.mean(row - alike) for row in residuals]
        share = 1 - 1 / len(counts)  # of the noise is left when what is alike is taken out
        freedom = int((counts[0] - 1) * (len(counts) - 1))
    squares = np.array([np.sum(row**2) for row in residuals]) / share
    own = counts - 1
    known = own > 0
    shape = (1 - 2 / (9 * own[known])) ** 3  # the median of chi-square over its mean, so that it estimates the mean
    typical = np.median(squares[known] / own[known] / shape)
    variance = (LEANING * typical + squares) / (LEANING + own)
    scale = np.sqrt(np.maximum(variance, least**2) / counts)
    generator = np.random.default_rng(0)
    return scale, scale * generator.standard_t(np.minimum(LEANING + own, freedom), (DRAWS, len(counts)))


def _rare(distances: Float64[np.ndarray, "S P"]) -> float:
    """What the largest distance seldom exceeds when all there is is noise."""
    return float(np.quantile(distances.max(axis=1), 1 - RARE)) if distances.size else np.inf


def _known(chance: float) -> float | None:
    return None if np.isnan(chance) else round(float(chance), 4)
