"""Which part of each series is for training, and from which origins forecasts are asked: a protocol made concrete."""
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from reprise.data.series.panel import Panel

__all__ = ["Split"]


@dataclass(frozen=True, eq=False)
class Split:
    """A panel of N series, and where each is trained, validated and tested on.

    train: of each series, how many of its first steps are for training.   valid, test: of each series, the origins
    forecasts are asked from: origin o stands after o steps, and is asked for `horizon` steps from there.
    lookback: how many steps before its origin a forecast may look at; None for all there are.
    scaled: values are already standardised by their training part, and errors are taken so (ETT).
    """

    panel: Panel
    protocol: str
    horizon: int
    train: Int64[np.ndarray, " N"]
    valid: tuple[Int64[np.ndarray, " _"], ...]
    test: tuple[Int64[np.ndarray, " _"], ...]
    lookback: int | None = None
    scaled: bool = False
