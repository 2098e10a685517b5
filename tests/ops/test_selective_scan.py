"""What only the selective scan promises: it never holds a state for every step."""
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from reprise.ops.selective_scan import Selection, selective_scan


class Largest(TorchDispatchMode):
    """Remembers the size of the largest tensor that any operation gave."""

    size = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for z in result if isinstance(result, tuple | list) else (result,):
            self.size = max(self.size, z.numel() if isinstance(z, torch.Tensor) else 0)
        return result


def _largest(T: int, backward: bool) -> int:
    B, D, N = 2, 16, 8
    p = Selection(torch.randn(B, T, D), torch.rand(B, T, D), torch.randn(B, T, N), torch.randn(B, T, N))
    p = Selection(*(z.requires_grad_(backward) for z in p))
    with Largest() as largest:
        y, _ = selective_scan(p, -torch.rand(D, N), torch.zeros(B, D, N), backend="parallel")
        if backward:
            y.sum().backward()
    return largest.size


def test_largest_tensor_has_no_state_for_every_step():
    T = 4096
    assert _largest(T, backward=True) <= 2 * T * 16  # the input itself; all states would be 8 times that
    assert _largest(T, backward=False) <= 2 * T * 16
