"""What the matrices of a model multiply, seen while it reads some data: what one-shot compression asks of a model."""
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import MethodType
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode

from reprise.bases.cell import Cell
from reprise.bases.recurrent import Recurrent
from reprise.core.errors import InputError
from reprise.training.objectives import Objective, evaluate, next_token

__all__ = ["Seen", "block_by_block", "blocks_of", "matrices"]

Gather = Callable[[Float[Tensor, "N D"]], Tensor]  # of the inputs of one call; added up over calls


class Seen(NamedTuple):
    """A matrix, and what was gathered of its inputs (None where nothing was asked for)."""

    block: int
    name: str
    weight: nn.Parameter
    gathered: Tensor | None


def blocks_of(model: nn.Module) -> Sequence[nn.Module]:
    """The blocks of its stack, which leaves embedding and head alone; of a model without a stack, the model itself."""
    return getattr(getattr(model, "stack", model), "blocks", [model])


def matrices(model: nn.Module, blocks: Sequence[nn.Module] | None = None) -> list[dict[str, nn.Parameter]]:
    """Of each block the weights of its linear maps, by their names in the model; one that is shared, where it is first.

    Raises InputError where there is none at all.
    """
    names, found, known = {id(p): name for name, p in model.named_parameters()}, [], set()
    for block in blocks_of(model) if blocks is None else blocks:
        weights = [m.weight for m in block.modules() if isinstance(m, nn.Linear)]
        found.append({names[id(w)]: w for w in weights if id(w) in names and id(w) not in known})
        known.update(map(id, weights))
    if not any(found):
        raise InputError(f"{type(model).__name__}: no block holds an nn.Linear of the model; "
                         "give `blocks`, modules of this model that do")
    return found


def block_by_block(
    model: nn.Module, batches: Iterable, gather: Gather, blocks: Sequence[nn.Module] | None = None,
    objective: Objective = next_token,
) -> Iterator[Seen]:
    """Every matrix of every block, with `gather` of all inputs that it met, summed over `batches` (finitely many).

    What is done to a block's matrices before the next block is asked for, that one's inputs already show: the model
    reads the data again for every block, in evaluation mode, as `objective` has it read. Recurrent matrices are seen
    with the h_{t-1} they multiply: cells run by their definition meanwhile, step by step. What no step multiplied by is
    left out.
    """
    batches = list(batches)
    for index, weights in enumerate(matrices(model, blocks)):
        if not weights:
            continue
        watch = _Watch({id(w): name for name, w in weights.items()}, gather)
        with _by_definition(model), watch:
            evaluate(model, batches, objective)
        for name, gathered in watch.sums.items():
            yield Seen(index, name, weights[name], gathered)


class _Watch(TorchFunctionMode):
    """Sees every linear map of certain weights, whether a module calls it or a layer's own equations."""

    def __init__(self, names: dict[int, str], gather: Gather):
        super().__init__()
        self.names, self.gather, self.sums = names, gather, {}

    def __torch_function__(self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if function is linear:
            x, weight = (*args, *(kwargs[key] for key in ("input", "weight")[len(args):]))[:2]
            if (name := self.names.get(id(weight))) is not None:
                x = x.detach().flatten(0, -2)
                met = self.gather(x.to(torch.promote_types(x.dtype, torch.float32)))
                self.sums[name] = self.sums[name] + met if name in self.sums else met
        return function(*args, **kwargs)


@contextmanager
def _by_definition(model: nn.Module) -> Iterator[None]:
    """Cells step by step: a fused operation would multiply by their weights unseen, and a solver several times."""
    cells = [(module, module.solver) for module in model.modules() if isinstance(module, Cell)]
    for cell, _ in cells:
        cell.run, cell.recur, cell.solver = MethodType(Recurrent.run, cell), MethodType(Cell.recur, cell), None
    try:
        yield
    finally:
        for cell, solver in cells:
            del cell.run, cell.recur
            cell.solver = solver
