"""Time in chunks: what the steps of a decaying memory make of each other, as matrix products that never divide.

Decays meet by doubling: of two neighbouring blocks of steps, the right one's reads carry their decay since the border,
the left one's writes their decay up to it; one matrix product later the two are one block. Decays are only ever
multiplied, never divided or subtracted as logarithms, so 1 - 1e-6 and exp(-1e4) stand side by side without loss, as
they do in a loop.

Letters  n chunks   C steps of a chunk   P reads and R writes of one step
"""
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

__all__ = ["Chunks", "chunk_size", "hand_on", "join", "meet", "split"]

Pair = tuple[Tensor, Tensor]  # of the left block and the right


class Chunks(NamedTuple):
    """What the reads of every chunk find of its writes, and what crosses its borders."""

    scores: Float[Tensor, "B H n P C R C"]  # of what write r of step j put there, what read p of step i finds
    reads: Float[Tensor, "B H n P C K"]  # with their decay since the chunk began: they read the memory before it
    writes: Float[Tensor, "B H n R C K"]  # with their decay until the chunk ends
    left: Float[Tensor, "B H n #K"]  # what the chunk leaves of the memory before it


def chunk_size(steps: int, longest: int) -> int:
    """A power of two, for the doubling: the smallest that holds all the steps, or else `longest`."""
    return min(longest, 1 << max(steps - 1, 0).bit_length())


def split(x: Float[Tensor, "B T H K"], size: int) -> Float[Tensor, "B H n C K"]:
    """Chunks of `size` steps; steps of zeros fill the last."""
    return pad(x, (0, 0, 0, 0, 0, -x.shape[1] % size)).unflatten(1, (-1, size)).permute(0, 3, 1, 2, 4)


def join(x: Float[Tensor, "B H n C K"], steps: int) -> Float[Tensor, "B T H K"]:
    """The chunks in a row again, without the steps that filled the last."""
    return x.permute(0, 2, 3, 1, 4).flatten(1, 2)[:, :steps]


def meet(
    after: Float[Tensor, "B H n C K"], before: Float[Tensor, "B H n C K"] | None,
    writes: Float[Tensor, "B H n C R K"], w: Float[Tensor, "B H n C #K"],
) -> Chunks:
    """Reads that come `after` their step's decay and writes, and reads that come `before` them, meet the writes."""
    reads = torch.stack([after] if before is None else [after, before], 4)
    if w.shape[-1] == writes.shape[-1]:
        return _double(reads, writes, w)
    one = torch.ones_like(w)[..., None, :]
    decay = _double(one.expand(*reads.shape[:-1], 1), one, w)
    reads, writes = reads.transpose(3, 4), writes.transpose(3, 4)
    scores = reads.flatten(3, 4) @ writes.flatten(3, 4).mT
    scores = scores.unflatten(-1, writes.shape[3:5]).unflatten(3, reads.shape[3:5]) * decay.scores
    return Chunks(scores, reads * decay.reads, writes * decay.writes, decay.left)


def _double(reads: Tensor, writes: Tensor, w: Tensor) -> Chunks:
    """Blocks of one step, then of two, until a block is a chunk."""
    n = w.shape[2]
    blocks = _alone(*(z.flatten(2, 3) for z in (reads, writes, w)))
    while blocks.left.shape[2] > n:
        blocks = _two_as_one(*(z.unflatten(2, (-1, 2)).unbind(3) for z in blocks))
    return blocks


def _alone(
    reads: Float[Tensor, "B H n P K"], writes: Float[Tensor, "B H n R K"], w: Float[Tensor, "B H n K"]
) -> Chunks:
    """Each step a chunk of its own: only the reads after it find its writes, and decay."""
    after, before = reads[..., :1, :], reads[..., 1:, :]
    found = pad(after @ writes.mT, (0, 0, 0, before.shape[-2]))
    reads = torch.cat([after * w[..., None, :], before], -2)
    return Chunks(found[..., None, :, None], reads[..., None, :], writes[..., None, :], w)


def _two_as_one(scores: Pair, reads: Pair, writes: Pair, left: Pair) -> Chunks:
    """Neighbouring blocks of C steps as blocks of 2 C: what the right reads of the left is one product."""
    (early, late), (_, P, C, R) = scores, scores[0].shape[2:6]
    across = reads[1].flatten(3, 4) @ writes[0].flatten(3, 4).mT
    across = across.unflatten(-1, (R, C)).unflatten(3, (P, C))
    return Chunks(
        torch.cat([pad(early, (0, C)), torch.cat([across, late], -1)], 4),
        torch.cat([reads[0], reads[1] * left[0][..., None, None, :]], -2),
        torch.cat([writes[0] * left[1][..., None, None, :], writes[1]], -2),
        left[0] * left[1],
    )


def hand_on(
    move: Float[Tensor, "B H n #K _"], new: Float[Tensor, "B H n K V"], S: Float[Tensor, "B H K V"]
) -> tuple[Float[Tensor, "B H n K V"], Float[Tensor, "B H K V"]]:
    """The memory before every chunk, and after the last: S' = move S + new, where a column `move` is a diagonal."""
    starts, end = _HandOn.apply(move.flatten(0, 1), new.flatten(0, 1), S.flatten(0, 1))
    return starts.unflatten(0, S.shape[:2]), end.unflatten(0, S.shape[:2])


class _HandOn(torch.autograd.Function):
    """Its gradient is the same recurrence from the right, so that no graph is kept over time."""

    @staticmethod
    def forward(move, new, S):
        step = torch.addcmul if move.shape[-1] == 1 else torch.baddbmm
        starts = []
        for move_n, new_n in zip(move.unbind(1), new.unbind(1), strict=True):
            starts.append(S)
            S = step(new_n, move_n, S)
        return torch.stack(starts, 1), S

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0], output[0])

    @staticmethod
    def backward(ctx, grad_starts, grad_end):
        move, starts = ctx.saved_tensors
        diagonal = move.shape[-1] == 1
        back = move if diagonal else move.mT
        ends, grad_S = _HandOn.apply(back.flip(1), grad_starts.flip(1), grad_end)
        ends = ends.flip(1)
        grad_move = (ends * starts).sum(-1, keepdim=True).sum_to_size(move.shape) if diagonal else ends @ starts.mT
        return grad_move, ends, grad_S
