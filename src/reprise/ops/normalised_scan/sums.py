"""From the sums of every step to what is read and carried, for fast paths: there the maxima are constants.

Nothing that is read depends on them, so no gradient need run through them over time. The state that is carried does:
its gradient in the last maximum reaches the one step whose s became it.
"""
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from reprise.ops.normalised_scan.average import Average, Running

__all__ = ["Sums", "finish"]


class Sums(NamedTuple):
    """The mean at every step, the denominators and maxima behind it, and the last numerator."""

    means: Float[Tensor, "B T *N"]
    denominators: Float[Tensor, "B T *_"]
    maxima: Float[Tensor, "B T *_"]
    numerator: Float[Tensor, "B *N"]


def finish(
    s: Float[Tensor, "B T *_"], log_w: Float[Tensor, "B T *_"], state: Running, sums: Sums
) -> tuple[Average, Running]:
    means, denominators, maxima, numerator = sums
    maxima = maxima.detach()
    log_weights = _LogWeight.apply(denominators, maxima)
    end = _End.apply(numerator, denominators[:, -1], maxima, s, log_w, state.maximum)
    return Average(means, log_weights), Running(*end)


class _LogWeight(torch.autograd.Function):
    """maxima + log(denominators), where zero has no gradient."""

    @staticmethod
    def forward(denominators, maxima):
        return denominators.log().add_(maxima)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, grad):
        (denominators,) = ctx.saved_tensors
        return torch.where(denominators > 0, grad / denominators, 0.0), None


class _End(torch.autograd.Function):
    """The last sums as functions of the last maximum too, which is the first one decayed, or some s."""

    @staticmethod
    def forward(numerator, denominator, maxima, s, log_w, maximum):
        return numerator.clone(), denominator.clone(), maxima[:, -1].clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_numerator, grad_denominator, grad_maximum):
        numerator, denominator, maxima, s, log_w, maximum = ctx.saved_tensors
        grad = (grad_maximum - grad_denominator * denominator
                - (grad_numerator * numerator).sum_to_size(denominator.shape))[:, None]
        decayed = torch.cat([maximum[:, None], maxima[:, :-1]], 1) + log_w
        stays = ((decayed > s).to(s.dtype) + (decayed >= s)) / 2
        since = stays.flip(1).cumprod(1).flip(1)  # of the last maximum, what each step had when it began
        after = torch.cat([since[:, 1:], torch.ones_like(since[:, :1])], 1)
        return grad_numerator, grad_denominator, None, grad * (after - since), grad * since, (grad * since)[:, 0]
