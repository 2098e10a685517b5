"""The selective scan as an operation of torch's, which differentiates and compiles: what all its kernels share.

The state lies as (B N D). Every `STEPS` steps it is kept; the backward pass computes what lies between anew.
"""
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from reprise.ops.custom_op import CustomOp

__all__ = ["STEPS", "operator", "outputs"]

STEPS = 32  # from one state that is kept to the next


def operator(name: str, forward: Callable[..., tuple[Tensor, ...]], backward: Callable[..., tuple[Tensor, ...]]):
    """`selective_scan` on kernels, whose arguments must be annotated.

    forward: A (N D), h (B N D), kept, whether borders are wanted, u, dt, B, C -> as `outputs`.
    backward: A, kept, u, dt, B, C, borders, gradients in y and in the last state -> in A, h, u, dt, B and C.
    """
    scan = CustomOp(f"reprise::selective_scan_{name}", forward)
    scan_backward = CustomOp(f"reprise::selective_scan_{name}_backward", backward)
    scan.register_fake(lambda A, h, kept, keep_borders, u, dt, B, C: outputs(h, keep_borders, u))
    scan_backward.register_fake(
        lambda A, kept, u, dt, B, C, borders, grad_y, grad_end: tuple(map(_like, (A, grad_end, u, dt, B, C))))

    def gradients(ctx, grad_y: Tensor | None, grad_end: Tensor | None, _):
        A, kept, *p, borders = ctx.saved_tensors
        grad_y = torch.zeros_like(p[0]) if grad_y is None else grad_y
        grad_end = torch.zeros_like(borders[:, 0]) if grad_end is None else grad_end
        of_A, of_h, *of_p = scan_backward(A, kept, *p, borders, grad_y, grad_end)
        return of_A, of_h, None, None, *of_p

    scan.register_autograd(gradients, setup_context=_keep)

    def selective_scan(
        p: tuple[Float[Tensor, "B T _"], ...], A: Float[Tensor, "D N"], h: Float[Tensor, "B D N"],
        kept: Bool[Tensor, "B T"] | None,
    ) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B D N"]]:
        keep_borders = torch.is_grad_enabled() and any(z.requires_grad for z in (*p, A, h))
        y, end, _ = scan(A.mT, h.mT, kept, keep_borders, *p)
        return y, end.mT

    return selective_scan


def outputs(h: Tensor, keep_borders: bool, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What is read (B T D), the last state (B N D), and if wanted the one before every `STEPS` steps (B parts N D)."""
    borders = h.new_empty(len(h), -(-u.shape[1] // STEPS) if keep_borders else 0, *h.shape[1:])
    return _like(u), _like(h), borders


def _like(z: Tensor) -> Tensor:
    return torch.empty_like(z, memory_format=torch.contiguous_format)


def _keep(ctx, inputs: tuple, output: tuple[Tensor, Tensor, Tensor]) -> None:
    A, _, kept, _, *p = inputs
    ctx.mark_non_differentiable(output[2])
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(A, kept, *p, output[2])
