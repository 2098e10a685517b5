"""A language model whose texts end, whatever decoder draws them."""
import torch
from torch import nn
from torch.nn.functional import logsigmoid

from reprise.generation._ending import Counted, Ending

__all__ = ["Counted", "SelfTerminating"]


class SelfTerminating(Ending):
    """The non-monotonic self-terminating language model: at step t a text ends with at least 1 - (1 - least)^t.

        1 - p(end | t) = (1 - least)^t sigmoid(-z_end);   p(v | t) = (1 - p(end | t)) softmax_{v != end}(z_v)

    z are the logits of the model inside, t counts the steps of a text from 1; `begin` starts to count anew, after a
    prompt. What comes out are log-probabilities, which cross entropy takes as logits, so it trains like any model.
    Where the bound is above 1/2, from t = log 2 / least on, greedy, top-k, nucleus and beam search must all end.

    Source  Choi et al. 2022, arXiv:2210.00660, eq. 7, 8   (choi2022non)
    """

    def __init__(self, model: nn.Module, end: int, least: float = 5e-4):
        super().__init__(model, end, least)

    def no_past(self, batch):
        return torch.zeros(batch, dtype=torch.int64, device=next(self.parameters()).device)

    def goes_on(self, z, past, marks):
        before, past = marks.positions(past, z.shape[1])
        step = (before + 1).to(torch.promote_types(z.dtype, torch.float32))  # bfloat16 cannot count past 256
        return logsigmoid(-z) + step * self.log_go_on, past
