"""What can be timed: every operation by each backend, every layer, and models of four; each checked before."""
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from reprise.app.bench.baselines import (
    Ways,
    layer_baselines,
    model_baselines,
    module_pass,
    operation_baselines,
    update,
)
from reprise.core.errors import InputError, suggest
from reprise.core.state import count_bytes, map_state, named_tensors
from reprise.layers import create_layer, list_layers
from reprise.models.language_model import LanguageModel
from reprise.testing.operations import backends_of, call, evaluate, list_operations, operation, usual_case

__all__ = ["PASSES", "Subject", "Wrong", "choose_subjects", "operation_pass"]

PASSES = ("forward", "training", "step")
WIDTH = 256
CHECKED = 256  # steps for which the definition is asked as well: a loop in torch
CLOSE = 1e-3  # of the largest number of a result: float32, sums in another order
CELLS = ("elman", "gru", "lstm")
OURS = "reprise"
DEPTH = 4


class Wrong(Exception):
    """It computes something else than its definition: there is no point in how fast it does."""


class Subject(NamedTuple):
    """One input in one pass, and the ways to do it: ours, which are checked, and those of others."""

    kind: str  # operation, layer or model
    name: str
    shape: str
    kind_of_pass: str
    ours: Ways
    others: Ways
    moved: int  # bytes that must be read and written at least
    flops: int  # of its matrix products, one way and, in training, back


def choose_subjects(names: list[str], passes: tuple[str, ...], T: int) -> Iterator[Callable[[], list[Subject]]]:
    """Those of these names (all operations and layers if none), made one after the other for want of memory."""
    if wrong := [p for p in passes if p not in PASSES]:
        raise InputError(f"bench: no pass is named {wrong[0]!r}{suggest(wrong[0], PASSES)}")
    known = [*list_operations(), *list_layers(), "models"]
    for name in names:
        if name not in known:
            raise InputError(f"bench: there is no operation or layer named {name!r}{suggest(name, known)}")
    names = names or [*list_operations(), *list_layers()]
    for name in dict.fromkeys(names):
        if name in list_operations():
            yield lambda name=name: list(operations(name, passes, T))
        if name in list_layers():
            yield lambda name=name: list(layers(name, passes, T))
        if name == "models":
            for layer in list_layers():
                yield lambda layer=layer: list(models(layer))


def operations(name: str, passes: tuple[str, ...], T: int) -> Iterator[Subject]:
    """The operation on its usual input, by every backend but the definition, which they are checked against."""
    _check(name)
    for kind_of_pass in passes:
        case = usual_case(name, 1 if kind_of_pass == "step" else T)
        arguments = map_state(Tensor.contiguous, case.arguments(torch.float32))
        first, training = next(named_tensors(arguments))[1], kind_of_pass == "training"
        results = call(operation(name), arguments, case.marks, "auto", **case.options)
        moved = count_bytes(arguments) + count_bytes(results)
        backends = ["auto"] if kind_of_pass == "step" else backends_of(name)[1:]
        ours = {backend: operation_pass(name, case, arguments, backend, training) for backend in backends}
        yield Subject("operation", name, _shape(first), kind_of_pass, ours,
                      operation_baselines(name, arguments, training), moved * _ways(training),
                      case.flops * _ways(training))


def layers(name: str, passes: tuple[str, ...], T: int) -> Iterator[Subject]:
    """The layer, 256 wide: over (4, T), for cells (16, 512) and (1, 4096), and step by step."""
    for kind_of_pass in passes:
        for B, steps in [(1, 1)] if kind_of_pass == "step" else [(16, 512), (1, 4096)] if name in CELLS else [(4, T)]:
            torch.manual_seed(0)
            layer, x, training = create_layer(name, WIDTH), torch.randn(B, steps, WIDTH), kind_of_pass == "training"
            weights = sum(p.numel() for p in layer.parameters() if p.ndim > 1)
            run = _step(layer, x) if kind_of_pass == "step" else module_pass(layer, layer, x, training)
            yield Subject("layer", name, _shape(x), kind_of_pass, {OURS: run},
                          layer_baselines(name, x, kind_of_pass), 4 * (2 * x.numel() + weights) * _ways(training),
                          2 * B * steps * weights * _ways(training))


def models(name: str, B: int = 4, T: int = 512) -> Iterator[Subject]:
    """A language model of four such layers, 256 wide: one update's forward and backward pass.

    With channel mixers; and without, where another library has the same model so.
    """
    tokens = torch.randint(256, (B, T + 1))
    others = model_baselines(name, WIDTH, DEPTH, tokens)
    for channel, beside in (("glu", {}), (None, others)) if others else (("glu", {}),):
        torch.manual_seed(0)
        model = LanguageModel(name, WIDTH, DEPTH, channel)
        parameters = sum(p.numel() for p in model.parameters()) - model.embedding.weight.numel()
        shape = f"{DEPTH} layers{'' if channel else ' alone'}, {B} x {T} x {WIDTH}"
        yield Subject("model", name, shape, "training", {OURS: update(model, tokens, lambda m, x: m(x)[0])}, beside,
                      12 * parameters, 6 * parameters * B * T)


def _check(name: str) -> None:
    """Results and gradients of every backend against the definition's."""
    case = usual_case(name, CHECKED)
    arguments = case.arguments(torch.float32)
    wanted = evaluate(name, case, "reference", arguments)
    for backend in backends_of(name)[1:]:
        found = evaluate(name, case, backend, arguments)
        for part, want in wanted.items():
            off, most = ((z.detach().abs().max().item() if z.numel() else 0.0) for z in (found[part] - want, want))
            if not off <= CLOSE * most + 1e-6:
                raise Wrong(f"{name}, {backend}: {part} is off by {off:.2g}, where the largest number is {most:.2g}")


def operation_pass(name: str, case: Any, arguments: tuple, backend: str, training: bool) -> Callable[[], object]:
    """One call; where training, with the gradient of what is read in all arguments: no gradient comes to the end."""
    run = partial(operation(name), backend=backend, **case.options)
    if not training:
        return lambda: run(*arguments, case.marks)
    given = map_state(lambda z: z.detach().requires_grad_(), arguments)
    leaves = [z for _, z in named_tensors(given)]
    read = [torch.ones_like(z) for _, z in named_tensors(run(*given, case.marks)[0])]
    return lambda: torch.autograd.grad([z for _, z in named_tensors(run(*given, case.marks)[0])], leaves, read,
                                       allow_unused=True)


def _step(layer: Any, x: Tensor) -> Callable[[], object]:
    layer.eval()
    state, x_t = layer.initial_state(1), x[:, 0].clone()
    layer.prepare_step(1)

    def step():
        nonlocal state
        y, state = layer.step(x_t, state)
        return y

    return step


def _ways(training: bool) -> int:
    """Backward does the work of forward twice: once for what was given, once for the parameters."""
    return 3 if training else 1


def _shape(z: Tensor) -> str:
    return " x ".join(map(str, z.shape))
