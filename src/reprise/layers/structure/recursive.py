"""A tree that is given, from the leaves to the root."""
from reprise.core.errors import check_counts
from reprise.core.structure import Encoding, StructureEncoder, right_ends
from reprise.layers.structure._cell import GatedCell

__all__ = ["Recursive"]


class Recursive(StructureEncoder):
    """A recursive network: one gated cell makes a vector of every two that meet in the tree it is told.

        h_leaf = LN(W x_i);   h_node = cell(h_left, h_right);   y = h_root

    Shapes   x (B N D), heights (B N) -> y (B D)
    Cost     24 N D^2 work, as many steps one after another as the tree is high
    Source   Socher et al. 2013, EMNLP, sec. 4   (socher2013recursive); its cell, Shen et al. 2019, arXiv:1910.13466
             (shen2019ordered)
    Differs  the cell is gated, as in Chowdhury & Caragea 2021; no dropout inside
    """

    told = True

    def __init__(self, width: int, hidden: int | None = None):
        super().__init__()
        check_counts("Recursive", width=width, hidden=hidden)
        self.width = width
        self.cell = GatedCell(width, hidden)

    def encode(self, x, lengths, heights):
        h, ends = self.cell.leaf(x), right_ends(heights)
        for height in heights.unique().tolist():  # all nodes of one height at once, in every row
            if height:
                rows, left = (heights == height).nonzero(as_tuple=True)
                right = ends[rows, left]
                h = h.index_put((rows, right), self.cell(h[rows, left], h[rows, right]))  # a part is kept at its end
        y = h.take_along_dim((lengths - 1)[:, None, None], 1)[:, 0]
        return Encoding(y, y.new_zeros(len(y)))
