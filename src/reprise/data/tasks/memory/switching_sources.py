import numpy as np
from jaxtyping import Float

from reprise.core.errors import InputError, check_counts, suggest
from reprise.data.tasks._task import Task

__all__ = ["SwitchingSources"]

START = 2  # after the bits


class SwitchingSources(Task):
    """Bits of a coin that is now and then exchanged for another: each bit is to be foretold from those before it.

    Every coin's chance of a one is drawn from Beta(1/2, 1/2). `switches` says when it is exchanged:
    "tree": half of all sequences never; the others are cut in two halves of equal length, each of them again a
        sequence by this rule, down to single steps. Of lengths that are no power of two, the beginning of the next one
    "hazard": before a step with chance 0.5 / a, a the steps since the last exchange, 1 at the next
    "regular": every `period` steps   "random": before a step with chance 1 / `period`
    Of "tree" and "hazard" the best forecast is known, and has a price of O(log T) bits an exchange. x is the bit before
    (2 at the first step), y the bit. `sources` tells the truth: every step's coin.

    Source  Genewein et al. 2023, arXiv:2302.03067 (genewein2023memory); PTW: Veness et al. 2013,
        arXiv:1111.2000; live and die: Willems 1996
    """

    def __init__(self, switches: str = "tree", period: int = 20):
        check_counts("SwitchingSources", period=period)
        if switches not in RULES:
            raise InputError(f"SwitchingSources: no switches {switches!r}{suggest(switches, RULES)}")
        self.switches, self.period = switches, period

    @property
    def vocabulary(self):
        return 3

    @property
    def chance(self):
        return 0.5

    def sources(self, rows: int, length: int, generator: np.random.Generator) -> Float[np.ndarray, "B T"]:
        """The chance of a one at each step."""
        fresh = RULES[self.switches](self.period, rows, length, generator)
        fresh[:, 0] = True
        coins = generator.beta(0.5, 0.5, (rows, length))
        began = np.maximum.accumulate(np.where(fresh, np.arange(length), 0), axis=1)
        return np.take_along_axis(coins, began, 1)

    def tosses(self, sources: Float[np.ndarray, "B T"], generator: np.random.Generator) -> np.ndarray:
        """The bits of these coins."""
        return (generator.random(sources.shape) < sources).astype(np.int64)

    def draw(self, rows, length, generator):
        y = self.tosses(self.sources(rows, length, generator), generator)
        return np.concatenate([np.full((rows, 1), START), y[:, :-1]], 1), y


def _tree(period, rows, length, generator):
    """From the whole down: a part is cut where it came of a cut, and a coin says so."""
    span = 1 << max(length - 1, 0).bit_length()
    fresh, whole = np.zeros((rows, span), bool), np.ones((rows, 1), bool)
    while span > 1:
        whole = np.repeat(whole & (generator.random(whole.shape) < 0.5), 2, 1)
        span //= 2
        fresh[:, ::span] |= whole
    return fresh[:, :length]


def _hazard(period, rows, length, generator):
    fresh, age = np.zeros((rows, length), bool), np.zeros(rows)
    for t, drawn in enumerate(generator.random((length, rows))):
        fresh[:, t] = (age > 0) & (drawn < 0.5 / np.maximum(age, 1))
        age = np.where(fresh[:, t], 0, age) + 1
    return fresh


def _regular(period, rows, length, generator):
    return np.tile(np.arange(length) % period == 0, (rows, 1))


def _random(period, rows, length, generator):
    return generator.random((rows, length)) < 1 / period


RULES = {"tree": _tree, "hazard": _hazard, "regular": _regular, "random": _random}
