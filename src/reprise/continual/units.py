"""Hidden units as things of their own: where each is seen, and which weights lead into and out of it."""
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.optim import Optimizer

from reprise.core.errors import InputError

__all__ = ["Units", "chain_units", "forget_moments", "outgoing_size", "recurrent_units"]


class Units(NamedTuple):
    """A layer of hidden units, by the names of a model's modules and parameters.

    incoming: parameters (G * count, ...) whose rows lead into the units, G blocks of one row a unit (G gates).
    outgoing: parameters (..., count) whose columns lead out of them, each with the bias added beside it, or "".
    """

    seen: str  # the module whose outputs (..., count) are their activities
    count: int
    incoming: tuple[str, ...]
    outgoing: tuple[tuple[str, str], ...]

    def rows(self, parameter: Tensor) -> Tensor:
        """An incoming parameter as (G, count, ...), a view."""
        return parameter.view(-1, self.count, *parameter.shape[1:])


def chain_units(model: nn.Module) -> tuple[Units, ...]:
    """The hidden layers of a chain: Linear, activation, Linear, and so on, in the order the modules were made.

    Raises InputError for a model in which a Linear does not take what the last one gives, or there is only one.
    """
    leaves = [(name, module) for name, module in model.named_modules() if not list(module.children())]
    linears = [place for place, (_, module) in enumerate(leaves) if isinstance(module, nn.Linear)]
    found = []
    for place, following in pairwise(linears):
        (name, layer), (next_name, next_layer) = leaves[place], leaves[following]
        if next_layer.in_features != layer.out_features:
            raise InputError(f"chain_units: {next_name} takes {next_layer.in_features} numbers, {name} gives "
                             f"{layer.out_features}; a chain passes them on, say Units of other models by hand")
        incoming = (f"{name}.weight",) + (() if layer.bias is None else (f"{name}.bias",))
        bias = "" if next_layer.bias is None else f"{next_name}.bias"
        found.append(Units(leaves[following - 1][0], layer.out_features, incoming, ((f"{next_name}.weight", bias),)))
    if not found:
        raise InputError("chain_units: expected two Linear or more, with hidden units between them")
    return tuple(found)


def recurrent_units(model: nn.Module, layer: str, outgoing: Sequence[tuple[str, str]]) -> Units:
    """The hidden units of an elman, gru or lstm within a model: all gates' rows lead in, recurrent columns lead out.

    layer: its name in the model.   outgoing: weights that read its output, each with its bias, such as
    (("out.weight", "out.bias"),). A recurrent column's bias is the one of `from_h`, or of `from_x` where that has none.
    Raises InputError where the layer has not these two maps, or parameters besides, which units may have a part in.
    """
    cell = model.get_submodule(layer)
    maps = getattr(cell, "from_x", None), getattr(cell, "from_h", None)
    if not all(isinstance(m, nn.Linear) for m in maps):
        raise InputError(f"recurrent_units: {layer!r} is a {type(cell).__name__}; expected a cell with Linear maps "
                         "from_x and from_h, such as elman or gru")
    if maps[0].out_features != maps[1].out_features or maps[1].out_features % maps[1].in_features:
        raise InputError(f"recurrent_units: {layer!r} is a {type(cell).__name__} whose maps give "
                         f"{maps[0].out_features} and {maps[1].out_features} numbers; expected so many gates of its "
                         f"{maps[1].in_features} units from both")
    covered = {f"{side}.{name}" for side in ("from_x", "from_h") for name in ("weight", "bias")}
    if besides := [name for name, _ in cell.named_parameters() if name not in covered]:
        raise InputError(f"recurrent_units: {layer!r} is a {type(cell).__name__}, which has {besides[0]!r} besides "
                         "from_x and from_h; say its Units by hand, or take elman, gru or lstm")
    incoming = tuple(f"{layer}.{side}.{name}" for side, m in zip(("from_x", "from_h"), maps, strict=True)
                     for name, _ in m.named_parameters())
    beside = "from_x" if maps[1].bias is None else "from_h"
    own = (f"{layer}.from_h.weight", f"{layer}.{beside}.bias" if getattr(cell, beside).bias is not None else "")
    return Units(layer, maps[1].in_features, incoming, (own, *outgoing))


def outgoing_size(model: nn.Module, units: Units) -> Float[Tensor, "K"]:
    """The mean size of the weights that lead out of each unit."""
    return torch.cat([model.get_parameter(name) for name, _ in units.outgoing]).abs().mean(0)


def forget_moments(optimiser: Optimizer, parameter: nn.Parameter, chosen: Int64[Tensor, "n"], units: Units,
                   incoming: bool) -> None:
    """Clears what an optimiser remembers (momentum, second moments) of the weights into, or out of, chosen units.

    Its count of steps is of whole parameters, and stays.
    """
    for moment in optimiser.state.get(parameter, {}).values():
        if isinstance(moment, Tensor) and moment.shape == parameter.shape:
            if incoming:
                units.rows(moment)[:, chosen] = 0
            else:
                moment[..., chosen] = 0
