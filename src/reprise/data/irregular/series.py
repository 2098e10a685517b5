"""Irregular series in three forms: lists of triples, matrices with a mask, and bins; and the ways between them."""
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from reprise.core.errors import InputError, check_counts
from reprise.core.marks import mark

__all__ = ["Aligned", "Triples", "align", "bins", "gather", "triples", "with_queries"]

ROUNDING = 1e-4  # of a bin: a time so little past the end of one belongs to it


class Triples(NamedTuple):
    """What was seen, one after another: when, in which channel, what; rows padded on the right with zeros."""

    time: Float[Tensor, "B N"]
    channel: Int64[Tensor, "B N"]
    value: Float[Tensor, "B N"]
    lengths: Int64[Tensor, "B"]


class Aligned(NamedTuple):
    """Events by their times, which never fall: values, zero where a channel was not seen, and where it was.

    An event at which nothing is seen is a question: what would there be? Bins are this too: a bin is an event at its
    end. lengths: of the rows, padded on the right with zeros; None where all are whole.
    """

    time: Float[Tensor, "B T"]
    value: Float[Tensor, "B T D"]
    seen: Bool[Tensor, "B T D"]
    lengths: Int64[Tensor, "B"] | None = None

    def take(self, rows: Tensor | slice) -> "Aligned":
        """Some of the rows, as tensors are indexed."""
        return Aligned(*(None if part is None else part[rows] for part in self))

    def piece(self, first: int, end: int) -> "Aligned":
        """The events from the one numbered `first` to before `end`, of every row."""
        end = min(end, self.time.shape[1])
        lengths = None if self.lengths is None else (self.lengths - first).clamp(0, end - first)
        return Aligned(*(part[:, first:end] for part in self[:3]), lengths)

    def real(self) -> Bool[Tensor, "B T"]:
        """Which events are no padding."""
        found = mark(self.time, self.lengths, None).real
        return torch.ones_like(self.time, dtype=torch.bool) if found is None else found


def gather(case: np.ndarray, time: np.ndarray, channel: np.ndarray, value: np.ndarray, cases: int) -> Triples:
    """Triples from four columns of a long table, in any order; `case` counts from 0 to below `cases`.

    A case may have no triples. Raises InputError for columns of unlike lengths, a case or channel below zero or a case
    that there is not, and for a time or value that is no finite number, with the row it is in.
    """
    check_counts("gather", cases=cases)
    columns = [np.asarray(column) for column in (case, time, channel, value)]
    if len({column.shape for column in columns}) != 1 or columns[0].ndim != 1:
        raise InputError(f"gather: expected four columns of one length, got {[c.shape for c in columns]}")
    case, time, channel, value = columns
    _check_column("case", case, (case < 0) | (case >= cases), f"from 0 to {cases - 1}")
    _check_column("channel", channel, channel < 0, "of 0 or more")
    for name, column in (("time", time), ("value", value)):
        _check_column(name, column, ~np.isfinite(column), "that is a finite number")
    order = np.lexsort((channel, time, case))
    counts = np.bincount(case, minlength=cases)
    row, place = case[order], np.arange(len(case)) - np.repeat(np.cumsum(counts) - counts, counts)
    padded = [np.zeros((cases, counts.max()), dtype) for dtype in (np.float32, np.int64, np.float32)]
    for into, column in zip(padded, columns[1:], strict=True):
        into[row, place] = column[order]
    return Triples(*map(torch.from_numpy, padded), torch.from_numpy(counts.astype(np.int64)))


def _check_column(name: str, column: np.ndarray, wrong: np.ndarray, want: str) -> None:
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(f"gather: row {row}: expected a {name} {want}, got {column[row]}; leave such rows out")


def align(series: Triples, channels: int) -> Aligned:
    """One event for each time in a row. What a channel says more than once at one time becomes its mean.

    Raises InputError for a triple of a channel that there is not, and for times that fall.
    """
    check_counts("align", channels=channels)
    real = mark(series.time, series.lengths, None).real
    if real.any() and int(series.channel[real].max()) >= channels:
        raise InputError(f"align: a triple is of channel {int(series.channel[real].max())}, and there are {channels}, "
                         "counted from 0; give more channels")
    new = torch.ones_like(real)
    new[:, 1:] = series.time[:, 1:] > series.time[:, :-1]
    if (real[:, 1:] & (series.time[:, 1:] < series.time[:, :-1])).any():
        raise InputError("align: times fall within a row; sort the triples by time, as `gather` does")
    event = (new & real).cumsum(1) - 1
    lengths = (new & real).sum(1)
    rows, places = torch.nonzero(real, as_tuple=True)
    return _collected(series, (rows, event[rows, places], series.channel[rows, places]), real, lengths, channels)


