"""A language model whose texts end, whatever decoder draws them."""
import math
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int, Integer
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from reprise.core.errors import InputError
from reprise.core.marks import mark

__all__ = ["Counted", "SelfTerminating"]


class Counted(NamedTuple):
    """The model's own state, and how many steps of its text a row has seen."""

    state: Any
    position: Int[Tensor, "B"]


class SelfTerminating(nn.Module):
    """The non-monotonic self-terminating language model: at step t a text ends with at least 1 - (1 - least)^t.

        1 - p(end | t) = (1 - least)^t sigmoid(-z_end);   p(v | t) = (1 - p(end | t)) softmax_{v != end}(z_v)

    z are the logits of the model inside, t counts the steps of a text from 1; `begin` starts to count anew, after a
    prompt. What comes out are log-probabilities, which cross entropy takes as logits, so it trains like any model.
    Where the bound is above 1/2, from t = log 2 / least on, greedy, top-k, nucleus and beam search must all end.

    Source  Choi et al. 2022, arXiv:2210.00660, eq. 7, 8   (choi2022non)
    """

    def __init__(self, model: nn.Module, end: int, least: float = 5e-4):
        super().__init__()
        if not 0 < least < 1:
            raise InputError(f"SelfTerminating: expected least, a chance above 0 and below 1, got {least}; try 5e-4")
        self.model, self.end, self.log_go_on = model, end, math.log1p(-least)

    def initial_state(self, batch: int) -> Counted:
        device = next(self.parameters()).device
        return Counted(self.model.initial_state(batch), torch.zeros(batch, dtype=torch.int64, device=device))

    def begin(self, state: Counted) -> Counted:
        """The same state with its text still to come: what was read is a prompt."""
        return Counted(state.state, torch.zeros_like(state.position))

    def forward(
        self, tokens: Integer[Tensor, "B T"], state: Counted | None = None, *,
        lengths: Integer[Tensor, "B"] | None = None, resets: Bool[Tensor, "B T"] | None = None,
    ) -> tuple[Float[Tensor, "B T V"], Counted]:
        """Log-probabilities of the token after each one, and the state after; arguments as of any language model."""
        state = self.initial_state(len(tokens)) if state is None else state
        logits, inside = self.model(tokens, state.state, lengths=lengths, resets=resets)
        if not 0 <= self.end < logits.shape[-1]:
            raise InputError(f"SelfTerminating: end={self.end} is no token of the model's {logits.shape[-1]}")
        before, position = mark(tokens, lengths, resets).positions(state.position, tokens.shape[1])
        return self._ended(logits, before + 1), Counted(inside, position)

    def step(self, token: Integer[Tensor, "B"], state: Counted) -> tuple[Float[Tensor, "B V"], Counted]:
        """The same function, one token at a time."""
        logits, inside = self.model.step(token, state.state)
        return self._ended(logits, state.position + 1), Counted(inside, state.position + 1)

    def _ended(self, logits: Float[Tensor, "*B V"], t: Int[Tensor, "*B"]) -> Float[Tensor, "*B V"]:
        at_end = torch.arange(logits.shape[-1], device=logits.device) == self.end
        goes_on = logsigmoid(-logits[..., self.end]) + t * self.log_go_on
        others = torch.log_softmax(logits.masked_fill(at_end, -math.inf), -1) + goes_on[..., None]
        ends = torch.log(-torch.expm1(goes_on))
        return torch.where(at_end, ends[..., None], others)
