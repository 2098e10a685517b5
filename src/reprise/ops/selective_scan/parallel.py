"""The same recurrence, a chunk of time at a time: only chunk borders are kept, the rest is computed anew for gradients.

The state lies as (B N D): every elementwise pass runs along D, and sums over N or D are matrix products.
"""
from math import isqrt, log

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["selective_scan"]

CACHED = 2**19  # numbers of one chunk's states that stay near the processor
LOG2_E = 1 / log(2)


def selective_scan(
    p: tuple[Float[Tensor, "B T _"], ...], A: Float[Tensor, "D N"], h: Float[Tensor, "B D N"],
    kept: Bool[Tensor, "B T"] | None,
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B D N"]]:
    y, h, _ = _SelectiveScan.apply(A.mT.contiguous(), h.mT.contiguous(), kept, torch.is_grad_enabled(), *p)
    return y, h.mT


class _SelectiveScan(torch.autograd.Function):
    @staticmethod
    def forward(A, h, kept, keep_borders, *p):
        reads, borders = [], []
        for kept_c, u_c, dt_c, B_c, C_c in _chunks(h, kept, *p):
            if keep_borders:
                borders.append(h)
            every = _states(_decay(dt_c, A, kept_c), _outer(B_c, dt_c * u_c), h)
            reads.append((C_c[:, :, None] @ every)[:, :, 0])
            h = every[:, -1].clone()
        return torch.cat(reads, 1), h, torch.stack(borders) if borders else h.new_empty(0)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.mark_non_differentiable(output[2])
        A, _, kept, _, *p = inputs
        ctx.save_for_backward(A, output[2], kept, *p)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_y, carry, _):
        A, borders, *rest = ctx.saved_tensors
        grads, grad_A = [], torch.zeros_like(A)
        pieces = [*_chunks(carry, *rest, grad_y)]
        for h, (*piece, gy) in zip(reversed(borders.unbind(0)), reversed(pieces), strict=True):
            of_p, of_A, carry = _chunk_backward(piece, A, h, gy, carry)
            grads.append(of_p)
            grad_A += of_A
        of_p = (torch.cat(z[::-1], 1) for z in zip(*grads, strict=True))
        return grad_A, carry, None, None, *of_p


def _chunk_backward(piece: list, A: Tensor, h: Tensor, gy: Tensor, carry: Tensor) -> tuple[tuple, Tensor, Tensor]:
    """Gradients of u, dt, B, C; of A; and of the state `h` at the border. `carry` is that of the state at the end."""
    kept, u, dt, B, C = piece
    decay, taken = _decay(dt, A, kept), dt * u
    every = _states(decay, _outer(B, taken), h)
    grad_C = (every @ gy[..., None])[..., 0]
    grad = _outer(C, gy)
    of_steps, decays = grad.unbind(1), decay.unbind(1)
    of_steps[-1].add_(carry)
    for now, later, left in zip(of_steps[-2::-1], of_steps[:0:-1], decays[:0:-1], strict=True):
        now.addcmul_(left, later)
    carry = decays[0] * of_steps[0]
    grad_B, grad_taken = (grad @ taken[..., None])[..., 0], (B[:, :, None] @ grad)[:, :, 0]
    grad[:, 0] *= h
    grad[:, 1:] *= every[:, :-1]
    grad *= decay  # from here on that of dt A, the logarithm of decay
    grad_dt = torch.mul(grad, A, out=every).sum(2) + grad_taken * u
    grad_A = grad.mul_(dt[:, :, None]).sum((0, 1))
    return (grad_taken * dt, grad_dt, grad_B, grad_C), grad_A, carry


def _chunks(h: Tensor, *z: Tensor | None) -> zip:
    """Time in pieces of sqrt(T) steps or of what the cache holds: few borders to keep, few states in between."""
    T = z[-1].shape[1]
    size = max(min(isqrt(T), CACHED // max(h.numel(), 1)), 8)
    return zip(*([None] * -(-T // size) if x is None else x.split(size, 1) for x in z), strict=True)


def _decay(dt: Float[Tensor, "B C D"], A: Float[Tensor, "N D"], kept: Tensor | None) -> Float[Tensor, "B C N D"]:
    decay = (dt[:, :, None] * (A * LOG2_E)).exp2_()  # on a CPU a third of the time of exp_
    return decay if kept is None else decay.masked_fill_(~kept[:, :, None, None], 0.0)


def _outer(N: Float[Tensor, "B C N"], D: Float[Tensor, "B C D"]) -> Float[Tensor, "B C N D"]:
    return N[..., None] * D[:, :, None]


def _states(decay: Float[Tensor, "B C N D"], new: Float[Tensor, "B C N D"], h: Float[Tensor, "B N D"]) -> Tensor:
    """The state after every step, written over `new`."""
    for decay_t, new_t in zip(decay.unbind(1), new.unbind(1), strict=True):
        h = new_t.addcmul_(decay_t, h)
    return new
