"""Winning subnetworks: each task picks weights by score, may use those of earlier tasks, and changes none of them."""
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from reprise.continual.masks import masked, scored_mask
from reprise.continual.strategy import Strategy, with_values
from reprise.core.errors import InputError

__all__ = ["WinningSubnetworks"]

ORIGINAL = "parametrizations.weight.original"


@dataclass(frozen=True, eq=False)
class WinningSubnetworks(Strategy):
    """A binary mask for each task on the weights of some Linear maps, learned together with the weights:

        m = 1 for the largest |scores|, share c of each matrix;   effective weight = w m
        scores <- scores - rate g w sign(scores);   w <- w - rate g m (1 - M),   M: any earlier task's mask

    A task's answers therefore never change once it is learned. Scores go on from task to task. What an optimiser would
    do to a frozen weight (momentum, decay) is undone after its step. All else in the model (biases, norms, a head) each
    task has for itself, and begins as at the start. Which task a question is of must be known.

    modules: names of the Linear maps, of a recurrent cell too.   reuse: False bars the weights of earlier tasks, and
    each task packs its own into what is left.
    Source: Kang et al. 2022, ICML, sec. 3 (kang2022forget); 2023, arXiv:2303.14962, sec. 3, alg. 1 (kang2023softnet)
    Differs: the official code lets a mask keep what equals the threshold; this one keeps exactly the share
    """

    modules: tuple[str, ...]
    share: float = 0.3
    reuse: bool = True
    generator: torch.Generator | None = None
    masks: tuple[dict[str, Bool[Tensor, "..."]], ...] = field(default=(), repr=False)  # of each task learned
    frozen: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict, repr=False)  # which are used; weights then
    first: dict[str, Tensor] | None = field(default=None, repr=False)  # what each task has for itself, at the start
    kept: tuple[dict[str, Tensor], ...] = field(default=(), repr=False)  # and after it was learned

    def __post_init__(self) -> None:
        if not (0 < self.share <= 1 and self.modules):
            raise InputError("WinningSubnetworks: expected names of modules and a share above 0, to 1, "
                             f"got modules={self.modules}, share={self.share}")

    def begun(self, model, task):
        if self.first is None:
            masked(model, self.modules, self.share, generator=self.generator)
            return replace(self, first=self._own(model))
        model.load_state_dict(self.first, strict=False)
        if not self.reuse:
            for name, (used, _) in self.frozen.items():
                scored_mask(model, name).barred = used
        return self

    @torch.no_grad()
    def updated(self, update):
        for name, (used, value) in self.frozen.items():
            weight = update.model.get_parameter(f"{name}.{ORIGINAL}")
            weight.copy_(torch.where(used, value, weight))
        return self

    @torch.no_grad()
    def consolidated(self, model, task, batches, objective):
        masks = {name: scored_mask(model, name).mask().bool() for name in self.modules}
        after = replace(self, masks=(*self.masks, masks), kept=(*self.kept, self._own(model)))
        return replace(after, frozen={name: (used, model.get_parameter(f"{name}.{ORIGINAL}").clone())
                                      for name, used in after.used().items()})

    def answering(self, model, task):
        if task >= len(self.masks):
            return model
        copied = with_values(model, self.kept[task])
        for name, mask in self.masks[task].items():
            scored_mask(copied, name).settled = mask.float()
        return copied

    def used(self, tasks: int | None = None) -> dict[str, Bool[Tensor, "..."]]:
        """Which weights any task learned so far has in its mask; or any of the first so many. Nothing for no task."""
        masks = self.masks[:tasks]
        return {name: torch.stack([mask[name] for mask in masks]).any(0) for name in self.modules} if masks else {}

    def used_share(self, tasks: int | None = None) -> float:
        """Of all weights under masks, those."""
        used = list(self.used(tasks).values())
        return sum(int(u.sum()) for u in used) / max(sum(u.numel() for u in used), 1)

    def _own(self, model: nn.Module) -> dict[str, Tensor]:
        """Everything but the masked weights and their masks."""
        masked_parts = tuple(f"{name}.parametrizations.weight." for name in self.modules)
        return {name: value.clone() for name, value in model.state_dict().items() if not name.startswith(masked_parts)}
