"""A tree that is told, against the same tree by recursion."""
import torch

from reprise.layers.structure.recursive import Recursive


def by_recursion(net, leaves, heights):
    """The node that joins all leaves is where the greatest height is."""
    if len(leaves) == 1:
        return leaves[0]
    top = max(range(len(leaves) - 1), key=lambda place: heights[place]) + 1
    return net.cell(by_recursion(net, leaves[:top], heights[:top]), by_recursion(net, leaves[top:], heights[top:]))


def test_recursion():
    torch.manual_seed(0)
    net, x = Recursive(4).double(), torch.randn(5, 7, 4).double()
    heights = torch.tensor([[1, 2, 3, 4, 5, 6, 0], [6, 5, 4, 3, 2, 1, 0], [1, 2, 1, 3, 1, 2, 0], [2, 9, 5, 0, 0, 0, 0],
                            [0, 0, 0, 0, 0, 0, 0]])
    lengths = torch.tensor([7, 7, 7, 4, 1])
    y, penalty = net(x, lengths, heights)
    for row, length in enumerate(lengths.tolist()):
        leaves = net.cell.leaf(x[row, :length])
        torch.testing.assert_close(y[row], by_recursion(net, list(leaves), heights[row].tolist()))
    assert not penalty.any()
