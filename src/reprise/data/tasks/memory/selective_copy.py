import numpy as np

from reprise.core.errors import check_counts
from reprise.data.batches import IGNORED
from reprise.data.tasks.memory._copying import ASK, BLANK, FIRST, Copying

__all__ = ["SelectiveCopy"]


class SelectiveCopy(Copying):
    """`count` symbols among blanks, at steps drawn evenly, and then a mark for each, at which it is asked for.

    What is to be kept is told by what it is, not by where it stands: one filter over time, fixed, does not
    do. The symbols are asked for in their order. Tokens: a blank, a mark, `kinds` symbols.

    Source  Gu & Dao 2023, arXiv:2312.00752, sec. 4.1.1; 16 symbols, of 16 tokens in all; Jing et al. 2017,
        arXiv:1706.02761 (denoising)
    Differs  a mark at every step that is asked
    """

    def __init__(self, count: int = 16, kinds: int = 14):
        check_counts("SelectiveCopy", count=count, kinds=kinds)
        self.count, self.kinds, self.shortest = count, kinds, 2 * count

    def draw(self, rows, length, generator):
        told = length - self.count
        symbols = FIRST + generator.integers(0, self.kinds, (rows, self.count))
        places = generator.permuted(np.tile(np.arange(told), (rows, 1)), axis=1)[:, : self.count]
        x, y = np.full((rows, length), BLANK), np.full((rows, length), IGNORED)
        np.put_along_axis(x, np.sort(places, 1), symbols, 1)
        x[:, told:], y[:, told:] = ASK, symbols
        return x, y
