"""A language model whose texts end because the end only ever becomes likelier."""
import torch
from torch import nn
from torch.nn.functional import logsigmoid

from reprise.generation._ending import Ending

__all__ = ["MonotoneTerminating"]


class MonotoneTerminating(Ending):
    """The self-terminating language model: what is left for going on shrinks by a factor below 1 - least each step.

        1 - p(end | t) = prod_{s <= t} (1 - least) sigmoid(-z_end,s)
        p(v | t) = (1 - p(end | t)) softmax_{v != end}(z_v)

    The factors of a text count from its first step, which `begin` says is still to come. p(end | t) cannot fall, so
    a text of which only some places may be the last is modelled badly: `SelfTerminating` has no such bound.

    Source  Welleck et al. 2020, arXiv:2002.02492, the self-terminating recurrent model   (welleck2020consistency)
    """

    def __init__(self, model: nn.Module, end: int, least: float = 5e-4):
        super().__init__(model, end, least)

    def no_past(self, batch):
        """The logarithm of the product so far."""
        like = next(self.parameters())
        return like.new_zeros(batch, dtype=torch.promote_types(like.dtype, torch.float32))

    def goes_on(self, z, past, marks):
        factor = marks.pad(logsigmoid(-z).double() + self.log_go_on, 0.0)
        total = factor.cumsum(1)  # in float64: what a text began with is taken from sums over all before it
        left_out = -past.double()[:, None].expand_as(total)
        if marks.fresh is not None:  # sums fall, so the least of these is that of the last beginning
            left_out = torch.where(marks.fresh, total - factor, left_out).cummin(1).values
        every = total - left_out
        goes_on = every.clamp(max=self.log_go_on).to(z.dtype)  # below 1, or the end would have log 0
        return goes_on, every[:, -1].to(past.dtype) if z.shape[1] else past
