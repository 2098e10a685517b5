"""A model of logs of events: which kind comes next, and when."""
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn
from torch.nn import functional as F

from reprise.core.errors import InputError, check_counts
from reprise.data.batches import IGNORED
from reprise.data.events.batches import Events, Following
from reprise.models.events.clocks import create_clock
from reprise.models.norms import create_norm
from reprise.models.patterns import expand
from reprise.models.pretrained import Pretrained
from reprise.models.stack import Spec, Stack

__all__ = ["EventModel", "NextEvent"]

FEATURES = 2  # of a gap: its logarithm, and whether it is 0


class NextEvent(NamedTuple):
    """What is said of the event after each step."""

    kinds: Float[Tensor, "B T S"]  # logits of the V kinds and, last, of the end: S = V + 1
    clock: Float[Tensor, "B T P"] | None  # the numbers that the clock makes a distribution of; None without one


class EventModel(Pretrained):
    """Kinds, gaps and attributes in, a stack of any layers, the next kind and the time to it out; carries its state.

    The kind and the time are independent, given what came before.
    layers: the name of one, `depth` times, or of a published pattern; or a list of names (or of (name, options)).
    kinds: V, how many the vocabulary has; the model reads START and END beside them (data/events/batches.py).
    clock: None for logs without times, or (name, options) of a clock, best `clock_of("lognormal", gaps)` with the gaps
    of the training part.   gap_scale: mean and deviation of the logarithms of gaps that are read, `gap_scale_of(gaps)`.
    attributes: mean and deviation of each attribute, by which they are standardised; what is missing is then 0.

    >>> model = EventModel("gru", kinds=5, width=8)
    >>> x = Events(torch.tensor([[6, 0, 3]]), torch.zeros(1, 3), torch.zeros(1, 3, 0))
    >>> model(x)[0].kinds.shape
    torch.Size([1, 3, 6])

    Source   a recurrent network over marks and times, with a head for each: Du et al. 2016, KDD   (du2016recurrent)
    """

    def __init__(self, layers: str | Sequence[Spec], kinds: int, width: int = 64, depth: int = 1,
                 channel: Spec | None = "glu", dropout: float = 0.0, norm: Spec = "rms", *,
                 clock: Sequence | None = None, gap_scale: Sequence[float] = (0.0, 1.0),
                 attributes: Sequence[Sequence[float]] = ()):
        super().__init__()
        check_counts("EventModel", kinds=kinds, width=width)
        if len(gap_scale) != 2 or any(len(pair) != 2 for pair in attributes) or not all(
                math.isfinite(number) and spread > 0 for number, spread in (gap_scale, *attributes)):
            raise InputError(f"EventModel: expected a mean and a deviation above 0 for gaps and for each attribute, "
                             f"got {gap_scale} and {list(attributes)}")
        self.kinds, self.gap_scale = kinds, tuple(gap_scale)
        self.scales = tuple(tuple(pair) for pair in attributes)
        self.clock = None if clock is None else create_clock(clock)
        self.embedding = nn.Embedding(kinds + 2, width)
        beside = len(self.scales) + (0 if self.clock is None else FEATURES)
        self.beside = nn.Linear(beside, width, bias=False) if beside else None
        self.stack = Stack(expand(layers, depth) if isinstance(layers, str) else list(layers), width, channel, dropout,
                           norm)
        self.norm = create_norm(norm, width)
        self.kind_head = nn.Linear(width, kinds + 1)
        self.clock_head = None if self.clock is None else nn.Linear(width, self.clock.size)

    def initial_state(self, batch: int) -> Any:
        return self.stack.initial_state(batch)

    def forward(
        self, x: Events, state: Any = None, *, lengths: Integer[Tensor, "B"] | None = None,
        resets: Bool[Tensor, "B T"] | None = None,
    ) -> tuple[NextEvent, Any]:
        """What comes after each step, and the state after each row's last real one; arguments as of any layer.

        Raises InputError for what does not fit.
        """
        self._check(x, 2)
        y, state = self.stack(self._embed(x), state, lengths=lengths, resets=resets)
        return self._said(y), state

    def step(self, x: Events, state: Any) -> tuple[NextEvent, Any]:
        """The same function, one event at a time: kinds (B,), gaps (B,), attributes (B A)."""
        self._check(x, 1)
        y, state = self.stack.step(self._embed(x), state)
        return self._said(y), state

    def costs(self, said: NextEvent, y: Following) -> tuple[Float[Tensor, "B T"], Float[Tensor, "B T"]]:
        """Nats of each next kind, and of each time to it; 0 where it is not asked for."""
        logits = said.kinds.to(torch.promote_types(said.kinds.dtype, torch.float32))
        kinds = F.cross_entropy(logits.movedim(-1, 1), y.kinds, ignore_index=IGNORED, reduction="none")
        if said.clock is None:
            return kinds, torch.zeros_like(kinds)
        timed = y.gaps >= 0
        return kinds, torch.where(timed, self.clock.cost(said.clock, y.gaps), 0.0)

    def _embed(self, x: Events) -> Tensor:
        y = self.embedding(x.kinds)
        beside = []
        if self.clock is not None:
            mean, spread = self.gap_scale
            there = x.gaps > 0
            logarithm = (torch.where(there, x.gaps, 1.0).log() - mean) / spread
            beside += [torch.where(there, logarithm, 0.0), there]
        for place, (mean, spread) in enumerate(self.scales):
            beside.append(((x.attributes[..., place] - mean) / spread).nan_to_num(0.0))
        return y if self.beside is None else y + self.beside(torch.stack([part.to(y.dtype) for part in beside], -1))

    def _said(self, y: Tensor) -> NextEvent:
        y = self.norm(y)
        return NextEvent(self.kind_head(y), None if self.clock_head is None else self.clock_head(y))

    def _check(self, x: Events, dimensions: int) -> None:
        shape = tuple(x.kinds.shape)
        if x.kinds.ndim != dimensions or x.kinds.dtype != torch.int64:
            raise InputError(f"EventModel: expected kinds as int64 of shape {('(B,)', '(B, T)')[dimensions - 1]}, got "
                             f"{x.kinds.dtype} {shape}; forward reads (B, T), step one event a row")
        if x.gaps.shape != x.kinds.shape or tuple(x.attributes.shape) != (*shape, len(self.scales)):
            raise InputError(f"EventModel: expected gaps {shape} and attributes {(*shape, len(self.scales))}, got "
                             f"{tuple(x.gaps.shape)} and {tuple(x.attributes.shape)}")
        if x.kinds.numel() and not 0 <= int(x.kinds.min()) <= int(x.kinds.max()) <= self.kinds + 1:
            raise InputError(f"EventModel: expected kinds from 0 to {self.kinds + 1}, START and END included, got "
                             f"{int(x.kinds.min())} to {int(x.kinds.max())}; number the log under the vocabulary of "
                             "training (EventLog.under)")
