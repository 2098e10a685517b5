"""What language models share that decide at every step, apart from all else, whether their text ends."""
import math
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from reprise.core.errors import InputError
from reprise.core.marks import NO_MARKS, Marks, mark

__all__ = ["Counted", "Ending"]


class Counted(NamedTuple):
    """The model's own state, and what a row keeps of the steps of its text so far."""

    state: Any
    past: Any  # (B,)


class Ending(nn.Module, ABC):
    """p(v | t) = (1 - p(end | t)) softmax_{v != end}(z_v), around any language model with logits z.

    Authors write `no_past` and `goes_on`. What comes out are log-probabilities, which cross entropy takes as logits.
    """

    def __init__(self, model: nn.Module, end: int, least: float):
        super().__init__()
        if not 0 < least < 1:
            raise InputError(f"{type(self).__name__}: expected least, a chance above 0 and below 1, got {least}; "
                             "try 5e-4")
        self.model, self.end, self.log_go_on = model, end, math.log1p(-least)

    @abstractmethod
    def no_past(self, batch: int) -> Tensor:
        """What is kept of a text before its first step."""

    @abstractmethod
    def goes_on(self, z: Float[Tensor, "B T"], past: Tensor, marks: Marks) -> tuple[Float[Tensor, "B T"], Tensor]:
        """log(1 - p(end | t)) from the logits of the end, and what is kept after the last step."""

    def initial_state(self, batch: int) -> Counted:
        return Counted(self.model.initial_state(batch), self.no_past(batch))

    def begin(self, state: Counted) -> Counted:
        """The same state with its text still to come: what was read is a prompt."""
        return Counted(state.state, torch.zeros_like(state.past))

    def forward(
        self, tokens: Integer[Tensor, "B T"], state: Counted | None = None, *,
        lengths: Integer[Tensor, "B"] | None = None, resets: Bool[Tensor, "B T"] | None = None,
    ) -> tuple[Float[Tensor, "B T V"], Counted]:
        """Log-probabilities of the token after each one, and the state after; arguments as of any language model."""
        state = self.initial_state(len(tokens)) if state is None else state
        logits, inside = self.model(tokens, state.state, lengths=lengths, resets=resets)
        if not 0 <= self.end < logits.shape[-1]:
            raise InputError(f"{type(self).__name__}: end={self.end} is no token of the model's {logits.shape[-1]}")
        goes_on, past = self.goes_on(logits[..., self.end], state.past, mark(tokens, lengths, resets))
        return self._shared(logits, goes_on), Counted(inside, past)

    def step(self, token: Integer[Tensor, "B"], state: Counted) -> tuple[Float[Tensor, "B V"], Counted]:
        """The same function, one token at a time."""
        logits, inside = self.model.step(token, state.state)
        goes_on, past = self.goes_on(logits[:, None, self.end], state.past, NO_MARKS)
        return self._shared(logits, goes_on[:, 0]), Counted(inside, past)

    def _shared(self, logits: Float[Tensor, "*B V"], goes_on: Float[Tensor, "*B"]) -> Float[Tensor, "*B V"]:
        at_end = torch.arange(logits.shape[-1], device=logits.device) == self.end
        others = torch.log_softmax(logits.masked_fill(at_end, -math.inf), -1) + goes_on[..., None]
        ends = torch.log(-torch.expm1(goes_on))
        return torch.where(at_end, ends[..., None], others)
