import numpy as np

from reprise.core.errors import InputError
from reprise.data.batches import IGNORED
from reprise.data.tasks._task import Task

__all__ = ["FlipFlop"]

WRITE, IGNORE, READ, BIT = 0, 1, 2, 3  # then the bits: 3 is a zero, 4 a one


class FlipFlop(Task):
    """A one-bit memory: instructions and bits in turn; after `read` comes the bit that was last written.

    `ignored`: the share of instructions whose bit means nothing; the others write or read, as often. The first one
    writes. The target stands at `read`, before its bit.

    Source  Liu et al. 2023, arXiv:2306.00946, sec. 3.1: FFL with p(ignore) = 0.8
    """

    shortest = 4

    def __init__(self, ignored: float = 0.8):
        if not 0 <= ignored < 1:
            raise InputError(f"FlipFlop: expected a share of ignored instructions from 0 to below 1, got {ignored}")
        self.ignored = ignored

    @property
    def vocabulary(self):
        return 5

    @property
    def chance(self):
        return 0.5

    def draw(self, rows, length, generator):
        pairs = (length + 1) // 2
        acts = 0.5 * (1 - self.ignored)
        said = generator.choice([WRITE, IGNORE, READ], (rows, pairs), p=[acts, self.ignored, acts])
        said[:, 0] = WRITE
        said[:, (length // 2) - 1] = READ  # so that every row is asked for something
        bits = generator.integers(0, 2, (rows, pairs))
        written = np.maximum.accumulate(np.where(said == WRITE, np.arange(pairs), 0), axis=1)
        bits = np.where(said == READ, np.take_along_axis(bits, written, 1), bits) + BIT
        x = np.stack([said, bits], -1).reshape(rows, -1)[:, :length]
        y = np.full_like(x, IGNORED)
        y[:, ::2] = np.where(said == READ, bits, IGNORED)
        return x, y
