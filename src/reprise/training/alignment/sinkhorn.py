"""How far two samples are apart, by the cheapest way to carry one over to the other, blurred."""
from math import log

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.errors import InputError, check_counts

__all__ = ["sinkhorn_divergence", "transport_cost"]


def sinkhorn_divergence(
    x: Float[Tensor, "*P N D"], y: Float[Tensor, "*P M D"], epsilon: float | Float[Tensor, "*P"], *,
    steps: int = 100, tolerance: float = 1e-3,
) -> Float[Tensor, "*P"]:
    """S(x, y) = W(x, y) - (W(x, x) + W(y, y)) / 2: zero where both samples are the same, above zero elsewhere.

    W is `transport_cost`, which by itself is not zero for a sample and itself, and draws it together.
    epsilon: the blur, in units of a squared distance: much less than distances between points makes it the true cost,
    slowly; much more leaves the distance of the means. A share of the mean squared distance, say 0.05, fits most.
    Shapes   any number of pairs of samples at once, of N and M points of D numbers, all points alike -> one number each
    Source   Genevay et al. 2018, arXiv:1706.00292; Feydy et al. 2019, arXiv:1810.08278   (feydy2019interpolating)
    Raises InputError for samples of other shapes or without a point, and for an epsilon of 0 or less.
    """
    pairs = (x, y), (x, x), (y, y)
    if x.shape == y.shape:  # all three at once
        costs = transport_cost(*map(torch.stack, zip(*pairs)), epsilon, steps=steps, tolerance=tolerance)
    else:
        costs = [transport_cost(a, b, epsilon, steps=steps, tolerance=tolerance) for a, b in pairs]
    between, of_x, of_y = costs
    return between - (of_x + of_y) / 2


def transport_cost(
    x: Float[Tensor, "*P N D"], y: Float[Tensor, "*P M D"], epsilon: float | Float[Tensor, "*P"], *,
    steps: int = 100, tolerance: float = 1e-3,
) -> Float[Tensor, "*P"]:
    """The least of <plan, |x_i - y_j|^2> + epsilon KL(plan | even plan), over plans that carry all of x to all of y.

        f_i = -epsilon log mean_j exp((g_j - |x_i - y_j|^2) / epsilon);   g_j likewise, in turn;   W = mean f + mean g

    in the domain of logarithms; with a large epsilon first, halved until it is what was asked for, then until no f
    moves by more than `tolerance` epsilon, at most `steps` times.
    The gradient is that of the last g alone, which at the optimum is that of W: memory does not grow with the steps.
    """
    if x.ndim < 2 or x.shape[:-2] + x.shape[-1:] != y.shape[:-2] + y.shape[-1:] or not x.shape[-2] * y.shape[-2]:
        raise InputError("transport_cost: expected samples (..., N, D) and (..., M, D) of a point or more, got "
                         f"{tuple(x.shape)} and {tuple(y.shape)}")
    check_counts("transport_cost", steps=steps)
    epsilon = torch.as_tensor(epsilon, dtype=x.dtype, device=x.device).detach()[..., None]
    if not (epsilon > 0).all():
        raise InputError(f"transport_cost: expected an epsilon above 0, got {epsilon.min().item():g}; try a twentieth "
                         "of the mean squared distance, and leave out samples whose points are all one")
    cost = squared_distances(x, y)
    f = _potential(cost.detach(), epsilon, steps, tolerance)
    return f.mean(-1) + _softmin(cost.mT, f, epsilon).mean(-1)


def squared_distances(x: Float[Tensor, "*P N D"], y: Float[Tensor, "*P M D"]) -> Float[Tensor, "*P N M"]:
    """|x_i - y_j|^2, by products of what is left without the mean of x."""
    centre = x.detach().mean(-2, keepdim=True)
    x, y = x - centre, y - centre
    return x.square().sum(-1)[..., :, None] + y.square().sum(-1)[..., None, :] - 2 * x @ y.mT


@torch.no_grad()
def _potential(cost: Float[Tensor, "*P N M"], epsilon: Float[Tensor, "*#P 1"], steps: int, tolerance: float) -> Tensor:
    """f at the optimum."""
    blur, g = cost.amax((-2, -1))[..., None], torch.zeros_like(cost[..., 0, :])
    while (blur > epsilon).any():
        blur = torch.maximum(blur, epsilon)
        g = _softmin(cost.mT, _softmin(cost, g, blur), blur)
        blur = blur / 2
    f = _softmin(cost, g, epsilon)
    for _ in range(steps - 1):
        before, f = f, _softmin(cost, _softmin(cost.mT, f, epsilon), epsilon)
        if ((f - before).abs() <= tolerance * epsilon).all():
            break
    return f


def _softmin(cost: Float[Tensor, "*P N M"], potential: Float[Tensor, "*P M"], epsilon: Tensor) -> Tensor:
    """(*P N): -epsilon log mean_j exp((potential_j - cost_ij) / epsilon)."""
    inner = (potential[..., None, :] - cost) / epsilon[..., None]
    return epsilon * (log(cost.shape[-1]) - inner.logsumexp(-1))
