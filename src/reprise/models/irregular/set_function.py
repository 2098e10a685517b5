"""Reading a series as a set of triples, in no order."""
import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import one_hot

from reprise.core.errors import InputError, check_counts
from reprise.core.marks import mark
from reprise.data.irregular.series import triples
from reprise.models.irregular.reader import Reader

__all__ = ["SetFunction"]


class SetFunction(Reader):
    """SeFT: a function of each triple, summed by attention that knows the set, each head on its own.

        e_j = [waves of the time, value, channel];   f_j = F e_j;   m = G mean_j(H e_j)
        a_j = softmax_j(q . K [m, e_j] / sqrt(d));   y = R [sum_j a_j f_j of every head];   F, H, R small networks

    waves: pairs of sine and cosine, of lengths from the span to `shortest` of it, evenly in their logarithms.
    It sees all of a series at once. Asked of a time, it answers from y and the waves of that time.
    Source   Horn et al. 2020, arXiv:1909.12064, sec. 3   (horn2020set)
    Differs  the shares of m's mean are equal, and one hidden layer where the authors search for their number
    """

    def __init__(self, channels: int, width: int, *, span: float, heads: int = 2, waves: int = 8,
                 shortest: float = 0.02, hidden: int | None = None):
        super().__init__()
        check_counts("SetFunction", channels=channels, width=width, heads=heads, waves=waves, hidden=hidden)
        if not span > 0 or not 0 < shortest <= 1:
            raise InputError(f"SetFunction: expected a span above 0 and shortest in (0, 1], got {span} and {shortest}")
        self.channels, self.width, self.span, self.heads = channels, width, span, heads
        hidden = 2 * width if hidden is None else hidden
        size = 2 * waves + 1 + channels
        self.register_buffer("rates", 2 * math.pi * torch.logspace(0, -math.log10(shortest), waves))
        self.element = nn.Sequential(nn.Linear(size, hidden), nn.ReLU(), nn.Linear(hidden, width))
        self.summary = nn.Sequential(nn.Linear(size, hidden), nn.ReLU(), nn.Linear(hidden, width))
        self.key = nn.Linear(width + size, heads * width)
        self.query = nn.Parameter(torch.randn(heads, width))
        self.out = nn.Sequential(nn.Linear(heads * width, hidden), nn.ReLU(), nn.Linear(hidden, width))
        self.asked = nn.Linear(width + 2 * waves, width)

    def whole(self, x):
        self.check(x)
        found = triples(x)
        real = mark(found.time, found.lengths, None).real
        channel = one_hot(found.channel, self.channels).to(found.value.dtype)
        e = torch.cat([self._waves(found.time), found.value[..., None], channel], -1)
        share = real.to(e.dtype) / found.lengths.clamp_min(1)[:, None]
        summary = (self.summary(e) * share[..., None]).sum(1, keepdim=True).expand(-1, e.shape[1], -1)
        keys = self.key(torch.cat([summary, e], -1)).unflatten(-1, (self.heads, -1))
        scores = torch.einsum("bnhw,hw->bnh", keys, self.query) / self.width**0.5
        weights = scores.masked_fill(~real[..., None], torch.finfo(scores.dtype).min).softmax(1) * real[..., None]
        return self.out(torch.einsum("bnh,bnw->bhw", weights, self.element(e)).flatten(1))

    def at(self, x, times):
        y = self.whole(x)[:, None].expand(-1, times.shape[1], -1)
        return self.asked(torch.cat([y, self._waves(times)], -1))

    def _waves(self, times: Float[Tensor, "B Q"]) -> Float[Tensor, "B Q S"]:
        angle = times[..., None] / self.span * self.rates
        return torch.cat([torch.sin(angle), torch.cos(angle)], -1)
