"""The scan as an operation of torch's, which differentiates and compiles: what all its kernels share."""
from collections.abc import Callable

import torch
from jaxtyping import Inexact
from torch import Tensor

from reprise.ops.custom_op import CustomOp

__all__ = ["operator", "rows"]


def operator(name: str, forward: Callable[..., Tensor], backward: Callable[..., tuple[Tensor, Tensor, Tensor]]):
    """`linear_scan` on kernels that take numbers (B T N); their arguments must be annotated.

    forward: a, b, h -> every h_t.   backward: a, h, every h_t and the gradient in it -> those in a (B T N), b and h.
    a is (B T N), or (1 1 N) where one decay serves all steps of all rows; h is (B N).
    """
    scan = CustomOp(f"reprise::linear_scan_{name}", forward)
    scan_backward = CustomOp(f"reprise::linear_scan_{name}_backward", backward)
    scan.register_fake(lambda a, b, h: _like(b))
    scan_backward.register_fake(lambda a, h, every, grad: (_like(every), _like(every), _like(h)))

    def gradients(ctx, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        a, h, every = ctx.saved_tensors
        grad_a, grad_b, grad_h = scan_backward(a, h, every, grad)
        return grad_a.sum_to_size(a.shape), grad_b, grad_h

    scan.register_autograd(gradients, setup_context=_keep)

    def linear_scan(
        a: Inexact[Tensor, "B T *N"], b: Inexact[Tensor, "B T *N"], h: Inexact[Tensor, "B *N"]
    ) -> Inexact[Tensor, "B T *N"]:
        return scan(*rows(a, b, h)).reshape(b.shape)

    return linear_scan


def rows(
    a: Inexact[Tensor, "B T *N"], b: Inexact[Tensor, "B T *N"], h: Inexact[Tensor, "B *N"]
) -> tuple[Inexact[Tensor, "_ _ M"], Inexact[Tensor, "B T M"], Inexact[Tensor, "B M"]]:
    """As kernels take them: one dimension of numbers."""
    if a.stride()[:2] == (0, 0):  # the same decay at every step: kept as one row
        a = a[:1, :1]
    if b.ndim == 2:
        a, b, h = a[..., None], b[..., None], h[..., None]
    return a.flatten(2), b.flatten(2), h.flatten(1)


def _keep(ctx, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
    a, _, h = inputs
    ctx.save_for_backward(a, h, output)


def _like(z: Tensor) -> Tensor:
    return torch.empty_like(z, memory_format=torch.contiguous_format)
