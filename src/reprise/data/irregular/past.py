"""What is known at an event of those before it, and carried on from one piece of a series to the next."""
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from reprise.core.marks import Marks
from reprise.data.irregular.series import Aligned

__all__ = ["Known", "Past", "look_back", "no_past"]


class Past(NamedTuple):
    """What is carried: times are absolute, so pieces of one series must be by one clock."""

    time: Float[Tensor, "B"]  # of the last event
    anchor: Float[Tensor, "B D"]  # when each channel was last seen; before that, of the first event
    last: Float[Tensor, "B D"]
    ever: Bool[Tensor, "B D"]
    begun: Bool[Tensor, "B"]


class Known(NamedTuple):
    """At every event: time since the one before, and since each channel was seen before; its last value, up to now."""

    elapsed: Float[Tensor, "B T"]  # 0 at the first event of all
    gap: Float[Tensor, "B T D"]  # of a channel never seen, since the first event
    last: Float[Tensor, "B T D"]  # 0 where never seen
    ever: Bool[Tensor, "B T D"]


def no_past(batch: int, channels: int, like: Tensor) -> Past:
    """Before anything was seen, in the kind of numbers that `like` has."""
    zeros = like.new_zeros(batch, channels)
    return Past(zeros.new_zeros(batch), zeros, zeros, zeros.bool(), zeros.new_zeros(batch, dtype=torch.bool))


def look_back(x: Aligned, past: Past, marks: Marks) -> tuple[Known, Past]:
    """What is known at each event from it and all before, never from later ones; and the past after the last.

        gap_t = time_t - time of the last event before t at which the channel was seen

    Source   Che et al. 2016, arXiv:1606.01865, sec. 2.1, for the gaps   (che2018recurrent)
    """
    if x.time.shape[1] == 0:
        empty = x.value
        return Known(x.time, empty, empty, x.seen), past
    first = torch.where(past.begun[:, None], past.anchor, x.time[:, :1])
    before = torch.cat([torch.where(past.begun, past.time, x.time[:, 0])[:, None], x.time[:, :-1]], 1)
    T = x.time.shape[1]
    number = torch.arange(1, T + 1, device=x.time.device)[:, None]
    newest = torch.where(x.seen, number, 0).cummax(1).values  # the event at which a channel was last seen, 0 for none
    times = torch.cat([first[:, None], x.time[..., None].expand_as(x.value)], 1)
    anchor = times.take_along_dim(newest, 1)
    last = torch.cat([past.last[:, None], x.value], 1).take_along_dim(newest, 1)
    ever = past.ever[:, None] | (newest > 0)
    gap = x.time[..., None] - torch.cat([first[:, None], anchor[:, :-1]], 1)
    known = Known(marks.pad(x.time - before, 0.0), marks.pad(gap, 0.0), last, ever)
    some = marks.real.any(1) if marks.real is not None else torch.ones_like(past.begun)
    after = Past(marks.last(x.time, past.time), marks.last(anchor, past.anchor), marks.last(last, past.last),
                 marks.last(ever, past.ever), past.begun | some)
    return known, after
