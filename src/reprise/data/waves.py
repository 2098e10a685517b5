"""Smooth signals on the fly: sums of waves, which have no fastest detail but the one they are given."""
import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.errors import InputError, check_counts
from reprise.data.labelled import Labelled

__all__ = ["Curves", "band_limited"]


def band_limited(
    rows: int, length: int, cycles: float, generator: torch.Generator, waves: int = 16,
) -> Float[Tensor, "B T"]:
    """Noise of variance one without high frequencies: sums of waves, each of up to `cycles` periods in all the length.

        x_t = sqrt(2 / waves) sum_j sin(2 pi (f_j t / T + phase_j)),   f_j even in [0, cycles], phase_j in [0, 1]

    Raises InputError for sizes below 1, and for more cycles than half the length, which samples cannot tell.
    """
    check_counts("band_limited", rows=rows, length=length, waves=waves)
    if not 0 < cycles <= length / 2:
        raise InputError(f"band_limited: expected cycles above 0 and up to half the length of {length}, got {cycles}; "
                         "make it longer")
    frequency, phase = torch.rand(2, rows, waves, 1, generator=generator)
    time = torch.arange(length) / length
    return math.sqrt(2 / waves) * torch.sin(2 * math.pi * (cycles * frequency * time + phase)).sum(1)


class Curves:
    """Classes of planar curves, drawn in any number of samples: the same curve, faster or slower.

        x(s) = sum_j (m_j + spread e_j) sin(j pi s) + noise,   s from 0 to 1, j = 1 ... waves;   y, the class of m

    Every curve begins and ends at zero, so that its last sample says nothing; m and e are normal, and m, by class and
    dimension, is drawn once from `seed`. Stands for data such as pen strokes, whose class goes by shape, not by speed.

    >>> Curves(classes=10, seed=0).batch(32, samples=100, generator=torch.Generator()).x.shape
    torch.Size([32, 100, 2])
    """

    def __init__(self, classes: int = 10, waves: int = 4, spread: float = 0.4, noise: float = 0.1, seed: int = 0):
        check_counts("Curves", classes=classes, waves=waves)
        if spread < 0 or noise < 0:
            raise InputError(f"Curves: expected a spread and a noise of 0 or more, got {spread} and {noise}")
        self.spread, self.noise = spread, noise
        self.means = torch.randn(classes, 2, waves, generator=torch.Generator().manual_seed(seed))

    def batch(self, rows: int, samples: int, generator: torch.Generator) -> Labelled:
        """Curves (B T 2) of random classes, at `samples` times in the middle of as many equal parts."""
        check_counts("Curves", rows=rows, samples=samples)
        classes, _, waves = self.means.shape
        y = torch.randint(classes, (rows,), generator=generator)
        weights = self.means[y] + self.spread * torch.randn(rows, 2, waves, generator=generator)
        s = (torch.arange(samples) + 0.5) / samples
        x = (weights @ torch.sin(torch.arange(1, waves + 1)[:, None] * math.pi * s)).mT
        return Labelled(x + self.noise * torch.randn(x.shape, generator=generator), y)

    def batches(self, rows: int, samples: int, seed: int) -> Iterator[Labelled]:
        """Endless fresh ones."""
        generator = torch.Generator().manual_seed(seed)
        while True:
            yield self.batch(rows, samples, generator)
