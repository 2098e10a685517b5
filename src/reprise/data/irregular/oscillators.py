"""Damped oscillators whose class is their frequency, looked at when chance has it."""
import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import one_hot
from torch.nn.utils.rnn import pad_sequence

from reprise.core.errors import InputError, check_counts
from reprise.data.irregular.series import Aligned

__all__ = ["Oscillators", "Sampled"]


class Sampled(NamedTuple):
    """Series, the class of each, and questions about them: times, and what every channel is then."""

    x: Aligned
    y: Int64[Tensor, "B"]
    times: Float[Tensor, "B Q"]
    values: Float[Tensor, "B Q D"]

    @property
    def size(self) -> int:
        """How many series."""
        return len(self.y)

    def take(self, rows: Tensor | slice) -> "Sampled":
        """Some of them."""
        return Sampled(self.x.take(rows), self.y[rows], self.times[rows], self.values[rows])


class Oscillators(NamedTuple):
    """Channels that swing at one frequency, that of the class, one behind the other, each with its size and damping.

        x_d(t) = a_d exp(-c_d t) sin(2 pi (f t + p + d / D)) + noise;   a in [0.7, 1.3], c in [0, 0.1], p in [0, 1]

    Events come as a Poisson process, `rate` of them expected in all `span` units of time. At each, every channel is
    seen with the chance 1 / 2 and at least one is; f, the same in all, is within 5 % of that of its class. Where
    `informative`, channels tell by how often they are seen: that
    whose number is the class, modulo `channels`, with the chance 0.7, others 0.4, which is as often in all.
    """

    frequencies: tuple[float, ...] = (0.15, 0.25, 0.4, 0.6)  # a unit of time
    channels: int = 3
    span: float = 10.0
    rate: float = 20.0
    noise: float = 0.1
    informative: bool = False

    def sample(self, rows: int, generator: torch.Generator, questions: int = 8) -> Sampled:
        """Fresh series of random classes. Raises InputError for sizes below 1 and a rate or span that is none."""
        check_counts("Oscillators", rows=rows, questions=questions, channels=self.channels)
        if not (self.rate > 0 and self.span > 0 and self.noise >= 0):
            raise InputError(f"Oscillators: expected a rate and a span above 0 and a noise of 0 or more, got "
                             f"rate={self.rate}, span={self.span}, noise={self.noise}")
        y = torch.randint(len(self.frequencies), (rows,), generator=generator)
        swing = self._swings(y, generator)
        time, lengths = self._times(rows, generator)
        seen = self._seen(y, time.shape[1], generator) & (time < torch.inf)[..., None]
        time = torch.where(time < torch.inf, time, 0.0)
        values = swing(time)
        values = values + self.noise * torch.randn(values.shape, generator=generator)
        asked = (self.span * torch.rand(rows, questions, generator=generator)).sort(1).values
        return Sampled(Aligned(time, torch.where(seen, values, 0.0), seen, lengths), y, asked, swing(asked))

    def _swings(self, y: Int64[Tensor, "B"], generator: torch.Generator):
        """The series without noise, as a function of times (B T)."""
        near, size, damping, phase = torch.rand(4, len(y), self.channels, generator=generator).unbind(0)
        phase = phase[:, :1] + torch.arange(self.channels) / self.channels
        f = torch.tensor(self.frequencies)[y, None] * (0.95 + 0.1 * near[:, :1])

        def at(time: Tensor) -> Tensor:
            angle = 2 * math.pi * (f[:, None] * time[..., None] + phase[:, None])
            return (0.7 + 0.6 * size)[:, None] * torch.exp(-0.1 * damping[:, None] * time[..., None]) * torch.sin(angle)

        return at

    def _times(self, rows: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Times of a Poisson process, sorted, infinite at padding; at least one."""
        counts = torch.poisson(torch.full((rows,), float(self.rate)), generator=generator).long().clamp_min(1)
        times = [(self.span * torch.rand(count, generator=generator)).sort().values for count in counts.tolist()]
        return pad_sequence(times, batch_first=True, padding_value=torch.inf), counts

    def _seen(self, y: Int64[Tensor, "B"], T: int, generator: torch.Generator) -> Tensor:
        chances = torch.full((len(y), 1, self.channels), 0.5)
        if self.informative:
            favoured = one_hot(y % self.channels, self.channels).bool()
            chances = torch.where(favoured, 0.7, 0.4)[:, None]
        seen = torch.rand(len(y), T, self.channels, generator=generator) < chances
        one = one_hot(torch.randint(self.channels, (len(y), T), generator=generator), self.channels).bool()
        return torch.where(seen.any(2, keepdim=True), seen, one)
