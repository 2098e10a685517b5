"""The same in chunks: a short convolution inside each, and a scan over what chunks hand on, all matrix products.

A chunk of C steps costs C + 4 N a number instead of a memory of N, and only one h a chunk is held. Where new sequences
begin inside rows, a chunk is no convolution, and every h is held as in the definition.
"""
import torch
from jaxtyping import Complex, Float
from torch import Tensor
from torch.nn.functional import pad

from reprise.core.marks import Marks
from reprise.ops.convolution_scan import reference
from reprise.ops.linear_scan import linear_scan

__all__ = ["convolution_scan"]

CHUNK = 32


def convolution_scan(
    x: Float[Tensor, "B T D"], filters: tuple, h: Complex[Tensor, "B D N"], marks: Marks
) -> tuple[Float[Tensor, "B T D"], Complex[Tensor, "B D N"]]:
    if marks.fresh is not None:
        return reference.convolution_scan(x, filters, h, marks)
    T, (decay, gain, C) = x.shape[1], filters
    size = min(CHUNK, 1 << (T - 1).bit_length())
    chunks = marks.pad(x, 0.0)
    chunks = pad(chunks, (0, 0, 0, -T % size)).unflatten(1, (-1, size))
    powers, whole = _powers(decay, size)
    backwards = chunks.flip(2)

    kernel = pad(2 * torch.einsum("dn,dns->ds", C * gain, powers).real, (size - 1, 0))
    inside = torch.einsum("dis,bksd->bkid", kernel.unfold(-1, size, 1), backwards)
    arriving = torch.einsum("dnsr,bksd->bkdnr", torch.view_as_real(gain[..., None] * powers), backwards)
    arriving = torch.view_as_complex(arriving.contiguous())
    after, _ = linear_scan(whole.expand(arriving.shape), arriving, h)
    starts = torch.cat([h[:, None], after], 1)
    reads = 2 * (decay * C)[..., None] * powers
    reads = torch.stack([reads.real, -reads.imag], -1)
    from_before = torch.einsum("dnir,bkdnr->bkid", reads, torch.view_as_real(starts[:, :-1]))
    y = (inside + from_before).flatten(1, 2)[:, :T]
    steps = x.new_full((len(x),), T, dtype=torch.int64) if marks.real is None else marks.real.sum(1)
    return y, _last(chunks, filters, starts, steps)


def _last(chunks: Tensor, filters: tuple, starts: Tensor, steps: Tensor) -> Complex[Tensor, "B D N"]:
    """h after so many steps of each row: what its last chunk started with, and the rest of the steps."""
    size = chunks.shape[2]
    row = torch.arange(len(chunks), device=steps.device)
    rest = chunks[row, (steps // size).clamp_max(chunks.shape[1] - 1)]
    real = torch.arange(size, device=steps.device) < (steps % size)[:, None]
    _, h = reference.convolution_scan(rest, filters, starts[row, steps // size], Marks(real))
    return h


def _powers(decay: Complex[Tensor, "D N"], size: int) -> tuple[Complex[Tensor, "D N C"], Complex[Tensor, "D N"]]:
    """decay^0 .. decay^(size - 1), by doubling, and decay^size."""
    powers, step = torch.ones_like(decay)[..., None], decay[..., None]
    while powers.shape[-1] < size:
        powers, step = torch.cat([powers, powers * step], -1), step * step
    return powers, step[..., 0]
