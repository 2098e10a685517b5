"""Training and evaluation: a model asked in the midst of training, and left as it was."""
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import nn

__all__ = ["undisturbed"]


@contextmanager
def undisturbed(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Without dropout, also in the midst of training: every one of the modules of a model in evaluation mode.

    Each is left in the mode it was in.
    """
    trained = [module for module in modules if module.training]
    for module in trained:
        module.training = False
    try:
        yield
    finally:
        for module in trained:
            module.training = True
