"""Judging tensors by row: a mean over everything hides the one row that is wrong.

A row is the last dimension at one (batch, time, head ...). Its error is the largest in it over the row's size (root
mean square), so a row that was zeroed, or off by a little at one time step only, cannot drown in the others.
"""
from collections.abc import Sequence

import torch
from jaxtyping import Float, Inexact
from torch import Tensor

__all__ = ["assert_rows_agree", "assert_rows_as_good", "row_errors"]

FLOOR = 16  # units in the last place that any path may be off, whatever the loop's luck


def row_errors(got: Inexact[Tensor, "... N"], exact: Inexact[Tensor, "... N"]) -> Float[Tensor, "..."]:
    """The largest error of every row over that row's size, in float64; what is not a number is infinitely wrong,
    and so is what is infinite on one side only.

    A row's size is at least a millionth of the tensor's, so that rows of nothing but rounding do not decide.
    """
    got, exact = (t.detach().to(torch.complex128 if t.is_complex() else torch.float64) for t in (got, exact))
    if got.shape != exact.shape:
        raise AssertionError(f"shape {tuple(got.shape)}, expected {tuple(exact.shape)}")
    if got.ndim == 0:
        got, exact = got[None], exact[None]
    if not exact.numel():
        return torch.zeros(exact.shape[:-1], dtype=torch.float64)
    endless = exact.isinf() & (got == exact)  # as it should be, and no measure of size
    got, exact = (t.masked_fill(endless, 0) for t in (got, exact))
    size = exact.abs().square().mean(-1).sqrt()
    floor = 1e-6 * exact.abs().square().mean().sqrt() + torch.finfo(torch.float64).tiny
    error = (got - exact).abs().amax(-1) / torch.maximum(size, floor)
    return error.nan_to_num(nan=torch.inf)


def assert_rows_agree(got: Tensor, want: Tensor, name: str = "result", tolerance: float = 1e-8) -> None:
    """Two evaluations in float64 are one function; whole numbers and truth values are equal."""
    if not (want.is_floating_point() or want.is_complex()):
        if not torch.equal(got, want):
            raise AssertionError(f"{name}: {got} is not {want}")
        return
    _judge(row_errors(got, want), torch.tensor(tolerance), name, "of the row's size")


def assert_rows_as_good(
    got: Tensor, loop: Tensor | Sequence[Tensor], exact: Tensor, name: str = "result", factor: float = 4.0
) -> None:
    """A fast path's worst row is at most `factor` times as far from the truth as the plain loop's.

    got: the fast path, loop: the plain loop in the same precision, or several such loops, of which the worst row
    counts, exact: the plain loop in float64.
    """
    loops = [loop] if isinstance(loop, Tensor) else loop
    allowed = torch.zeros(1, dtype=torch.float64)
    if exact.numel():
        allowed = factor * torch.stack([row_errors(rough, exact).max() for rough in loops]).amax(0, keepdim=True)
    floor = FLOOR * torch.finfo(got.dtype).eps
    unit = f"of the row's size ({factor:g} times the loop's worst)"
    _judge(row_errors(got, exact), allowed.clamp_min(floor), name, unit)


def _judge(errors: Tensor, allowed: Tensor, name: str, unit: str) -> None:
    bad = (errors > allowed).nonzero()
    if len(bad):
        first = tuple(bad[0].tolist())
        raise AssertionError(f"{name}: {len(bad)} of {errors.numel()} rows are off, the first at {first} "
                             f"by {errors[first]:.2g}, the worst by {errors.max():.2g}; "
                             f"allowed {float(allowed.max()):.2g} {unit}")
