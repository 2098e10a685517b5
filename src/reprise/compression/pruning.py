"""Zeros in trained matrices, by one score or another, without training again."""
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from reprise.compression.calibration import Seen, block_by_block, blocks_of, matrices
from reprise.core.errors import InputError
from reprise.training.objectives import Objective, next_token

__all__ = ["Pruned", "PrunedMatrix", "Share", "apply_masks", "prune_magnitude", "prune_random", "prune_wanda"]

Pattern = tuple[int, int]
Blocks = Sequence[nn.Module] | None
GROUPS = "row", "layer"


class PrunedMatrix(NamedTuple):
    """A line of the report."""

    name: str
    block: int
    shape: tuple[int, int]
    zeros: float  # share of its entries


class Pruned(NamedTuple):
    """What was done: of every matrix what is kept (True), a line each, and the names of those left as they were.

    Left are matrices that no data met, and those of the blocks that are no weight of an `nn.Linear`: whatever else has
    two dimensions, as the rates of a state-space layer.
    """

    masks: dict[str, Bool[Tensor, "out in"]]
    report: tuple[PrunedMatrix, ...]
    left: tuple[str, ...]

    @property
    def zeros(self) -> float:
        """Share of zeros in all pruned matrices together."""
        sizes = [line.shape[0] * line.shape[1] for line in self.report]
        return sum(line.zeros * size for line, size in zip(self.report, sizes, strict=True)) / sum(sizes)


class Share:
    """Which entries stay, given a score of each: those with the largest ones of their group.

    sparsity: the share of zeros, from 0 to below 1.   group: what competes, the entries of a "row" or of the "layer".
    pattern: (n, m) instead of a sparsity keeps n of every m inputs in a row of each output.
    Raises InputError for anything else, and where m does not divide the inputs.
    """

    def __init__(self, sparsity: float | None = None, pattern: Pattern | None = None, group: str = "row"):
        if (sparsity is None) == (pattern is None):
            raise InputError(f"pruning: expected a sparsity or a pattern, got sparsity={sparsity}, pattern={pattern}; "
                             "try sparsity=0.5, or pattern=(2, 4) alone")
        if sparsity is not None and not 0 <= sparsity < 1:
            raise InputError(f"pruning: expected a sparsity from 0 to below 1, a share of zeros, got {sparsity}")
        if pattern is not None and not 0 < pattern[0] <= pattern[1]:
            raise InputError(f"pruning: expected a pattern (n, m) that keeps n of m, got {pattern}; try (2, 4)")
        if group not in GROUPS:
            raise InputError(f"pruning: expected a group among {GROUPS}, got {group!r}")
        self.sparsity, self.pattern, self.group = sparsity, pattern, group

    def keep(self, score: Float[Tensor, "out in"]) -> Bool[Tensor, "out in"]:
        """True for what stays; of equal scores the first inputs go."""
        if self.pattern is not None:
            kept, size = self.pattern
            groups = score.unflatten(1, (-1, self.checked(score.shape[1])))
            zeros = size - kept
        else:
            groups = score if self.group == "row" else score.flatten()
            zeros = round(self.sparsity * groups.shape[-1])
        lowest = groups.sort(dim=-1, stable=True).indices[..., :zeros]
        return torch.ones_like(groups, dtype=torch.bool).scatter_(-1, lowest, False).view_as(score)

    def checked(self, inputs: int) -> int:
        """The m of the pattern, which must divide the inputs."""
        kept, size = self.pattern
        if inputs % size:
            raise InputError(f"pruning: the pattern {kept}:{size} does not fit {inputs} inputs; choose an m that "
                             "divides them, or a sparsity")
        return size


