"""Series that depend on each other: groups of variables that follow a leader each, at a lag, and are never negative."""
from math import pi
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from reprise.core.errors import InputError, check_counts
from reprise.data.series.generated.families import coloured

__all__ = ["Coupled", "coupled"]


class Coupled(NamedTuple):
    """E entities with T steps of V variables, none below zero; the group and the lag of each variable."""

    values: Float64[np.ndarray, "E T V"]
    groups: Int64[np.ndarray, " V"]
    lags: Int64[np.ndarray, " V"]


def coupled(
    entities: int, steps: int, seed: int, *, variables: int = 12, groups: int = 3, period: int = 28, lag: int = 6,
    memory: float = 0.95, noise: float = 0.1,
) -> Coupled:
    """Each variable is its group's hidden course some steps ago, cut off at zero: about half of all values are zero.

        z_g,t = (sin(2 pi (t / period + phase_g)) + e_g,t) / 2;   y_v,t = gain_v max(0, z_g(v),t - lag_v + noise n)

    e is noise of deviation one with a memory; phases, e and n are drawn by entity. Variables take turns in groups, and
    in each the lags go up evenly from 0 to `lag`: who is at 0 shows what the others will do. Gains lie from 0.5 to 2.
    Raises InputError for fewer variables than groups, a lag below 0 and a memory not between -1 and 1.
    """
    check_counts("coupled", entities=entities, steps=steps, variables=variables, groups=groups, period=period)
    if variables < groups or lag < 0 or not -1 < memory < 1:
        raise InputError("coupled: expected a variable a group or more, a lag of 0 or more and a memory between -1 and "
                         f"1, got variables={variables}, groups={groups}, lag={lag}, memory={memory}")
    random = np.random.default_rng(seed)
    of, ranks = np.arange(variables) % groups, np.arange(variables) // groups
    lags = np.rint(lag * ranks / max(ranks.max(), 1)).astype(np.int64)
    gains, time = random.uniform(0.5, 2, variables), np.arange(steps + lag)
    values = np.empty((entities, steps, variables))
    for entity in range(entities):
        waves = np.sin(2 * pi * (time[:, None] / period + random.random(groups)))
        hidden = (waves + np.stack([coloured(len(time), memory, random) for _ in range(groups)], 1)) / 2
        followed = np.stack([hidden[lag - lags[v] :, of[v]][:steps] for v in range(variables)], 1)
        values[entity] = gains * np.maximum(followed + noise * random.normal(size=followed.shape), 0)
    return Coupled(values, of, lags)
