"""How far back a memory reaches: what it still owes to the first input."""
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.errors import InputError
from reprise.core.layer import SequenceLayer
from reprise.core.state import named_tensors

__all__ = ["first_step_gradient"]


def first_step_gradient(
    layer: SequenceLayer, x: Float[Tensor, "1 T D"], lengths: Sequence[int],
) -> Float[Tensor, "L"]:
    """The size of the derivative of a layer's state after so many steps of `x` by the first of them.

        |d state_t / d x_1|,   Frobenius norm, over all numbers of the state that are no counts;   t in `lengths`

    One that falls like 1 / t is that of a mean over all that was; where it falls exponentially, training learns nothing
    from what is long ago. It costs a backward pass for every number of the state.
    Raises InputError for several rows, for lengths outside x, and for a state without real numbers.

    Source  Gu et al. 2020, arXiv:2008.07669, sec. 3: gradient flow (gu2020hippo)
    """
    if x.ndim != 3 or len(x) != 1:
        raise InputError(f"first_step_gradient: expected one row (1 T D), got {tuple(x.shape)}")
    if wrong := [length for length in lengths if not 1 <= length <= x.shape[1]]:
        raise InputError(f"first_step_gradient: expected lengths from 1 to {x.shape[1]}, got {wrong[0]}")

    def remembered(first: Tensor, length: int) -> Tensor:
        _, state = layer(torch.cat([first, x[:, 1:length]], 1))
        parts = [torch.view_as_real(part) if part.is_complex() else part for _, part in named_tensors(state)]
        real = [part.flatten() for part in parts if part.is_floating_point()]
        if not real:
            raise InputError(f"first_step_gradient: {type(layer).__name__} has no state to differentiate")
        return torch.cat(real)

    return torch.stack([
        torch.autograd.functional.jacobian(lambda first, t=t: remembered(first, t), x[:, :1]).norm() for t in lengths])
