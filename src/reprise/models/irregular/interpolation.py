"""Reading through reference times: what was seen, brought to times that all series share."""
from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from reprise.core.errors import InputError, check_counts
from reprise.data.irregular.series import Aligned
from reprise.models.irregular.reader import Reader
from reprise.models.stack import Stack

__all__ = ["KernelInterpolation", "MultiTimeAttention", "ReferenceReader"]

NOTHING = 1e-6  # a weight below which nothing is known


class ReferenceReader(Reader):
    """Features of all channels at any times, by the author's `features`; at reference times a stack reads them.

    References are `points` times from 0 to `span`. It sees all of a series at once, the later part too: not for
    streams. Raises InputError for sizes below 1 and a span that is none.
    """

    def __init__(self, channels: int, width: int, features: int, *, span: float, points: int, layer: str, depth: int):
        super().__init__()
        check_counts(type(self).__name__, channels=channels, width=width, points=points, depth=depth)
        if not span > 0:
            raise InputError(f"{type(self).__name__}: expected a span of time above 0, got {span}")
        self.channels, self.width, self.span = channels, width, span
        self.register_buffer("references", torch.linspace(0, 1, points))
        self.into = nn.Linear(features, width)
        self.stack = Stack([layer] * depth, width)
        self.norm = nn.RMSNorm(width, 1e-6)

    @abstractmethod
    def features(self, x: Aligned, times: Float[Tensor, "B Q"]) -> Float[Tensor, "B Q F"]:
        """What events say of these times; all times, those of the events too, are shares of the span."""

    def whole(self, x):
        y = self.into(self._features(x, self.references.expand(len(x.time), -1)))
        return self.norm(self.stack(y)[0][:, -1])

    def at(self, x, times):
        return self.norm(self.into(self._features(x, times / self.span)))

    def _features(self, x: Aligned, times: Tensor) -> Tensor:
        self.check(x)
        seen = x.seen & x.real()[..., None]
        return self.features(x._replace(time=x.time / self.span, seen=seen), times)


class KernelInterpolation(ReferenceReader):
    """A Gaussian kernel smooths each channel, and says how much there was to smooth.

        w_td(r) = exp(-a_d ((r - t) P)^2) where d was seen at t;   features: sum_t w x / sum_t w, sum_t w
        a_d learned, P reference points

    Source   Shukla & Marlin 2019, arXiv:1909.07782, sec. 3.2   (shukla2019interpolation)
    Differs  one bandwidth a channel, without the second, wider one and without the mixing of channels
    """

    def __init__(self, channels: int, width: int, *, span: float, points: int = 20, layer: str = "gru", depth: int = 1):
        super().__init__(channels, width, 2 * channels, span=span, points=points, layer=layer, depth=depth)
        self.sharpness = nn.Parameter(torch.zeros(channels))

    def features(self, x, times):
        distance = (times[:, :, None] - x.time[:, None]) * len(self.references)
        weights = torch.exp(-softplus(self.sharpness) * distance.square()[..., None]) * x.seen[:, None]
        total = weights.sum(2)
        return torch.cat([(weights * x.value[:, None]).sum(2) / total.clamp_min(NOTHING), total], -1)


class MultiTimeAttention(ReferenceReader):
    """mTAN: each channel is a mean over its events, weighed by attention between learned embeddings of times.

        e(t) = [v t + c, sin(w_i t + b_i)], one a head;   s = (Q e(r)) . (K e(t)) / sqrt(E)
        features: sum_t softmax_t(s) x_td over the t at which d was seen, for each head; and whether there are any

    Source   Shukla & Marlin 2021, arXiv:2101.10318, sec. 3.1; reml-lab/mTAN   (shukla2021multi)
    Differs  frequencies start log-uniform up to that of two reference points, where theirs start within 1
    """

    def __init__(self, channels: int, width: int, *, span: float, points: int = 20, heads: int = 2, embedding: int = 16,
                 layer: str = "gru", depth: int = 1):
        check_counts("MultiTimeAttention", heads=heads, embedding=embedding)
        super().__init__(channels, width, (heads + 1) * channels, span=span, points=points, layer=layer, depth=depth)
        frequency = torch.rand(heads, embedding) * torch.log(torch.tensor(torch.pi * points))
        self.frequency = nn.Parameter(frequency.exp())
        self.phase = nn.Parameter(2 * torch.pi * torch.rand(heads, embedding))
        self.query, self.key = (nn.Parameter(torch.randn(heads, embedding, embedding) / embedding**0.5) for _ in "qk")

    def features(self, x, times):
        scores = torch.einsum("bqhe,bthe->bhqt", self._embed(times, self.query), self._embed(x.time, self.key))
        scores = scores / self.frequency.shape[1] ** 0.5
        scores = scores.masked_fill(~x.seen.any(2)[:, None, None], -torch.inf)
        top = torch.cat([scores, scores.new_zeros(*scores.shape[:3], 1)], -1).amax(-1, keepdim=True)
        weights, seen = torch.exp(scores - top), x.seen.to(x.value.dtype)
        held = weights @ seen[:, None]
        means = weights @ (x.value * seen)[:, None] / held.clamp_min(torch.finfo(held.dtype).tiny)
        some = x.seen.any(1)[:, None].to(x.value.dtype).expand(-1, times.shape[1], -1)
        return torch.cat([*means.unbind(1), some], -1)

    def _embed(self, times: Float[Tensor, "B Q"], into: Tensor) -> Float[Tensor, "B Q H E"]:
        angle = self.frequency * times[..., None, None] + self.phase
        embedded = torch.cat([angle[..., :1], torch.sin(angle[..., 1:])], -1)
        return torch.einsum("bqhe,hef->bqhf", embedded, into)
