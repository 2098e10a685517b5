"""What the states of a model are like as a sequence goes on, and how well it predicts there."""
import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor, nn
from torch.nn import functional as F

from reprise.bases.recurrent import State
from reprise.core.errors import InputError, check_counts
from reprise.core.modes import undisturbed
from reprise.core.state import named_tensors
from reprise.data.batches import IGNORED

__all__ = ["StateMonitor", "Watched", "bits_by_position", "by_octave"]


class Watched(NamedTuple):
    """Of every tensor of the state, by name, after so many steps: its numbers summed up a row."""

    steps: Int[Tensor, " N"]
    norm: dict[str, Float[Tensor, "N B"]]
    mean: dict[str, Float[Tensor, "N B"]]
    variance: dict[str, Float[Tensor, "N B"]]


class StateMonitor:
    """Reads sequences with a model, and notes norm, mean and variance of its states every so many steps.

    With `heads` a tensor (B H ...) of a recurrent layer's memory is one entry a head: "0.memory.head 2"; what its
    `local` keeps is steps, not heads. A complex number counts as two. Whole numbers, and tensors without numbers, are
    left out. The model is not changed.

    Source  Chen et al. 2024, arXiv:2410.07145 (chen2024stuffed): states whose statistics explode past the
        lengths of training
    """

    def __init__(self, model: nn.Module, every: int = 64, *, heads: bool = False):
        check_counts("StateMonitor", every=every)
        self.model, self.every, self.heads = model, every, heads

    def read(self, x: Tensor) -> Watched:
        """Statistics after every, 2 every, ... steps of x (B T ...), and after the last."""
        found: dict[str, list[Tensor]] = {}
        steps, done = [], 0
        for piece, (_, state) in zip(x.split(self.every, 1), _pieces(self.model, x, self.every), strict=True):
            done += piece.shape[1]
            steps.append(done)
            for name, tensor in self._parts(state):
                flat = tensor.flatten(1).double()
                numbers = torch.stack([flat.norm(dim=1), flat.mean(1), flat.var(1, correction=0)])
                found.setdefault(name, []).append(numbers)
        every = {name: torch.stack(numbers, 1) for name, numbers in found.items()}
        return Watched(torch.tensor(steps), *({name: z[i] for name, z in every.items()} for i in range(3)))

    def _parts(self, state: Any) -> list[tuple[str, Tensor]]:
        headed, found = _memories(state) if self.heads else set(), []
        for name, z in named_tensors(state):
            if not z.numel() or not (z.is_floating_point() or z.is_complex()):
                continue
            split = name in headed and z.ndim > 2
            z = torch.view_as_real(z) if z.is_complex() else z
            found += [(f"{name}.head {h}", head) for h, head in enumerate(z.unbind(1))] if split else [(name, z)]
        return found


def _memories(state: Any, prefix: str = "") -> set[str]:
    """The names of the tensors that are memory of a recurrent layer, not of its local mixer."""
    if isinstance(state, State):
        return {name for name, _ in named_tensors(state.memory, f"{prefix}memory")}
    if isinstance(state, Tensor):
        return set()
    names = getattr(state, "_fields", range(len(state)))
    return set().union(*(_memories(part, f"{prefix}{name}.") for name, part in zip(names, state, strict=True)))


def bits_by_position(
    model: nn.Module, x: Integer[Tensor, "B T"], y: Integer[Tensor, "B T"], chunk: int = 512
) -> Float[Tensor, " T"]:
    """Bits that the targets y cost at each position, mean over the rows that have one there; NaN where none has.

    State is carried from one chunk to the next, as far as the sequences go: `by_octave` shows what becomes of a model
    past the lengths of its training. Compare models on the same tokens: a position is mostly about what stands there.
    """
    if x.ndim != 2 or not x.shape[1] or x.shape != y.shape:
        raise InputError(f"bits_by_position: expected tokens and targets (B, T) with T of 1 or more, got "
                         f"{tuple(x.shape)} and {tuple(y.shape)}")
    check_counts("bits_by_position", chunk=chunk)
    nats = [F.cross_entropy(logits.transpose(1, 2).double(), target, ignore_index=IGNORED, reduction="none")
            for target, (logits, _) in zip(y.split(chunk, 1), _pieces(model, x, chunk), strict=True)]
    return torch.cat(nats, 1).sum(0) / (y != IGNORED).sum(0) / math.log(2)


def by_octave(bits: Float[Tensor, " T"], first: int = 16) -> list[tuple[int, int, float]]:
    """Bits at positions up to `first`, from there to twice that, and so on: (from, to, mean); the last may be cut."""
    check_counts("by_octave", first=first)
    edges = [0]
    while edges[-1] < len(bits):
        edges.append(min(max(first, 2 * edges[-1]), len(bits)))
    return [(low, high, bits[low:high].nanmean().item()) for low, high in pairwise(edges)]


@torch.no_grad()
def _pieces(model: nn.Module, x: Tensor, size: int) -> Iterator[tuple[Tensor, Any]]:
    """What the model gives for each piece of x, with the state after it; without dropout, its mode restored."""
    state = None
    with undisturbed(model.modules()):
        for piece in x.split(size, 1):
            out, state = model(piece, state)
            yield out, state
