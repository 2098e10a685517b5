"""Dynamic evaluation: a trained model goes on learning from what it reads, each segment after it was predicted.

Source: Krause et al. 2017, arXiv:1709.07432, sec. 3, 4 (krause2017dynamic)
"""
import copy
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.core.errors import InputError, check_counts, suggest
from reprise.core.state import detach, move
from reprise.training.objectives import Objective, Scored, carried, next_token

__all__ = ["Moved", "Reader", "Rule", "evaluate_dynamically", "gradient_sizes", "with_matrix"]


@dataclass(frozen=True)
class Rule:
    """How weights move after a segment with gradient g, from weights w that were w_0 when reading began.

        w <- w - rate g / (size + epsilon) + pull (w_0 - w),   pull = min(decay size / mean size, 1)

    sizes: of every parameter's gradients in training, from `gradient_sizes`; without them size is 1 and epsilon 0:
    gradient descent with a pull back to where it began. Mean size is the mean over tensors of each tensor's mean.
    """

    rate: float = 5e-5
    decay: float = 2e-3
    epsilon: float = 2e-5
    sizes: dict[str, Tensor] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not (self.rate >= 0 and 0 <= self.decay <= 1 and self.epsilon >= 0):
            raise InputError(f"Rule: expected rate >= 0, decay from 0 to 1 and epsilon >= 0, got rate={self.rate}, "
                             f"decay={self.decay}, epsilon={self.epsilon}")


class Reader:
    """A copy of a model that reads on and learns; the model itself stays what it is.

    `read` scores a batch with the weights there are, then learns from it. State is carried, detached, where rows go on.
    Raises InputError where a rule has sizes of other parameters.
    """

    def __init__(self, model: nn.Module, rule: Rule):
        self.model, self.rule, self.state = copy.deepcopy(model).eval(), rule, None
        self.first = {name: p.detach().clone() for name, p in self._learned()}
        if rule.sizes is not None:
            shapes = {name: p.shape for name, p in self._learned()}
            if shapes != {name: s.shape for name, s in rule.sizes.items()}:
                raise InputError("Reader: the rule's sizes are of other parameters than the model's; "
                                 "measure them with gradient_sizes on this model")
            self.mean = torch.stack([s.mean() for s in rule.sizes.values()]).mean()

    def read(self, batch: Any, objective: Objective = next_token) -> Scored:
        """What the batch costs before anything is learned from it. Raises ValueError for a loss that is not finite."""
        state = carried(batch, self.state)
        batch = move(batch, next(self.model.parameters()).device)
        self.model.zero_grad()
        scored = objective(self.model, batch, state)
        loss = scored.total / max(scored.count, 1)
        if not math.isfinite(loss.item()):
            raise ValueError(f"dynamic evaluation has left what is finite (rate={self.rule.rate}); lower the rate, "
                             "or raise the decay")
        loss.backward()
        self._learn()
        self.state = detach(scored.state)
        return Scored(scored.total.detach(), scored.count, self.state)

    @torch.no_grad()
    def _learn(self) -> None:
        rule = self.rule
        for name, p in self._learned():
            gradient, pull = torch.zeros_like(p) if p.grad is None else p.grad, rule.decay
            if rule.sizes is not None:
                size = rule.sizes[name]
                gradient, pull = gradient / (size + rule.epsilon), (rule.decay * size / self.mean).clamp(max=1)
            p.add_(pull * (self.first[name] - p) - rule.rate * gradient)

    def _learned(self) -> list[tuple[str, nn.Parameter]]:
        return [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]


class Moved(nn.Module):
    """A module whose hidden vectors are moved by a matrix, one a row of the batch: h' = h + M_b h, M_b = 0 at first.

    Every M_b learns as it would alone: of an objective that is a mean over rows, it is given the gradient of its own.
    """

    def __init__(self, inside: nn.Module, width: int, rows: int):
        super().__init__()
        like = next(inside.parameters())
        self.inside, self.matrix = inside, nn.Parameter(like.new_zeros(rows, width, width))

    def forward(self, x: Float[Tensor, "B *T D"]) -> Float[Tensor, "B *T D"]:
        h, rows = self.inside(x), len(self.matrix)
        if len(h) != rows:
            raise InputError(f"with_matrix: the model learns {rows} rows at once and was given {len(h)}; "
                             f"build it with rows={len(h)}")
        own = rows * self.matrix - (rows - 1) * self.matrix.detach()
        return h + torch.einsum("b...d, bed -> b...e", h, own)


def with_matrix(model: nn.Module, rows: int = 1, at: str = "norm") -> nn.Module:
    """A copy of the model, for sparse dynamic evaluation: all of it is fixed but a matrix M_b on a hidden state.

    at: the name of the module that gives the hidden state: one of vectors (B T D) in and out, with parameters of D
    numbers. Rows do not mix, so a batch of streams is read at once, each with a matrix of its own; D^2 numbers a row.
    `Reader`, `gradient_sizes` and `evaluate_dynamically` take it like any model. Raises InputError for no such module.

    Source  Krause et al. 2017, arXiv:1709.07432, sec. 5 (krause2017dynamic)
    Differs  the moved state goes on to the read-out; it does not also return into the recurrence that gave it
    """
    check_counts("with_matrix", rows=rows)
    modules = dict(model.named_modules())
    if not at or at not in modules or next(modules[at].parameters(recurse=False), None) is None:
        raise InputError(f"with_matrix: expected a module with parameters of its own, got {at!r}"
                         f"{suggest(at, model._modules)}")
    copied = copy.deepcopy(model).requires_grad_(False)
    inside = copied.get_submodule(at)
    width = next(inside.parameters()).shape[0]
    copied.set_submodule(at, Moved(inside, width, rows))
    return copied


def gradient_sizes(model: nn.Module, batches: Iterable, objective: Objective = next_token) -> dict[str, Tensor]:
    """The root mean square, over batches of training data, of every parameter's gradient. The model is not changed.

    Raises InputError where there is no batch.
    """
    copied, state, count = copy.deepcopy(model).eval(), None, 0
    learned = [(name, p) for name, p in copied.named_parameters() if p.requires_grad]
    squares = {name: torch.zeros_like(p) for name, p in learned}
    for batch in batches:
        scored = objective(copied, move(batch, learned[0][1].device), carried(batch, state))
        loss = scored.total / max(scored.count, 1)
        found = torch.autograd.grad(loss, [p for _, p in learned], allow_unused=True, materialize_grads=True)
        for (name, _), gradient in zip(learned, found, strict=True):
            squares[name] += gradient.square()
        state, count = detach(scored.state), count + 1
    if not count:
        raise InputError("gradient_sizes: no batch was given; give some of what the model was trained on")
    return {name: (square / count).sqrt() for name, square in squares.items()}


def evaluate_dynamically(
    model: nn.Module, batches: Iterable, rule: Rule, objective: Objective = next_token
) -> float:
    """Bits per counted target over all batches, each learned from after it is scored; `evaluate` where rate is 0.

    Batches are short segments of one stream, some 5 words or 20 characters of it. Raises InputError where nothing is
    counted.
    """
    reader, total, count = Reader(model, rule), 0.0, 0
    for batch in batches:
        scored = reader.read(batch, objective)
        total, count = total + scored.total.item(), count + scored.count
    if not count:
        raise InputError("evaluate_dynamically: no target was counted; give batches with a target other than -100")
    return total / count / math.log(2)
