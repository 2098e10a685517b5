"""The same memory, all chunks of steps side by side (Yang et al. 2024, arXiv:2406.06484, in WY form).

Within a chunk u_i = S_{i-1}' b_i, what step i is about to correct, hangs on every u_j before it: a triangular system,
solved once for what the chunk itself wrote (U) and once for the memory it begins with (W), u = W S + U.

A chunk holds about as many steps as a key has channels: the sums over what a chunk wrote and not yet took back are then
no larger than the memory itself, and the result as accurate as the loop's; with many more it loses a digit.
"""
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.ops.chunks import chunk_size, hand_on, join, meet, split

__all__ = ["delta_rule"]

SHORTEST, LONGEST = 4, 32


def delta_rule(
    p: tuple[Float[Tensor, "B T H _"], ...], S: Float[Tensor, "B H K V"]
) -> tuple[Float[Tensor, "B T H V"], Float[Tensor, "B H K V"]]:
    T, (K, V) = p[0].shape[1], S.shape[2:]
    size = chunk_size(T, chunk_size(max(K, SHORTEST), LONGEST))
    q, k, v, log_w, a, b = (split(z, size) for z in p)
    chunks = meet(q, b, torch.stack([k, a], 4), log_w.exp())
    (of_q, of_b), (into_q, into_b), (k, a) = (z.unbind(3) for z in chunks[:3])
    W, U = _solve(of_b[..., 1, :], torch.cat([into_b, of_b[..., 0, :] @ v], -1)).split([K, V], -1)
    left = torch.diag_embed(chunks.left.expand(*chunks.left.shape[:3], K))
    starts, end = hand_on(left + a.mT @ W, k.mT @ v + a.mT @ U, S)
    o = into_q @ starts + of_q.flatten(-2) @ torch.cat([v, W @ starts + U], -2)
    return join(o, T), end


def _solve(earlier: Float[Tensor, "B H n C C"], x: Float[Tensor, "B H n C N"]) -> Float[Tensor, "B H n C N"]:
    """y = x + earlier y, where no step hangs on a later one."""
    return torch.linalg.solve_triangular(-earlier, x, upper=False, unitriangular=True)
