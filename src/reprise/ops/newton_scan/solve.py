"""Newton's iteration over whole trajectories, and the gradient of its solution."""
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.ops.block_scan import block_scan
from reprise.ops.linear_scan import linear_scan
from reprise.ops.newton_scan.linearised import Linearised, Steps
from reprise.ops.newton_scan.settings import Convergence, Newton

__all__ = ["iterate", "with_gradient"]


def iterate(
    steps: Steps, every: Float[Tensor, "B T M"], newton: Newton
) -> tuple[Float[Tensor, "B T M"], Linearised, Convergence]:
    """The trajectory that solves h_t = f(p_t, h_{t-1}), f around it, and how well it does; from a guess.

    What is solved for is the correction, which shrinks, so that its rounding does not stay in the solution; where it
    is zero at one step, the next step is f to the last digit, so that no noise from later steps comes back.
    """
    guess, last, iterations = every, torch.inf, 0
    while True:
        around = Linearised(steps, every)
        after = around.after.detach()
        missing = after - every
        residual = float(missing.abs().max())
        found = Convergence(iterations, residual, newton.met(residual, last, float(every.abs().max()), steps.dtype))
        if found.converged or iterations == newton.limit:
            return every, around, found
        last, iterations = residual, iterations + 1
        better = after + _corrected(_derivative(around, newton), missing)
        # where products of Jacobians overflow, each step once more from where it was, or anew
        every = torch.where(better.isfinite(), better, torch.where(after.isfinite(), after, guess))


def with_gradient(every: Float[Tensor, "B T M"], around: Linearised, newton: Newton) -> Float[Tensor, "B T M"]:
    """The same trajectory; its gradient reaches whatever f saw: parameters, inputs, first memory."""
    return _Solution.apply(around.after, every, lambda grad: _adjoint(grad, around, newton))


class _Solution(torch.autograd.Function):
    """h where h_t = f(p_t, h_{t-1}): the gradient of each f_t is that of h_t and of all later ones through it."""

    @staticmethod
    def forward(after, every, adjoint):
        return every.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.adjoint = inputs[2]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        return ctx.adjoint(grad), None, None


def _adjoint(grad: Tensor, around: Linearised, newton: Newton) -> Tensor:
    """v_t = g_t + J_{t+1}' v_{t+1}. A diagonal is not all of J: then this is solved as the recurrence itself was."""
    every, derivative, last = torch.zeros_like(grad), None, torch.inf
    for _ in range(0 if newton.jacobian == "full" else newton.limit):
        missing = grad + _earlier(around.pull(every)) - every
        residual = float(missing.abs().max()) / max(1e-30, float(every.abs().max()))
        if newton.met(residual, last, 1.0, grad.dtype):
            return every
        last = residual
        derivative = _derivative(around, newton) if derivative is None else derivative
        every = every + _backwards(derivative, missing)
    return _backwards(around.jacobian("full"), grad)


def _derivative(around: Linearised, newton: Newton) -> Tensor:
    return around.jacobian(newton.jacobian) * (1 - newton.damping)


def _corrected(J: Tensor, b: Float[Tensor, "B T M"]) -> Float[Tensor, "B T M"]:
    """J_t d_{t-1}, where d_t = J_t d_{t-1} + b_t from d = 0; J_t is a matrix or a diagonal."""
    diagonal = J.ndim == b.ndim
    d = linear_scan(J, b, torch.zeros_like(b[:, 0]))[0] if diagonal else _dense(J, b)
    before = torch.cat([torch.zeros_like(d[:, :1]), d[:, :-1]], 1)
    return J * before if diagonal else (J @ before[..., None])[..., 0]


def _backwards(J: Tensor, g: Float[Tensor, "B T M"]) -> Float[Tensor, "B T M"]:
    """v_t = J_{t+1}' v_{t+1} + g_t from v = 0."""
    later = _earlier(J)
    if J.ndim == g.ndim:
        return linear_scan(later, g, torch.zeros_like(g[:, 0]), reverse=True)[0]
    return _dense(later.mT.flip(1), g.flip(1)).flip(1)


def _earlier(x: Float[Tensor, "B T ..."]) -> Float[Tensor, "B T ..."]:
    """All moved one step earlier: at step t what belonged to t + 1, and zero at the last."""
    return torch.cat([x[:, 1:], torch.zeros_like(x[:, :1])], 1)


def _dense(A: Float[Tensor, "B T M M"], b: Float[Tensor, "B T M"]) -> Float[Tensor, "B T M"]:
    """d_t = A_t d_{t-1} + b_t from d = 0."""
    return block_scan(A[:, :, None], b[:, :, None], torch.zeros_like(b[:, :1]))[0][:, :, 0]
