"""The protocol of structure encoders: what reads all elements of a structure, and answers one vector for the whole."""
from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float, Int64, Integer
from torch import Tensor, nn

from reprise.core.configured import Configured
from reprise.core.errors import InputError
from reprise.core.marks import mark

__all__ = ["Encoding", "StructureEncoder", "right_ends"]


class Encoding(NamedTuple):
    """What a whole was read as, and what training should add to its loss for the way it was read: 0 for most."""

    y: Float[Tensor, "B D"]
    penalty: Float[Tensor, "B"]


class StructureEncoder(Configured, nn.Module, ABC):
    """A map (B N D) -> (B D) from the elements of a structure to one vector. Authors write `encode`.

    A binary tree over elements in their order is N numbers a row, its `heights`: at i the height of the node where
    elements i and i + 1 meet, 0 at the last element and at padding. Pairs meet from the lowest to the highest, so only
    the order of the numbers counts (syntactic distances, Shen et al. 2018, arXiv:1806.04168).
    """

    width: int
    told: ClassVar[bool] = False  # whether it must be told the tree; if not, it finds what it needs
    excused: ClassVar[dict[str, str]] = {}  # law -> why this encoder cannot meet it
    undecayed_parameters: ClassVar[tuple[str, ...]] = ()  # as of a sequence layer

    @abstractmethod
    def encode(
        self, x: Float[Tensor, "B N D"], lengths: Int64[Tensor, "B"], heights: Int64[Tensor, "B N"] | None
    ) -> Encoding:
        """What `forward` does once everything is checked; x is zero at padding, every length 1 or more."""

    def forward(
        self, x: Float[Tensor, "B N D"], lengths: Integer[Tensor, "B"] | None = None,
        heights: Integer[Tensor, "B N"] | None = None,
    ) -> Encoding:
        """The whole of each row, padded on the right to N where `lengths` are given; `heights` where it is told a tree.

        Raises InputError for shapes that do not fit, an empty row, or heights that are no tree.
        """
        name, shape = type(self).__name__, tuple(x.shape) if isinstance(x, Tensor) else f"a {type(x).__name__}"
        if not isinstance(x, Tensor) or x.ndim != 3 or x.shape[2] != self.width or not x.shape[1]:
            raise InputError(f"{name}: expected x of shape (B, N, {self.width}) with N of 1 or more, got {shape}")
        if not x.is_floating_point():
            raise InputError(f"{name}: expected floating-point x, got {x.dtype}; call x.float()")
        marks = mark(x, lengths, None)
        if lengths is None:
            lengths = torch.full((len(x),), x.shape[1])
        if (lengths < 1).any():
            raise InputError(f"{name}: expected lengths of 1 or more, got {int(lengths.min())}; leave empty rows out")
        if (heights is not None) != self.told:
            remedy = "is told its tree: give heights" if self.told else "finds its tree: leave out heights"
            raise InputError(f"{name} {remedy}")
        lengths = lengths.to(x.device, torch.int64)
        if heights is not None:
            heights = heights.to(x.device, torch.int64)
            _check_tree(name, heights, lengths, x.shape[:2])
        return self.encode(marks.pad(x, 0.0), lengths, heights)


def right_ends(heights: Int64[Tensor, "B N"]) -> Int64[Tensor, "B N"]:
    """Where the right part of the node at i ends: at the first element after i that meets the next one higher up.

    The left part ends at i. What it says of the last element, and of padding, means nothing.
    """
    tops = heights.masked_fill(heights == 0, torch.iinfo(torch.int64).max)
    later = torch.ones(heights.shape[1], heights.shape[1], dtype=torch.bool, device=heights.device).triu(1)
    return ((tops[:, None] >= tops[:, :, None]) & later).int().argmax(-1)


def _check_tree(name: str, heights: Tensor, lengths: Tensor, shape: torch.Size) -> None:
    if heights.shape != shape:
        raise InputError(f"{name}: expected heights of shape {tuple(shape)}, one an element, got "
                         f"{tuple(heights.shape)}")
    inner = torch.arange(shape[1], device=heights.device) < lengths[:, None] - 1
    if not torch.equal(heights > 0, inner) or (heights < 0).any():
        raise InputError(f"{name}: expected heights of 1 or more where two elements meet, 0 at the last and at padding")
    beside = heights.take_along_dim(right_ends(heights), 1)
    if (inner & (beside == heights)).any():
        raise InputError(f"{name}: two nodes of the same height stand side by side with none above them in between; "
                         "give the one that is built on the other the greater height")
