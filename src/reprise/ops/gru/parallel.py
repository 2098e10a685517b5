"""The same recurrence without a graph over time: a step is one product and the gates, in place.

Backward first finds every derivative that needs no gradient, for all steps at once; a step is then one
multiplication and one product, and the gradient of U one product over all steps.
"""
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from reprise.core.marks import NO_MARKS, Marks, each_step, over
from reprise.ops.heads import block_diagonal

__all__ = ["gru"]


def gru(
    p: Float[Tensor, "B T G"], weight: Float[Tensor, "*H g d"], bias: Float[Tensor, "G"], h: Float[Tensor, "B D"],
    marks: Marks = NO_MARKS,
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B D"]]:
    every, _ = _GRU.apply(p, block_diagonal(weight), bias, h, *marks)
    return every, every[:, -1]


class _GRU(torch.autograd.Function):
    @staticmethod
    def forward(p, weight, bias, h, real, fresh):
        """Every h, and the gates (B T Q), Q = 4D, that backward needs: r, z, U h + c of the candidate, n."""
        gates = _before_the_product(p, bias)
        across, every = _transposed(weight), []
        for parts, real_t, fresh_t in zip(_parts(gates), each_step(real, p.shape[1]), each_step(fresh, p.shape[1])):
            product, rz, r, z, h_n, n = parts
            before = h if fresh_t is None else h.masked_fill(fresh_t, 0)
            product.addmm_(before, across)
            rz.sigmoid_()
            after = torch.lerp(n.addcmul_(r, h_n).tanh_(), before, z)
            h = after if real_t is None else torch.where(real_t, after, h)
            every.append(h)
        return torch.stack(every, 1), gates

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, weight, _, h, real, fresh = inputs
        every, gates = output
        ctx.mark_non_differentiable(gates)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(weight, h, every, gates, real, fresh)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad, _):
        if grad is None:
            return (None,) * 6
        weight, h, every, gates, real, fresh = ctx.saved_tensors
        before = torch.cat([h[:, None], every[:, :-1]], 1)
        if fresh is not None:
            before.masked_fill_(over(fresh, before), 0)
        into, kept = _derivatives(gates, before, Marks(real, fresh))
        grad_h = _back_in_time(into, kept, grad, weight, fresh)
        D = h.shape[1]
        product = into.flatten(0, 1)[:, : 3 * D]
        grad_p = torch.cat([into[..., : 2 * D], into[..., 3 * D :]], -1)
        return grad_p, product.t() @ before.flatten(0, 1), product.sum(0), grad_h, None, None


def _before_the_product(p: Tensor, bias: Tensor) -> Float[Tensor, "B T Q"]:
    rz, n = p.tensor_split([2 * p.shape[-1] // 3], -1)
    bias_rz, bias_n = bias.tensor_split([rz.shape[-1]])
    return torch.cat([rz + bias_rz, bias_n.expand_as(n), n], -1)


def _parts(gates: Float[Tensor, "B T Q"]):
    """Views of each step: what the product is added to, its two sigmoids, and r, z, U h + c, n."""
    D = gates.shape[-1] // 4
    whole = gates[..., : 3 * D], gates[..., : 2 * D], *gates.chunk(4, -1)
    return zip(*(part.unbind(1) for part in whole))


def _derivatives(gates: Tensor, before: Tensor, marks: Marks) -> tuple[Tensor, Tensor]:
    """Of h_t in the four gates before their nonlinearity (B T Q), and in h_{t-1} past them (B T D)."""
    r, z, h_n, n = gates.chunk(4, -1)
    into_n = torch.square(n).neg_().add_(1).mul_(1 - z)
    into_h_n = into_n * r
    into_r = (1 - r).mul_(into_h_n).mul_(h_n)
    into_z = (before - n).mul_(z).mul_(1 - z)
    into = torch.cat([into_r, into_z, into_h_n, into_n], -1)
    if marks.real is not None:
        into.masked_fill_(over(~marks.real, into), 0)
    return into, marks.pad(marks.restart(z, 0.0), 1.0)


def _back_in_time(
    into: Float[Tensor, "B T Q"], kept: Float[Tensor, "B T D"], grad: Float[Tensor, "B T D"],
    weight: Float[Tensor, "G D"], fresh: Bool[Tensor, "B T"] | None,
) -> Float[Tensor, "B D"]:
    """Turns the derivatives of h_t into gradients, in place; returns the gradient of the initial h."""
    arriving = [torch.zeros_like(grad[:, 0]), *grad.unbind(1)]
    reaching = arriving.pop()
    product = into[..., : len(weight)].unbind(1)
    gates, starts = into.unflatten(-1, (4, -1)).unbind(1), each_step(fresh, into.shape[1])
    steps = list(zip(gates, product, kept.unbind(1), arriving, starts))
    for into_t, product_t, kept_t, earlier, fresh_t in reversed(steps):
        into_t.mul_(reaching[:, None])
        through = product_t if fresh_t is None else product_t.masked_fill(fresh_t, 0)
        reaching = torch.addcmul(earlier, reaching, kept_t).addmm_(through, weight)
    return reaching


def _transposed(weight: Float[Tensor, "G D"]) -> Float[Tensor, "D G"]:
    """Laid out so that a product with few rows is up to a third faster: rows not a power of two apart in memory."""
    return torch.nn.functional.pad(weight.t(), (0, 16))[:, : len(weight)]
