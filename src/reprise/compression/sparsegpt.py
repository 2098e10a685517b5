"""Pruning that mends what is left: each weight taken away is made up for by those of the inputs that follow."""
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from reprise.compression.calibration import block_by_block
from reprise.compression.pruning import Pattern, Pruned, Share, finished
from reprise.core.errors import InputError
from reprise.training.objectives import Objective, next_token

__all__ = ["prune_sparsegpt", "sparse_approximation"]


def prune_sparsegpt(
    model: nn.Module, batches: Iterable, sparsity: float | None = None, *, pattern: Pattern | None = None,
    damping: float = 0.01, columns: int = 128, blocks: Sequence[nn.Module] | None = None,
    objective: Objective = next_token,
) -> Pruned:
    """SparseGPT: every matrix of every block becomes its `sparse_approximation`, in place; otherwise as `prune_wanda`.

    Cost     a pass over `batches` for every block; D^3 work and D^2 numbers for a matrix of D inputs
    Source   Frantar & Alistarh 2023, arXiv:2301.00774, sec. 3   (frantar2023sparsegpt)
    """
    share, done = Share(sparsity, pattern), {}
    for seen in block_by_block(model, batches, lambda x: x.T @ x, blocks, objective):
        weight, mask = sparse_approximation(seen.weight.detach(), seen.gathered, share, damping, columns)
        with torch.no_grad():
            seen.weight.copy_(weight)
        done[seen.name] = seen.block, mask
    return finished(model, blocks, done)


def sparse_approximation(
    weight: Float[Tensor, "out in"], gram: Float[Tensor, "in in"], share: Share, damping: float = 0.01,
    columns: int = 128,
) -> tuple[Float[Tensor, "out in"], Bool[Tensor, "out in"]]:
    """A sparse V with V X near W X, and what it keeps; gram: X X' of the inputs.

        R' R = (X X' + c I)^-1, R upper triangular;   c: `damping` times the mean of the diagonal
        score_ij = (W_ij / R_jj)^2;   input after input:   e = (W_j - V_j) / R_jj;   W_k <- W_k - e R_jk for k > j

    Masks are chosen for `columns` inputs at a time, of all rows together, or for the m of a pattern, from weights
    that have made up for all before. Raises InputError for damping or columns that are not above 0.
    """
    if not damping > 0 or columns < 1:
        raise InputError(f"sparse_approximation: expected damping > 0 and a column or more, got damping={damping}, "
                         f"columns={columns}; try 0.01 and 128")
    W, H = weight.double().clone(), gram.double().clone()
    unused = H.diagonal() == 0
    W[:, unused] = 0
    H.diagonal().add_(damping * H.diagonal().mean() + unused)
    R = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(H)), upper=True)
    kept = torch.ones_like(W, dtype=torch.bool)
    chosen = columns if share.pattern is None else share.checked(W.shape[1])
    whole = share if share.pattern is not None else Share(share.sparsity, group="layer")
    for j in range(W.shape[1]):
        if j % chosen == 0:
            part = slice(j, j + chosen)
            kept[:, part] = whole.keep((W[:, part] / R.diagonal()[part]).square())
        error = W[:, j] * ~kept[:, j] / R[j, j]
        W[:, j + 1:] -= torch.outer(error, R[j, j + 1:])
    return (W * kept).to(weight.dtype), kept
