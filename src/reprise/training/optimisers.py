"""AdamW, with the groups of parameters that a recurrent model asks for."""
from collections.abc import Iterator

import torch
from torch import nn

from reprise.core.errors import InputError

__all__ = ["adamw", "parameter_groups"]


def adamw(
    model: nn.Module, rate: float = 1e-3, weight_decay: float = 0.1, *,
    recurrent_factor: float = 0.25, betas: tuple[float, float] = (0.9, 0.95),
) -> torch.optim.AdamW:
    """AdamW over `parameter_groups(model)`: "decayed" alone has weight decay; "recurrent" learns slower by the factor.

    Source: Loshchilov & Hutter 2019, arXiv:1711.05101; the slower group, Orvieto et al. 2023, arXiv:2303.06349, sec. 3.
    """
    if not rate > 0 or weight_decay < 0 or not recurrent_factor > 0:
        raise InputError(f"adamw: expected rate > 0, weight_decay >= 0 and recurrent_factor > 0, got rate={rate}, "
                         f"weight_decay={weight_decay}, recurrent_factor={recurrent_factor}")
    groups = []
    for name, parameters in parameter_groups(model).items():
        own = rate * recurrent_factor if name == "recurrent" else rate
        groups.append({"name": name, "params": [p for _, p in parameters], "lr": own, "initial_lr": own,
                       "weight_decay": weight_decay if name == "decayed" else 0.0})
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=rate, betas=betas)


def parameter_groups(model: nn.Module) -> dict[str, list[tuple[str, nn.Parameter]]]:
    """Every trained parameter by name, once, in one of three groups.

    "recurrent": those a module lists in `recurrent_parameters`, which its paper trains slower and without weight decay.
    "plain": vectors, biases, gains, embeddings and what a module lists in `undecayed_parameters`, without weight decay.
    "decayed": the matrices that are left.
    """
    recurrent = set(_listed(model, "recurrent_parameters"))
    undecayed = {*_embedded(model), *_listed(model, "undecayed_parameters")}
    groups: dict[str, list[tuple[str, nn.Parameter]]] = {"decayed": [], "plain": [], "recurrent": []}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        plain = parameter.ndim < 2 or parameter in undecayed
        groups["recurrent" if parameter in recurrent else "plain" if plain else "decayed"].append((name, parameter))
    return groups


def _listed(model: nn.Module, attribute: str) -> Iterator[nn.Parameter]:
    """The parameters that modules name in a class attribute."""
    for module in model.modules():
        for name in getattr(module, attribute, ()):
            try:
                yield module.get_parameter(name)
            except AttributeError as error:
                known = ", ".join(name for name, _ in module.named_parameters())
                raise InputError(f"{type(module).__name__}.{attribute} lists {name!r}, which it lacks; "
                                 f"its parameters: {known}") from error


def _embedded(model: nn.Module) -> Iterator[nn.Parameter]:
    for module in model.modules():
        if isinstance(module, nn.Embedding | nn.EmbeddingBag):
            yield module.weight
