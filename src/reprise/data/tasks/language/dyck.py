import numpy as np

from reprise.core.errors import InputError, check_counts
from reprise.data.batches import IGNORED
from reprise.data.tasks._task import Task

__all__ = ["Dyck"]


class Dyck(Task):
    """Brackets of several kinds, nested up to `depth`: after each closing one, which would be right to close next?

    Tokens: `kinds` opening brackets, as many closing ones, and one more, a target only: nothing is open. Where both
    are allowed a bracket opens or closes with equal chance. After an opening bracket nothing is asked.

    Source  Hewitt et al. 2020, arXiv:2010.07515, Dyck-(k, m)
    """

    shortest = 2

    def __init__(self, kinds: int = 2, depth: int = 6):
        check_counts("Dyck", kinds=kinds, depth=depth)
        if depth < 2:
            raise InputError(f"Dyck: expected a depth of 2 or more, got {depth}: deeper brackets need memory")
        self.kinds, self.depth = kinds, depth

    @property
    def vocabulary(self):
        return 2 * self.kinds + 1

    @property
    def chance(self):
        nothing_open = 1 / self.depth  # in a long sequence: every height below the highest is as likely after closing
        return max(nothing_open, (1 - nothing_open) / self.kinds)

    def draw(self, rows, length, generator):
        opened = generator.integers(0, self.kinds, (rows, length))
        opens = generator.random((rows, length)) < 0.5
        stack, height, row = np.zeros((rows, self.depth + 1), np.int64), np.zeros(rows, np.int64), np.arange(rows)
        x, y = np.empty((2, rows, length), np.int64)
        for t in range(length):
            opening = (height == 0) | (opens[:, t] & (height < self.depth))
            x[:, t] = np.where(opening, opened[:, t], self.kinds + stack[row, height])
            height += np.where(opening, 1, -1)
            stack[row, height] = np.where(opening, opened[:, t], stack[row, height])
            inside = np.where(height == 0, 2 * self.kinds, self.kinds + stack[row, height])
            y[:, t] = np.where(opening, IGNORED, inside)
        return x, y
