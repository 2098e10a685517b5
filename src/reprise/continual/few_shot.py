"""Classes that come later, a few examples each: the protocol of few-shot class-incremental learning."""
from collections.abc import Callable, Iterable

from torch import nn
from torch.optim import Optimizer

from reprise.continual.learning import learn
from reprise.continual.prototypes import Features, Prototypes, prototype_label, prototypes_of
from reprise.continual.strategy import Strategy
from reprise.core.errors import check_counts
from reprise.data.labelled import Labelled

__all__ = ["join_classes"]


def join_classes(
    model: nn.Module, prototypes: Prototypes, sessions: Iterable[Labelled], features: Features,
    optimiser: Callable[[nn.Module], Optimizer], strategy: Strategy | None = None, *, updates: int = 20,
) -> tuple[Prototypes, Strategy]:
    """Each session's new classes join the prototypes there are; what was learned before is session 0 of the strategy.

    In a session the model learns its few examples, all at each update, under prototypes of old and new classes; those
    of the new ones are then measured once more, and stay from there on. Old examples are never seen again.
    Source: Tao et al. 2020, arXiv:2004.10956, sec. 3 (tao2020fscil); Kang et al. 2023, arXiv:2303.14962, sec. 4
    """
    check_counts("join_classes", updates=updates)
    strategy = Strategy() if strategy is None else strategy
    for number, examples in enumerate(sessions, 1):
        strategy = strategy.begun(model, number)
        objective = prototype_label(prototypes.with_more(prototypes_of(model, [examples], features)), features)
        for step in learn(model, [examples] * updates, objective, optimiser(model), strategy):
            strategy = step.strategy
        strategy = strategy.consolidated(model, number, [examples], objective)
        prototypes = prototypes.with_more(prototypes_of(model, [examples], features))
    return prototypes, strategy