def _collected(series: Triples, index: tuple[Tensor, ...], real: Tensor, lengths: Tensor, channels: int) -> Aligned:
    """The mean of what falls on one place; the time of an event is that of any of its triples, for they are alike."""
    B, T = len(lengths), int(lengths.max()) if len(lengths) else 0
    time = series.time.new_zeros(B, T).index_put(index[:2], series.time[real])
    total = series.value.new_zeros(B, T, channels).index_put(index, series.value[real], accumulate=True)
    count = torch.zeros_like(total).index_put(index, torch.ones_like(series.value[real]), accumulate=True)
    return Aligned(time, total / count.clamp_min(1), count > 0, lengths)


def triples(series: Aligned) -> Triples:
    """What was seen, by row, time and channel: `align` takes it back, but for events at which nothing was seen."""
    rows, events, channel = torch.nonzero(series.seen & series.real()[..., None], as_tuple=True)
    lengths = torch.bincount(rows, minlength=len(series.time))
    N = int(lengths.max()) if len(lengths) else 0
    place = torch.arange(len(rows), device=rows.device) - (lengths.cumsum(0) - lengths)[rows]
    time, value = (series.time.new_zeros(len(lengths), N) for _ in range(2))
    time[rows, place], value[rows, place] = series.time[rows, events], series.value[rows, events, channel]
    into = rows.new_zeros(len(lengths), N)
    into[rows, place] = channel
    return Triples(time, into, value, lengths)


def bins(series: Aligned, width: float, count: int) -> Aligned:
    """The mean of each channel in each of `count` bins of `width` units of time, as events at their ends.

    A bin holds what came after the end of the one before, up to its own, the first also what came at time 0: at its
    time, all of it is known. Bins without anything are events at which nothing was seen. Raises InputError for an event
    outside all bins, which would be lost.
    """
    check_counts("bins", count=count)
    if not width > 0:
        raise InputError(f"bins: expected a width above 0, got {width}")
    real = series.real()
    place = (torch.ceil(series.time / width - ROUNDING) - 1).long().clamp_min(0)
    outside = real & ((place >= count) | (series.time < 0))
    if outside.any():
        raise InputError(f"bins: an event at {series.time[outside][0]:.6g} is outside {count} bins of {width}, which "
                         f"end at {count * width:.6g}; give more bins, or wider ones")
    B, D = len(series.time), series.value.shape[2]
    place = torch.where(real, place, 0)[..., None].expand_as(series.value)
    seen = (series.seen & real[..., None]).to(series.value.dtype)
    total = series.value.new_zeros(B, count, D).scatter_add(1, place, series.value * seen)
    number = torch.zeros_like(total).scatter_add(1, place, seen)
    ends = width * torch.arange(1, count + 1, dtype=series.time.dtype, device=series.time.device)
    return Aligned(ends.expand(B, -1), total / number.clamp_min(1), number > 0)


def with_queries(series: Aligned, times: Float[Tensor, "B Q"]) -> tuple[Aligned, Int64[Tensor, "B Q"]]:
    """The series with a question at each of these times, and where each of them now is; after what is at its time."""
    every = torch.cat([torch.where(series.real(), series.time, torch.inf), times], 1)
    order = every.argsort(dim=1, stable=True)
    T, Q = series.time.shape[1], times.shape[1]
    empty = series.value.new_zeros(len(times), Q, series.value.shape[2])
    value = torch.cat([series.value, empty], 1).take_along_dim(order[..., None], 1)
    seen = torch.cat([series.seen, empty.bool()], 1).take_along_dim(order[..., None], 1)
    sorted_times = every.take_along_dim(order, 1)
    lengths = None if series.lengths is None else series.lengths + Q
    merged = Aligned(torch.where(sorted_times.isfinite(), sorted_times, 0.0), value, seen, lengths)
    return merged, order.argsort(dim=1)[:, T:]
