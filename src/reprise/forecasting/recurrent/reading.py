"""Forecasts of a trained model from any origin: windows from an empty state, or one pass with the state carried."""
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

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
    """The series, scaled, up to their ends."""
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
    return [found[0]._replace(values=np.concatenate([b.values for b in found], 1))]


def answers(fitted: Fitted, blocks: Sequence[Block], horizon: int) -> Iterator[Tensor]:
    """Parameters (O H D E) of the forecasts of each block, in order."""
    model = fitted.model
    if horizon > model.horizon:
        yield from (_rolled(fitted, block, horizon) for block in blocks)
    elif fitted.lookback is not None:
        yield from (_windowed(fitted, block)[:, :horizon] for block in blocks)
    else:
        for group in _groups(blocks, model):
            yield from (answer[:, :horizon] for answer in _read_through(fitted, group))


def _groups(blocks: Sequence[Block], model: ForecastModel) -> Iterator[Sequence[Block]]:
    """As many at once as memory is for, in order."""
    first = 0
    while first < len(blocks):
        last, steps, answers = first, 0, 0
        while last < len(blocks):
            size = len(blocks) and (last + 1 - first)
            steps = size * max(len(b.values) for b in blocks[first : last + 1])
            answers = size * max(len(b.origins) for b in blocks[first : last + 1])
            answers *= model.horizon * model.width * model.head.size
            if last > first and (steps > STEPS or answers > ANSWERS):
                break
            last += 1
        yield blocks[first:last]
        first = last


def _read_through(fitted: Fitted, group: Sequence[Block]) -> list[Tensor]:
    """One pass over the series, their state carried; an answer at each origin."""
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
        if known is not None:
            known[row, : end + model.horizon] = _ahead(block, 0, end + model.horizon)
    lengths = torch.tensor([int(block.origins.max(initial=0)) for block in group])
    found, _ = model(y.to(like), known=None if known is None else known.to(like), at=at.to(like.device),
                     static=_static(fitted, group, like), lengths=None if (lengths == last).all() else lengths)
    return [found[row, : len(block.origins)] for row, block in enumerate(group)]


def _windowed(fitted: Fitted, block: Block) -> Tensor:
    """An answer from each window of `lookback` steps, or of fewer where there are no more."""
    model, like = fitted.model, fitted.model.out.weight
    found = like.new_zeros(len(block.origins), model.horizon, model.width, model.head.size)
    lengths = np.minimum(block.origins, fitted.lookback)
    for length in np.unique(lengths):
        places = np.flatnonzero(lengths == length)
        rows = max(min(STEPS // length, ANSWERS // found[:1].numel()), 1)
        for some in np.split(places, range(rows, len(places), rows)):
            origins = block.origins[some]
            found[torch.from_numpy(some)] = model.windows(
                _stack(block.values, origins, length).to(like), known=_known(block, origins, length, model),
                static=_static(fitted, [block] * len(some), like))
    return found


def _rolled(fitted: Fitted, block: Block, horizon: int) -> Tensor:
    """Beyond the model's horizon: from the state at each origin it goes on by its own point forecasts."""
    model, like = fitted.model, fitted.model.out.weight
    static = _static(fitted, [block], like)
    ahead = -(-horizon // model.horizon) * model.horizon
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
        found[place] = model.forecast(state, horizon, known=known(origin, origin + ahead), static=static)[0]
    return found


def _stack(values: np.ndarray, origins: np.ndarray, length: int) -> Float[Tensor, "O L D"]:
    every = torch.from_numpy(values).unfold(0, length, 1).mT
    return every[torch.from_numpy(origins - length)]


def _known(block: Block, origins: np.ndarray, length: int, model: ForecastModel) -> Tensor | None:
    if not model.known:
        return None
    _ahead(block, 0, int(origins.max()) + model.horizon)
    return _stack(block.known, origins + model.horizon, length + model.horizon).to(model.out.weight)


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
