"""Beam search: the likeliest text among those of which every beginning was among the likeliest of its length."""
import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor, nn

from reprise.core.errors import InputError, check_counts
from reprise.core.modes import undisturbed
from reprise.core.state import fork, select
from reprise.generation.decoding import read_prompts

__all__ = ["Found", "beam_search"]


class Found(NamedTuple):
    """One text a prompt."""

    texts: Int[Tensor, "B L"]  # `end` from the first one on; a row without it has not ended
    scores: Float[Tensor, "B"]  # log-probability, its end included


class Beams:
    """The running beginnings of every prompt, how they came about, and the best text that has ended."""

    def __init__(self, prompts: int, beams: int, length: int):
        self.scores = torch.full((prompts, beams), -math.inf, dtype=torch.float64)
        self.scores[:, 0] = 0.0  # all copies of a prompt are alike: one counts
        self.parents, self.tokens = torch.zeros((2, length, prompts, beams), dtype=torch.int64)
        self.best = torch.full((prompts,), -math.inf, dtype=torch.float64)
        self.best_at = torch.zeros((prompts, 2), dtype=torch.int64)  # steps before its end, the beam it ended

    def advance(self, t: int, going: Tensor, logits: Float[Tensor, "N V"], end: int) -> tuple[Tensor, Tensor]:
        """One step of the prompts that go on: the parent and the token of their beams (G k)."""
        k, V = self.scores.shape[1], logits.shape[-1]
        every = self.scores[going][..., None] + torch.log_softmax(logits.double(), -1).view(len(going), k, V)
        scores, places = every.flatten(1).topk(2 * k, dim=1)  # each beam ends once: at least k of these go on
        ends = places % V == end
        self._end(t, going, scores[:, :k].masked_fill(~ends[:, :k], -math.inf), places[:, :k] // V)
        kept = ends.long().sort(dim=1, stable=True).indices[:, :k]  # in order, those that go on first
        self.scores[going], places = scores.gather(1, kept), places.gather(1, kept)
        self.parents[t, going], self.tokens[t, going] = places // V, places % V
        return places // V, places % V

    def _end(self, t: int, going: Tensor, scores: Tensor, beams: Tensor) -> None:
        score, which = scores.max(1)
        better = score > self.best[going]
        rows = going[better]
        self.best[rows] = score[better]
        self.best_at[rows] = torch.stack([torch.full_like(rows, t), beams.gather(1, which[:, None])[better, 0]], 1)

    def trace(self, row: int, steps: int, beam: int) -> Int[Tensor, "T"]:
        """The tokens of a beam after so many steps."""
        found = []
        for t in reversed(range(steps)):
            found.append(int(self.tokens[t, row, beam]))
            beam = int(self.parents[t, row, beam])
        return torch.tensor(found[::-1], dtype=torch.int64)


@torch.no_grad()
def beam_search(
    model: nn.Module, prompts: Integer[Tensor, "B P"], end: int, length: int, beams: int = 4
) -> Found:
    """The likeliest of `beams` running beginnings after each prompt, at most `length` tokens, end included.

    An end counts where it is among the `beams` likeliest next steps of a prompt's beams. A prompt is done when a text
    that has ended is likelier than all that go on, which could only become less likely; what is likelier at the last
    step and has not ended is given as it is. Scores are not divided by lengths. With one beam it is greedy decoding.

    model: anything with `forward`, `step` and a state that is a tree of tensors; it reads without dropout and is left
    in the mode it was in. Raises InputError for fewer than two tokens to choose from.
    """
    check_counts("beam_search", length=length, beams=beams)
    with undisturbed(model.modules()):
        return _searched(model, prompts, end, length, beams)


def _searched(model: nn.Module, prompts: Integer[Tensor, "B P"], end: int, length: int, beams: int) -> Found:
    logits, state = read_prompts(model, prompts)
    if not (logits.shape[-1] > 1 and 0 <= end < logits.shape[-1]):
        raise InputError(f"beam_search: expected end among two tokens or more, got end={end} of {logits.shape[-1]}")
    held, going, k = Beams(len(prompts), beams, length), torch.arange(len(prompts)), beams
    logits, state = logits.repeat_interleave(k, 0), fork(state, k)
    for t in range(length):
        parents, tokens = held.advance(t, going, logits.cpu(), end)
        rows = (held.best[going] < held.scores[going, 0]).nonzero()[:, 0]
        if not len(rows) or t == length - 1:
            break
        state = select(state, (rows[:, None] * k + parents[rows]).flatten())
        going = going[rows]
        logits, state = model.step(tokens[rows].flatten().to(prompts.device), state)
    return _found(held, length, end)


def _found(held: Beams, length: int, end: int) -> Found:
    texts, ended = torch.full((len(held.best), length), end), held.best >= held.scores[:, 0]
    for row, done in enumerate(ended.tolist()):
        steps, beam = held.best_at[row].tolist() if done else (length, 0)
        texts[row, :steps] = held.trace(row, steps, beam)
    return Found(texts, torch.where(ended, held.best, held.scores[:, 0]))
