import numpy as np

from reprise.core.errors import check_counts
from reprise.data.batches import IGNORED
from reprise.data.tasks._task import Task

__all__ = ["Latch"]


class Latch(Task):
    """A symbol shown first is asked for at the last step; between them come others that mean nothing.

    Whatever the memory keeps, it must have taken at the first step and held against all that follow. Tokens: `symbols`
    symbols that mean nothing, as many that stand first, and a question.

    Source  Bengio et al. 1994, doi:10.1109/72.279181, the latch; Hochreiter & Schmidhuber 1997,
            doi:10.1162/neco.1997.9.8.1735, sec. 5.2, noise-free sequences with long lags
    Differs several symbols, where the first has two classes; disturbances are symbols, not numbers
    """

    shortest = 2

    def __init__(self, symbols: int = 4):
        check_counts("Latch", symbols=symbols)
        self.symbols = symbols

    @property
    def vocabulary(self):
        return 2 * self.symbols + 1

    @property
    def chance(self):
        return 1 / self.symbols

    def draw(self, rows, length, generator):
        x = generator.integers(0, self.symbols, (rows, length))
        y = np.full_like(x, IGNORED)
        x[:, 0] += self.symbols
        x[:, -1], y[:, -1] = 2 * self.symbols, x[:, 0]
        return x, y
