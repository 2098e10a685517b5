import numpy as np

from reprise.core.errors import check_counts
from reprise.data.batches import IGNORED
from reprise.data.tasks._task import Task

__all__ = ["Passkey"]

DIGITS = 10


class Passkey(Task):
    """A key of a few digits, somewhere in noise, that is asked for at the end.

    Tokens: ten digits, `noise` others, a sign that the key follows, and one that asks for it. The key stands at any
    place, as likely; the last `digits` steps ask: the sign, then the key but its last digit. The target at each is the
    next digit. Noise has no digits.

    Source  Mohtashami & Jaggi 2023, arXiv:2305.16300; Chen et al. 2024, arXiv:2410.07145 (stuffed Mamba)
    Differs  noise is of single tokens drawn evenly, not of one sentence again and again
    """

    def __init__(self, digits: int = 5, noise: int = 8):
        check_counts("Passkey", digits=digits, noise=noise)
        self.digits, self.noise, self.shortest = digits, noise, 2 * digits + 1

    @property
    def vocabulary(self):
        return DIGITS + self.noise + 2

    @property
    def chance(self):
        return 1 / DIGITS

    def draw(self, rows, length, generator):
        N, told, asked = self.digits, DIGITS + self.noise, DIGITS + self.noise + 1
        key = generator.integers(0, DIGITS, (rows, N))
        x = generator.integers(DIGITS, told, (rows, length))
        y = np.full_like(x, IGNORED)
        begins = generator.integers(0, length - self.shortest + 1, rows)
        places = begins[:, None] + np.arange(N + 1)
        np.put_along_axis(x, places, np.concatenate([np.full((rows, 1), told), key], 1), 1)
        x[:, -N], x[:, length - N + 1 :], y[:, -N:] = asked, key[:, :-1], key
        return x, y
