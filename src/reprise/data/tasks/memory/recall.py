import numpy as np

from reprise.core.errors import InputError, check_counts
from reprise.data.batches import IGNORED
from reprise.data.tasks._task import Task

__all__ = ["Recall"]


class Recall(Task):
    """Multi-query associative recall: pairs of a key and a value, then every key again, whose value is asked for.

    Keys of a row differ; values may repeat. The keys come again in another order, at steps drawn evenly from those
    after the pairs, with blanks between; the target stands at the key. Tokens: a blank, `keys` keys, `values` values.

    Source  Arora et al. 2023, arXiv:2312.04927, sec. 3.1 (MQAR)
    Differs  gaps before a question are even, not from a power law; values need not differ
    """

    def __init__(self, pairs: int = 8, keys: int = 32, values: int = 16):
        check_counts("Recall", pairs=pairs, keys=keys, values=values)
        if keys < pairs:
            raise InputError(f"Recall: {pairs} pairs need as many different keys, got keys={keys}")
        self.pairs, self.keys, self.values = pairs, keys, values
        self.shortest = 3 * pairs

    @property
    def vocabulary(self):
        return 1 + self.keys + self.values

    @property
    def chance(self):
        return 1 / self.values

    def draw(self, rows, length, generator):
        N, row = self.pairs, np.arange(rows)[:, None]
        keys = 1 + generator.permuted(np.tile(np.arange(self.keys), (rows, 1)), axis=1)[:, :N]
        values = 1 + self.keys + generator.integers(0, self.values, (rows, N))
        x, y = np.zeros((rows, length), np.int64), np.full((rows, length), IGNORED)
        x[:, : 2 * N : 2], x[:, 1 : 2 * N : 2] = keys, values
        later = np.tile(np.arange(2 * N, length), (rows, 1))
        at = generator.permuted(later, axis=1)[:, :N]
        x[row, at], y[row, at] = keys, values
        return x, y
