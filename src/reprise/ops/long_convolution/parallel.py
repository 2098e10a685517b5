"""The same convolution by Fourier transforms of blocks that overlap; by taps where sequences begin inside a row."""
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from reprise.core.marks import NO_MARKS, Marks, over

__all__ = ["long_convolution"]

BLOCK = 64  # outputs of one transform, at least


def long_convolution(
    x: Float[Tensor, "B T C"], kernel: Float[Tensor, "W C D"], tail: Float[Tensor, "B W-1 C"], marks: Marks = NO_MARKS
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B W-1 C"]]:
    past = torch.cat([tail, marks.pad(x, 0.0)], 1)  # no more than rounding comes of padding, but in a gradient it shows
    y = _by_blocks(past, kernel) if marks.fresh is None else _by_taps(past, kernel, marks)
    return y, _kept(past, tail.shape[1], marks)


def _by_blocks(past: Float[Tensor, "B W-1+T C"], kernel: Float[Tensor, "W C D"]) -> Float[Tensor, "B T D"]:
    """Each block with the W - 1 inputs before it: what wraps round in its transform falls on those.

    In float64, for what a transform rounds off at one step it spreads over all, small ones as well.
    """
    back, precision = len(kernel) - 1, past.dtype
    past, kernel = past.double(), kernel.double()
    T = past.shape[1] - back
    size = min(T, max(len(kernel), BLOCK))
    blocks = pad(past, (0, 0, 0, -T % size)).unfold(1, back + size, size)
    frequencies = torch.fft.rfft(kernel, n=back + size, dim=0)
    spectrum = torch.einsum("bncf,fcd->bndf", torch.fft.rfft(blocks), frequencies)
    y = torch.fft.irfft(spectrum, n=back + size)[..., back:]
    return y.transpose(2, 3).flatten(1, 2)[:, :T].to(precision)


def _by_taps(
    past: Float[Tensor, "B W-1+T C"], kernel: Float[Tensor, "W C D"], marks: Marks
) -> Float[Tensor, "B T D"]:
    """T W C D work: no transform knows where a sequence begins."""
    T, back = marks.fresh.shape[1], len(kernel) - 1
    t = torch.arange(T, device=past.device)
    behind = t - torch.where(marks.fresh, t, -back).cummax(1).values  # the tail is all of the first
    y = past[:, back:] @ kernel[0]
    for j in range(1, back + 1):
        then = past[:, back - j : back - j + T]
        y = y + torch.where(over(behind >= j, then), then, 0.0) @ kernel[j]
    return y


def _kept(past: Float[Tensor, "B W-1+T C"], back: int, marks: Marks) -> Float[Tensor, "B W-1 C"]:
    """The last inputs of each row, of its last sequence."""
    T = past.shape[1] - back
    slot = torch.arange(back, device=past.device)
    steps = slot + T if marks.real is None else slot + marks.real.sum(1, keepdim=True)
    kept = past[:, T:] if marks.real is None else past.take_along_dim(over(steps, past), 1)
    if marks.fresh is None:
        return kept
    t = torch.arange(T, device=past.device)
    start = torch.where(marks.fresh, t, -back).amax(1, keepdim=True)
    return torch.where(over(steps - back >= start, kept), kept, 0.0)
