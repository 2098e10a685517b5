"""Recurrent weights by head, (H G/H D/H): a block-diagonal matrix, so that each head is a cell of its own on its slice.

p and bias keep their order, all of one gate before the next; inside weight[h] it is the same order, for one head.
"""
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import linear

from reprise.core.marks import Marks
from reprise.core.state import map_state

__all__ = ["block_diagonal", "one_by_one", "product"]


def product(
    h: Float[Tensor, "B D"], weight: Float[Tensor, "*H g d"], bias: Float[Tensor, "G"] | None = None
) -> Float[Tensor, "B G"]:
    """U h + c, for a matrix (G D) or one by head."""
    if weight.ndim == 2:
        return linear(h, weight, bias)
    H, _, d = weight.shape
    each = torch.einsum("bhd,hgd->bhg", h.unflatten(-1, (H, d)), weight)
    found = each.unflatten(-1, (-1, d)).transpose(1, 2).flatten(1)
    return found if bias is None else found + bias


def block_diagonal(weight: Float[Tensor, "*H g d"]) -> Float[Tensor, "G D"]:
    """As one matrix, mostly zeros: one product for all heads, for where each call costs more than its numbers."""
    if weight.ndim == 2:
        return weight
    H, _, d = weight.shape
    blocks = weight.unflatten(1, (-1, d)).permute(1, 2, 3, 0)
    return torch.diag_embed(blocks, dim1=1, dim2=3).reshape(-1, H * d)


def one_by_one(
    run: Callable[..., tuple[Tensor, Any]], p: Float[Tensor, "B T G"], weight: Float[Tensor, "*H g d"], rest: tuple,
    marks: Marks,
) -> tuple[Float[Tensor, "B T D"], Any]:
    """`run(p, weight, *rest, marks)`, a head after the other; rest: a bias (G), a memory (B D), or trees of such."""
    if weight.ndim == 2:
        return run(p, weight, *rest, marks)
    H, _, d = weight.shape
    given = map_state(lambda z: z.unflatten(-1, (-1, H, d)).movedim(-2, 0).flatten(-2), (p, *rest))
    found = []
    for k, weight_k in enumerate(weight.unbind()):
        p_k, *rest_k = map_state(lambda z, k=k: z[k], given)
        found.append(run(p_k, weight_k, *rest_k, marks))
    return map_state(lambda *z: torch.cat(z, -1), *found)
