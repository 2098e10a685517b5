"""Parameters that every task has for itself: heads, norms, biases."""
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from reprise.continual.strategy import Strategy, with_values
from reprise.core.errors import InputError

__all__ = ["OwnValues"]

Values = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class OwnValues(Strategy):
    """Some modules have values for each task: a task begins with their first, and is answered with its own.

    modules: their names; a head for each task is `OwnValues(("out",))`. Buffers, such as a batch norm's statistics, are
    kept too. Which task a question is of must be known.
    """

    modules: tuple[str, ...]
    first: Values = field(default_factory=dict, repr=False)
    kept: tuple[Values, ...] = field(default=(), repr=False)

    def begun(self, model, task):
        first = self.first or self._values(model)
        model.load_state_dict(first, strict=False)
        return replace(self, first=first)

    def consolidated(self, model, task, batches, objective):
        return replace(self, kept=(*self.kept, self._values(model)))

    def answering(self, model, task):
        return with_values(model, self.kept[task]) if task < len(self.kept) else model

    @torch.no_grad()
    def _values(self, model: nn.Module) -> Values:
        known = dict(model.named_modules())
        if wrong := [name for name in self.modules if name not in known]:
            raise InputError(f"OwnValues: no module is named {wrong[0]!r}; the model has "
                             f"{', '.join(filter(None, known))}")
        return {f"{name}.{part}": value.clone() for name in self.modules
                for part, value in known[name].state_dict().items()}
