"""Read-outs of a class, with one interface: scores, log-probabilities, the class that is meant."""
from abc import ABC, abstractmethod

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import log_softmax, nll_loss, one_hot, relu, softplus

from reprise.core.errors import InputError, check_counts, suggest
from reprise.layers.linear._wide import wide

__all__ = ["Head", "create_head", "list_heads"]

LEAST = 1e-7  # a probability is at least this, and at most one less this
TAIL = -30.0  # below this, log softplus(o) is o to within 1e-13


class Head(nn.Module, ABC):
    """o = W h + b, then a loss of its own. The class meant is the one with the largest score, whatever the loss."""

    def __init__(self, width: int, classes: int, bias: float = 0.0):
        super().__init__()
        check_counts(type(self).__name__, width=width, classes=classes)
        self.score = nn.Linear(width, classes)
        nn.init.constant_(self.score.bias, bias)

    def forward(self, h: Float[Tensor, "... D"]) -> Float[Tensor, "... E"]:
        return self.score(h)

    @abstractmethod
    def loss(self, h: Float[Tensor, "B D"], target: Int[Tensor, "B"]) -> Float[Tensor, ""]:
        """The mean over rows, in float32 at least."""

    def predict(self, h: Float[Tensor, "... D"]) -> Int[Tensor, "..."]:
        """By the scores before any rectifier: where all are rectified to zero, that still tells them apart."""
        return self(h).argmax(-1)


class SoftmaxHead(Head):
    """p = softmax(o); cross entropy."""

    def loss(self, h, target):
        return nll_loss(log_softmax(wide(self(h)), -1), target)


class ReLUHead(Head):
    """p_i = relu(o_i) / sum_j relu(o_j), kept within [1e-7, 1 - 1e-7]; cross entropy.

    A row all of whose scores are negative has no gradient, nor has one whose right score is. The bias starts at 0.1.
    Source: Agarap 2018, arXiv:1803.08375, with the normalisation that Keras gives cross entropy   (agarap2018deep)
    """

    def __init__(self, width: int, classes: int):
        super().__init__(width, classes, bias=0.1)

    def loss(self, h, target):
        positive = relu(wide(self(h)))
        p = positive / positive.sum(-1, keepdim=True).clamp_min(torch.finfo(positive.dtype).tiny)
        return nll_loss(p.clamp(LEAST, 1 - LEAST).log(), target)


class SoftplusHead(Head):
    """p_i = softplus(o_i) / sum_j softplus(o_j): as the rectified head, but every score has a gradient."""

    def loss(self, h, target):
        o = wide(self(h))
        log = torch.where(o < TAIL, o, softplus(o.clamp_min(TAIL)).log())
        return nll_loss(log_softmax(log, -1), target)


class HingeHead(Head):
    """A squared hinge for every class against the rest: sum_i max(0, 1 - t_i o_i)^2, t_i = 1 where right, else -1.

    Source: Tang 2013, arXiv:1306.0239, eq. 5   (tang2013deep)
    """

    def loss(self, h, target):
        o = wide(self(h))
        sign = 2 * one_hot(target, o.shape[-1]).to(o.dtype) - 1
        return relu(1 - sign * o).square().sum(-1).mean()


HEADS = {"softmax": SoftmaxHead, "relu": ReLUHead, "softplus": SoftplusHead, "hinge": HingeHead}


def create_head(name: str, width: int, classes: int) -> Head:
    """A read-out by name. Raises InputError for one unknown, with the nearest."""
    if name not in HEADS:
        raise InputError(f"no head is named {name!r}{suggest(name, HEADS)}")
    return HEADS[name](width, classes)


def list_heads() -> list[str]:
    return sorted(HEADS)
