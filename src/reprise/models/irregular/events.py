"""Reading event by event: filled values, what was seen and how long ago into any layers; a state is carried."""
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from reprise.bases.timed import ELAPSED
from reprise.core.errors import InputError
from reprise.core.layer import SequenceLayer
from reprise.core.marks import mark
from reprise.data.irregular.past import Past, look_back, no_past
from reprise.data.irregular.series import bins
from reprise.layers import create_channel
from reprise.models.irregular.between import GAPS
from reprise.models.irregular.fill import Fill
from reprise.models.irregular.reader import CausalReader, Reader
from reprise.models.stack import Block

__all__ = ["Binned", "EventReader"]


class Carried(NamedTuple):
    """The state: what was seen, and the layers' own."""

    past: Past
    layers: tuple


class EventReader(CausalReader):
    """Values with their gaps filled, into a stack of layers, which are told of time beside.

        u = W [fill(x), seen?, elapsed?] + b;   blocks of norm, layer and channel mixer;   y = norm(u)

    layers: built ones, of one width: any; those that are `Timed` or `Aged` hear how much time passed, in `unit`s.
    mask: whether what was seen is an input.   elapsed: whether the time since the event before is one, in units.
    unit: the time that counts as one step; the typical one between events, the same for all series of a set.
    channel: the mixer of every block, None for none.
    Source   Shukla & Marlin 2020, arXiv:2012.00168, for the choices   (shukla2020survey)
    """

    def __init__(self, layers: Sequence[SequenceLayer], fill: Fill, *, mask: bool = True, elapsed: bool = False,
                 unit: float = 1.0, channel: str | None = "glu"):
        super().__init__()
        if not layers or not unit > 0:
            raise InputError(f"EventReader: expected layers, and a unit of time above 0, got {len(layers)} layers and "
                             f"unit={unit}")
        self.channels, self.width = len(fill.means), layers[0].width
        self.fill, self.mask, self.elapsed, self.unit = fill, mask, elapsed, unit
        self.into = nn.Linear(self.channels * (2 if mask else 1) + elapsed, self.width)
        self.blocks = nn.ModuleList(
            Block(self.width, layer, None if channel is None else create_channel(channel, self.width))
            for layer in layers)
        self.norm = nn.RMSNorm(self.width, 1e-6)

    def initial_state(self, batch):
        past = no_past(batch, self.channels, self.fill.means)
        return Carried(past, tuple(block.initial_state(batch) for block in self.blocks))

    def forward(self, x, state=None):
        self.check(x)
        marks = mark(x.time, x.lengths, None)
        past, carried = self.initial_state(len(x.time)) if state is None else state
        known, past = look_back(x, past, marks)
        known = known._replace(elapsed=known.elapsed / self.unit, gap=known.gap / self.unit)
        features = [self.fill(x, known)]
        if self.mask:
            features.append(x.seen.to(x.value.dtype))
        if self.elapsed:
            features.append(known.elapsed[..., None])
        y: Any = marks.pad(self.into(torch.cat(features, -1)), 0.0)
        beside, after = {ELAPSED: known.elapsed, GAPS: known.gap}, []
        for block, before in zip(self.blocks, carried, strict=True):
            y, end, beside = block.run_beside(y, before, marks, beside)
            after.append(end)
        return marks.pad(self.norm(y), 0.0), Carried(past, tuple(after))


class Binned(Reader):
    """A series cut into `count` bins of all its `span`, which `inner` reads one after another.

    A series that comes piece by piece is cut into bins first, by `bins`, and `inner` reads those as they end.
    """

    def __init__(self, inner: CausalReader, span: float, count: int):
        super().__init__()
        self.inner, self.bin, self.count = inner, span / count, count
        self.channels, self.width = inner.channels, inner.width

    def whole(self, x):
        self.check(x)
        return self.inner.whole(bins(x, self.bin, self.count))

    def at(self, x, times):
        """What was known at the end of the last bin that had ended by then."""
        self.check(x)
        y, _ = self.inner(bins(x, self.bin, self.count))
        ended = torch.floor(times / self.bin).long().clamp(0, self.count)
        return torch.cat([torch.zeros_like(y[:, :1]), y], 1).take_along_dim(ended[..., None], 1)
