import numpy as np

from reprise.core.errors import InputError, check_counts
from reprise.data.batches import IGNORED
from reprise.data.tasks.memory._copying import ASK, BLANK, FIRST, Copying

__all__ = ["Copy"]


class Copy(Copying):
    """Symbols, `delay` blanks, and as many marks as there were symbols, at which each is asked for, in their order.

    A sequence of T steps has (T - delay) // 2 symbols; one step too many is a blank before them. Tokens: a blank, a
    mark, `kinds` symbols.

    Source  Arjovsky et al. 2016, arXiv:1511.06464, sec. 5.1: 8 kinds, T = 2 10 + delay
    Differs  a mark at every step that is asked, where theirs are one mark and then blanks; the other steps, whose
             target is blank there, are not counted
    """

    def __init__(self, kinds: int = 8, delay: int = 0):
        check_counts("Copy", kinds=kinds)
        if isinstance(delay, bool) or not isinstance(delay, int) or delay < 0:
            raise InputError(f"Copy: expected a delay of 0 steps or more, got {delay!r}")
        self.kinds, self.delay, self.shortest = kinds, delay, delay + 2

    def draw(self, rows, length, generator):
        count = (length - self.delay) // 2
        symbols = FIRST + generator.integers(0, self.kinds, (rows, count))
        x, y = np.full((rows, length), BLANK), np.full((rows, length), IGNORED)
        asked = length - count
        x[:, asked - self.delay - count : asked - self.delay], x[:, asked:], y[:, asked:] = symbols, ASK, symbols
        return x, y
