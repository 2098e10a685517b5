"""Forecasts of a trained model from any origin: windows from an empty state, or one pass with the state carried."""
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from reprise.core.errors import InputError
from reprise.data.series.cycle import first_tick
from reprise.data.series.panel import Series
from reprise.data.series.scores import LEVELS
from reprise.forecasting.method import Forecast
from reprise.forecasting.scales import Scales
from reprise.models.forecast.forecast_model import ForecastModel
from reprise.models.forecast.heads import Point

__all__ = ["Block", "Fitted", "answers", "blocks_of", "told"]

STEPS, ANSWERS = 200_000, 4_000_000  # steps read at once, and numbers answered at once


class Fitted(NamedTuple):
    """What forecasts: a model, the scales of the series it has learnt from, and whether it reads them together."""

    model: ForecastModel
    scales: Scales
    together: bool
    lookback: int | None
    static: Tensor | None


class Block(NamedTuple):
    """Rows of a model: one series, or all together."""

    values: np.ndarray  # (T D), scaled
    known: np.ndarray  # (TF K)
    number: int
    origins: np.ndarray  # (O,)


def blocks_of(
    series: Sequence[Series], ends: Sequence[int] | None, origins: Sequence[np.ndarray] | None, scales: Scales,
    together: bool,
) -> list[Block]:
    """The series, scaled, up to their ends; `together` as one, whose covariates are those of all.

    Raises InputError for series together that differ in their clock or their covariates.
    """
    found = []
    for i, one in enumerate(series):
        end = len(one) if ends is None else int(ends[i])
        asked = np.zeros(0, np.int64) if origins is None else np.asarray(origins[i], np.int64)
        known = one.known if ends is None else one.known[:end]
        found.append(Block(scales.scaled(one)[:end, None], known, scales.numbers.get(one.name, 0), asked))
    if not together or not found:
        return found
    if len({(len(b.values), first_tick(s, scales.step)) for b, s in zip(found, series, strict=True)}) != 1:
        raise InputError("series that are read together must begin and end at the same times; read them one by one, "
                         "together=False")
    if any(not np.array_equal(block.known, found[0].known) for block in found):
        raise InputError("series that are read together have the same covariates, known of all; read them one by one, "
                         "together=False")
    return [found[0]._replace(values=np.concatenate([b.values for b in found], 1))]


def answers(fitted: Fitted, blocks: Sequence[Block], horizon: int) -> Iterator[Tensor]:
    """Parameters (O H D E) of the forecasts of each block, in order."""
    model = fitted.model
    if horizon > model.horizon:
        yield from (_rolled(fitted, block, horizon) for block in blocks)
    elif fitted.lookback is not None:
        yield from (_windowed(fitted, block, horizon)[:, :horizon] for block in blocks)
    else:
        for group in _groups(blocks, model):
            yield from (answer[:, :horizon] for answer in _read_through(fitted, group, horizon))


def _groups(blocks: Sequence[Block], model: ForecastModel) -> Iterator[Sequence[Block]]:
    """As many at once as memory is for, in order."""
    first, steps, asked, numbers = 0, 0, 0, model.horizon * model.width * model.head.size
    for last, block in enumerate(blocks):
        steps, asked, size = max(steps, len(block.values)), max(asked, len(block.origins)), last + 1 - first
        if last > first and (size * steps > STEPS or size * asked * numbers > ANSWERS):
            yield blocks[first:last]
            first, steps, asked = last, len(block.values), len(block.origins)
    if blocks:
        yield blocks[first:]