def prune_wanda(
    model: nn.Module, batches: Iterable, sparsity: float | None = None, *, pattern: Pattern | None = None,
    group: str = "row", blocks: Blocks = None, objective: Objective = next_token,
) -> Pruned:
    """Wanda: a weight counts as much as it is large, times the norm of what it is given; in place, without an update.

        score_ij = |W_ij| ||X_j||_2,   X_j: input j over every step of the calibration data, not centred

    In each row the smallest go. Block by block: the inputs of a block are what the pruned blocks below give. Embedding
    and head stay. Gates that lie in one matrix are rows of their own; a recurrent matrix counts its h_{t-1}.

    batches: calibration data, finitely many, read as `objective` has it; a hundred sequences are plenty.
    sparsity, pattern, group: see `Share`.   blocks: modules in order of depth, those of the model's stack if not given.
    Cost     a pass over `batches` for every block
    Source   Sun et al. 2023, arXiv:2306.11695, sec. 3   (sun2023simple)
    Differs  steps of padding count as inputs; a cell's recurrent matrix is pruned, of which the paper has none

    >>> done = prune_wanda(model, [next(batches) for _ in range(4)], pattern=(2, 4))
    >>> done.zeros
    0.5
    """
    share = Share(sparsity, pattern, group)
    seen = block_by_block(model, batches, lambda x: x.square().sum(0), blocks, objective)
    done = {s.name: _prune(s, share.keep(s.weight.detach().abs() * s.gathered.sqrt())) for s in seen}
    return finished(model, blocks, done)


def prune_magnitude(
    model: nn.Module, sparsity: float | None = None, *, pattern: Pattern | None = None, group: str = "layer",
    blocks: Blocks = None,
) -> Pruned:
    """The smallest weights go, of each matrix or row; no data.   Source  Han et al. 2015, arXiv:1506.02626, sec. 3"""
    share = Share(sparsity, pattern, group)
    return finished(model, blocks, {s.name: _prune(s, share.keep(s.weight.detach().abs()))
                                    for s in _unseen(model, blocks)})


def prune_random(
    model: nn.Module, generator: torch.Generator, sparsity: float | None = None, *, pattern: Pattern | None = None,
    group: str = "row", blocks: Blocks = None,
) -> Pruned:
    """Any weights go: what a score has to beat."""
    share = Share(sparsity, pattern, group)
    return finished(model, blocks, {
        s.name: _prune(s, share.keep(torch.rand(s.weight.shape, generator=generator).to(s.weight.device)))
        for s in _unseen(model, blocks)})


@torch.no_grad()
def apply_masks(model: nn.Module, masks: Mapping[str, Bool[Tensor, "out in"]]) -> None:
    """Zeros again where the masks are False: after every update, where a pruned model is trained on.

    Raises InputError for a mask of something that the model has not, or of another shape.
    """
    parameters = dict(model.named_parameters())
    for name, mask in masks.items():
        if name not in parameters or parameters[name].shape != mask.shape:
            raise InputError(f"apply_masks: the model has no parameter {name!r} of shape {tuple(mask.shape)}; "
                             "give the masks of this model")
        parameters[name].mul_(mask.to(parameters[name].device))


def finished(model: nn.Module, blocks: Blocks, done: Mapping[str, tuple[int, Bool[Tensor, "out in"]]]) -> Pruned:
    """The masks by block, told. Raises InputError where nothing was pruned."""
    if not done:
        raise InputError(f"{type(model).__name__}: the calibration data met none of its matrices; "
                         "see that `objective` runs this model")
    report = tuple(PrunedMatrix(name, block, tuple(mask.shape), 1 - mask.double().mean().item())
                   for name, (block, mask) in done.items())
    inside = {id(p) for block in (blocks_of(model) if blocks is None else blocks) for p in block.parameters()}
    left = tuple(name for name, p in model.named_parameters() if id(p) in inside and p.ndim == 2 and name not in done)
    return Pruned({name: mask for name, (_, mask) in done.items()}, report, left)


@torch.no_grad()
def _prune(seen: Seen, mask: Bool[Tensor, "out in"]) -> tuple[int, Bool[Tensor, "out in"]]:
    seen.weight.mul_(mask)
    return seen.block, mask


def _unseen(model: nn.Module, blocks: Blocks) -> list[Seen]:
    return [Seen(index, name, weight, None) for index, weights in enumerate(matrices(model, blocks))
            for name, weight in weights.items()]
