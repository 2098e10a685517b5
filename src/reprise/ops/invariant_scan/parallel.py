"""The same recurrence by doubling: after j rounds every h has seen 2^j steps, and A^(2^j) brings it as many more.

log T rounds, each one product of matrices (Hillis & Steele 1986, doi:10.1145/7902.7903). The gradient is the same
recurrence from the right with the transposed matrix, so no round is kept, and it can be differentiated again.
"""
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import linear

__all__ = ["invariant_scan"]


def invariant_scan(
    b: Float[Tensor, "B T H N"], A: Float[Tensor, "#H N N"], h: Float[Tensor, "B H N"],
    fresh: Bool[Tensor, "B T"] | None,
) -> Float[Tensor, "B T H N"]:
    sequence = None
    if fresh is not None:
        sequence = torch.cat([fresh.new_zeros(len(fresh), 1), fresh], 1).cumsum(1)[..., None, None]
    return _Scan.apply(A, torch.cat([h[:, None], b], 1), sequence)[:, 1:]


class _Scan(torch.autograd.Function):
    """b_0 is the memory before the first step. `sequence`: which one of its row each step belongs to."""

    @staticmethod
    def forward(A, b, sequence):
        every, span = b, 1
        while span < b.shape[1]:
            moved = _of_same(sequence, _times(A, every[:, :-span]), span)
            every = torch.cat([every[:, :span], every[:, span:] + moved], 1)
            A, span = A @ A, 2 * span
        return every.clone() if every is b else every

    @staticmethod
    def setup_context(ctx, inputs, output):
        A, _, sequence = inputs
        ctx.save_for_backward(A, sequence, output)

    @staticmethod
    def backward(ctx, grad):
        A, sequence, every = ctx.saved_tensors
        backwards = None if sequence is None else sequence.flip(1)
        grad_b = _Scan.apply(A.mT, grad.flip(1), backwards).flip(1)
        before = _of_same(sequence, every[:, :-1], 1)
        grad_A = torch.einsum("bthm,bthn->hmn", grad_b[:, 1:], before)
        return grad_A if len(A) == len(grad_A) else grad_A.sum(0, keepdim=True), grad_b, None


def _of_same(sequence: Int[Tensor, "B T 1 1"] | None, moved: Tensor, span: int) -> Tensor:
    """What comes from `span` steps before, zero where another sequence was then."""
    return moved if sequence is None else torch.where(sequence[:, span:] == sequence[:, :-span], moved, 0.0)


def _times(A: Float[Tensor, "#H N N"], h: Float[Tensor, "B T H N"]) -> Float[Tensor, "B T H N"]:
    return linear(h, A[0]) if len(A) == 1 else torch.einsum("bthn,hmn->bthm", h, A)