def _read_through(fitted: Fitted, group: Sequence[Block], horizon: int) -> list[Tensor]:
    """One pass over the series, their state carried; an answer at each origin, right as far as `horizon`."""
    model = fitted.model
    like = model.out.weight
    asked = max(len(b.origins) for b in group)
    if not asked:
        return [like.new_zeros(0, model.horizon, model.width, model.head.size) for _ in group]
    last = max(int(b.origins.max(initial=0)) for b in group)
    y = torch.zeros(len(group), last, model.width)
    known = torch.zeros(len(group), last + model.horizon, model.known) if model.known else None
    at = torch.zeros(len(group), asked, dtype=torch.int64)
    for row, block in enumerate(group):
        end = int(block.origins.max(initial=0))
        y[row, :end] = torch.from_numpy(block.values[:end])
        at[row, : len(block.origins)] = torch.from_numpy(block.origins - 1)
        if known is not None and end:
            known[row, : end + horizon] = _ahead(block, 0, end + horizon)
    lengths = torch.tensor([int(block.origins.max(initial=0)) for block in group])
    found, _ = model(y.to(like), known=None if known is None else known.to(like), at=at.to(like.device),
                     static=_static(fitted, group, like), lengths=None if (lengths == last).all() else lengths)
    return [found[row, : len(block.origins)] for row, block in enumerate(group)]


def _windowed(fitted: Fitted, block: Block, horizon: int) -> Tensor:
    """An answer from each window of `lookback` steps, or of fewer where there are no more, right as far as `horizon`.
    """
    model, like = fitted.model, fitted.model.out.weight
    found = like.new_zeros(len(block.origins), model.horizon, model.width, model.head.size)
    values, known = torch.from_numpy(block.values), None
    if model.known and len(block.origins):
        end = int(block.origins.max()) + horizon
        known = pad(_ahead(block, 0, end), (0, 0, 0, model.horizon - horizon))
    lengths = np.minimum(block.origins, fitted.lookback)
    for length in np.unique(lengths):
        places = np.flatnonzero(lengths == length)
        rows = max(min(STEPS // length, ANSWERS // found[:1].numel()), 1)
        for some in np.split(places, range(rows, len(places), rows)):
            first = torch.from_numpy(block.origins[some] - length)
            about = None if known is None else known.unfold(0, length + model.horizon, 1).mT[first].to(like)
            found[torch.from_numpy(some)] = model.windows(
                values.unfold(0, length, 1).mT[first].to(like), known=about,
                static=_static(fitted, [block] * len(some), like))
    return found


def _rolled(fitted: Fitted, block: Block, horizon: int) -> Tensor:
    """Beyond the model's horizon: from the state at each origin it goes on by its own point forecasts."""
    model, like = fitted.model, fitted.model.out.weight
    static = _static(fitted, [block], like)
    found = like.new_zeros(len(block.origins), horizon, model.width, model.head.size)
    state, read = model.initial_state(1), 0

    def known(first: int, end: int) -> Tensor | None:
        return _ahead(block, first, end)[None].to(like) if model.known else None

    for place in np.argsort(block.origins, kind="stable"):
        origin = int(block.origins[place])
        if fitted.lookback is not None:
            state, read = model.initial_state(1), max(origin - fitted.lookback, 0)
        y = torch.from_numpy(block.values[read:origin])[None].to(like)
        state, read = model.advance(y, state, known=known(read, origin), static=static), origin
        found[place] = model.forecast(state, horizon, known=known(origin, origin + horizon), static=static)[0]
    return found


def _ahead(block: Block, first: int, end: int) -> Float[Tensor, "T K"]:
    if end > len(block.known):
        raise InputError(f"covariates are known {len(block.known)} steps far, and a forecast needs them to step {end}; "
                         "give rows for the future, with the target left empty")
    return torch.from_numpy(block.known[first:end])


def _static(fitted: Fitted, blocks: Sequence[Block], like: Tensor) -> Tensor | None:
    if fitted.static is None or not fitted.model.static:
        return None
    return fitted.static.to(like)[torch.tensor([block.number for block in blocks])]


def told(fitted: Fitted, parameters: Float[Tensor, "O H E"], name: str) -> Forecast:
    """The forecasts of the series of that name, in its own units."""
    head, back = fitted.model.head, fitted.scales.back
    point = back(name, head.point(parameters).double().cpu().numpy())
    if isinstance(head, Point):
        return Forecast(point)
    levels = getattr(head, "levels", LEVELS)
    quantiles = head.quantiles(parameters, levels).double().cpu().numpy()
    return Forecast(point, back(name, quantiles), levels)
