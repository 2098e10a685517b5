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

__all__ = ["Chunks", "chunk_size", "join", "meet", "split"]


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
    writes: Float[Tensor, "B H n R C K"], w: Float[Tensor, "B H n C #K"],
) -> Chunks:
    """Reads that come `after` their step's decay and writes, and reads that come `before` them, meet the writes."""
    reads = torch.stack([after] if before is None else [after, before], 3)
    if w.shape[-1] == writes.shape[-1]:
        return _double(reads, writes, w)
    one = torch.ones_like(w)[..., None, :, :]
    decay = _double(one.expand(-1, -1, -1, reads.shape[3], -1, -1), one, w)
    scores = reads.flatten(3, 4) @ writes.flatten(3, 4).mT
    scores = scores.unflatten(-1, writes.shape[3:5]).unflatten(3, reads.shape[3:5]) * decay.scores
    return Chunks(scores, reads * decay.reads, writes * decay.writes, decay.left)


def _double(reads: Tensor, writes: Tensor, w: Tensor) -> Chunks:
    """From blocks of one step to blocks of all C."""
    C = w.shape[3]
    steps = [z.movedim(-2, 3).flatten(2, 3)[..., None, :] for z in (reads, writes)]
    found = (steps[0][..., None, :, :, None, :] * steps[1][..., None, None, :, :, :]).sum(-1)
    raise NotImplementedError
