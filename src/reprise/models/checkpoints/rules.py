"""How tensors of a checkpoint become ours and ours become theirs again, name by name."""
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Rule", "joined", "kernel", "one_less", "one_more", "reshaped", "same", "split", "stacked", "transposed"]


class Rule(NamedTuple):
    """Some tensors of theirs and those of ours that hold the same numbers."""

    theirs: tuple[str, ...]
    ours: tuple[str, ...]
    read: Callable[..., tuple[Tensor, ...]]  # ours from theirs
    write: Callable[..., tuple[Tensor, ...]]  # theirs from ours


def same(theirs: str, ours: str) -> Rule:
    return Rule((theirs,), (ours,), lambda z: (z,), lambda z: (z,))


def transposed(theirs: str, ours: str) -> Rule:
    """A matrix that multiplies from the other side."""
    return Rule((theirs,), (ours,), lambda z: (z.T,), lambda z: (z.T,))


def one_more(theirs: str, ours: str) -> Rule:
    """A gain that is kept as its distance from 1."""
    return Rule((theirs,), (ours,), lambda z: (z + 1,), lambda z: (z - 1,))


def kernel(theirs: str, ours: str) -> Rule:
    """A depthwise convolution, which torch keeps as (channel, 1, lag), the longest lag first."""
    return Rule((theirs,), (ours,), lambda z: (z[:, 0].flip(-1).T,), lambda z: (z.T.flip(-1)[:, None],))


def split(theirs: str, ours: dict[str, int]) -> Rule:
    """One matrix that makes several things at once; how many rows go to each."""
    return Rule((theirs,), tuple(ours), lambda z: z.split(list(ours.values())), lambda *parts: (torch.cat(parts),))


def joined(theirs: tuple[str, ...], ours: str) -> Rule:
    """Several things of one size of which we make one, side by side in the last dimension."""
    return Rule(theirs, (ours,), lambda *parts: (torch.cat(parts, -1),), lambda z: z.chunk(len(theirs), -1))


def reshaped(theirs: str, ours: str, their_shape: tuple[int, ...], our_shape: tuple[int, ...] = (-1,)) -> Rule:
    """The same numbers in the same order; one size may be -1, for what is left."""
    return Rule((theirs,), (ours,), lambda z: (z.reshape(our_shape),), lambda z: (z.reshape(their_shape),))


def stacked(theirs: tuple[str, ...], ours: str, their_shape: tuple[int, ...]) -> Rule:
    """Vectors that they keep one by one, in a shape of theirs, and we in rows."""
    return Rule(theirs, (ours,), lambda *parts: (torch.stack([z.flatten() for z in parts]),),
                lambda z: tuple(row.reshape(their_shape) for row in z.unbind(0)))


def one_less(rule: Rule) -> Rule:
    """The same, where what they keep is 1 minus what we do."""
    return rule._replace(read=lambda *theirs: tuple(1 - z for z in rule.read(*theirs)),
                         write=lambda *ours: rule.write(*(1 - z for z in ours)))
