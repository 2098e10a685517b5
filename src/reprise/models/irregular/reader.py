"""The one interface of what reads irregular series."""
from abc import ABC, abstractmethod
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from reprise.core.errors import InputError
from reprise.core.marks import mark
from reprise.data.irregular.series import Aligned, with_queries

__all__ = ["CausalReader", "Reader"]


class Reader(nn.Module, ABC):
    """What turns events of `channels` channels into vectors of `width`: one a series, or one at any time asked for."""

    channels: int
    width: int

    @abstractmethod
    def whole(self, x: Aligned) -> Float[Tensor, "B W"]:
        """What all of each series amounts to."""

    @abstractmethod
    def at(self, x: Aligned, times: Float[Tensor, "B Q"]) -> Float[Tensor, "B Q W"]:
        """What is known of each of these times: from all events, or, by a causal reader, from those before."""

    def check(self, x: Aligned) -> None:
        """Raises InputError for a series of other channels, or whose parts do not fit each other."""
        who, time, value = type(self).__name__, tuple(x.time.shape), tuple(x.value.shape)
        if len(time) != 2 or value != (*time, self.channels) or tuple(x.seen.shape) != value:
            raise InputError(f"{who}: expected times (B, T), values and what was seen of (B, T, {self.channels}), got "
                             f"{time}, {value} and {tuple(x.seen.shape)}")


class CausalReader(Reader):
    """One that goes from event to event and carries a state, so that a series may come piece by piece.

    A question is an event at which nothing is seen; answers to it may change what is read after it by no more than
    such an event does.
    """

    @abstractmethod
    def initial_state(self, batch: int) -> Any:
        """What is carried before the first event."""

    @abstractmethod
    def forward(self, x: Aligned, state: Any = None) -> tuple[Float[Tensor, "B T W"], Any]:
        """What is known at every event, it included, and the state after the last real one of each row."""

    def whole(self, x):
        y, _ = self(x)
        return mark(x.time, x.lengths, None).last(y, y.new_zeros(len(y), y.shape[2]))

    def at(self, x, times):
        merged, places = with_queries(x, times)
        return self(merged)[0].take_along_dim(places[..., None], 1)
