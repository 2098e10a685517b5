import numpy as np

from reprise.core.errors import InputError
from reprise.data.tasks._task import Task

__all__ = ["ModularCounting"]


class ModularCounting(Task):
    """The running sum of the digits so far, modulo `modulus`; parity where that is 2.

    No diagonal recurrence with positive real factors can keep parity at every length (Merrill et al. 2024,
    arXiv:2404.08819; Sarrof et al. 2024, arXiv:2405.17394), and none with real factors a count modulo 3 (Grazzi et al.
    2024, arXiv:2411.12537).
    """

    def __init__(self, modulus: int = 2):
        if modulus < 2:
            raise InputError(f"ModularCounting: expected a modulus of 2 or more, got {modulus}")
        self.modulus = modulus

    @property
    def vocabulary(self):
        return self.modulus

    @property
    def chance(self):
        return 1 / self.modulus

    def draw(self, rows, length, generator):
        digits = generator.integers(0, self.modulus, (rows, length))
        return digits, np.cumsum(digits, 1) % self.modulus
