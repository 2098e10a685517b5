"""Electricity transformer temperature: seven series, by the hour or the quarter, in the parts papers compare on."""
import io
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.errors import InputError, suggest
from reprise.data.published import Published, read_published

__all__ = ["ETT", "list_ett", "open_ett", "windows"]

ADDRESS = "https://raw.githubusercontent.com/zhouhaoyi/ETDataset/main/ETT-small/"
PUBLISHED = {
    "ETTh1": "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
    "ETTh2": "a3dc2c597b9218c7ce1cd55eb77b283fd459a1d09d753063f944967dd6b9218b",
    "ETTm1": "6ce1759b1a18e3328421d5d75fadcb316c449fcd7cec32820c8dafda71986c9e",
    "ETTm2": "db973ca252c6410a30d0469b13d696cf919648d0f3fd588c60f03fdbdbadd1fd",
}
MONTH = 30 * 24  # hours
PARTS = {"train": (0, 12), "valid": (12, 16), "test": (16, 20)}  # months


class ETT(NamedTuple):
    """Standardised by the mean and deviation of the training part; the parts follow each other, twelve months and twice
    four. `lead`: steps before a part that windows may look back on.
    """

    values: Float[Tensor, "T D"]
    names: list[str]
    hour: int  # steps of it

    def part(self, name: str, lead: int = 0) -> Float[Tensor, "T D"]:
        """One of train, valid and test, with `lead` steps of what comes before it."""
        first, end = (month * MONTH * self.hour for month in PARTS[name])
        return self.values[max(first - lead, 0) : end]


def list_ett() -> list[str]:
    """The names `open_ett` knows."""
    return list(PUBLISHED)


def open_ett(name: str = "ETTh1") -> ETT:
    """By the hour (ETTh1, ETTh2) or the quarter (ETTm1, ETTm2), from ett in `REPRISE_DATA`, else downloaded once.

    Source  Zhou et al. 2021, arXiv:2012.07436, with the parts of its code
    Raises InputError for another name, and where neither place has the file.
    """
    if name not in PUBLISHED:
        raise InputError(f"ETT has no set {name!r}{suggest(name, PUBLISHED)}")
    content = read_published("ett", Published(f"{name}.csv", None, ADDRESS, PUBLISHED[name]))
    head, _, rest = content.decode().partition("\n")
    names = head.strip().split(",")[1:]
    table = torch.from_numpy(np.loadtxt(io.StringIO(rest), delimiter=",", usecols=range(1, 1 + len(names))))
    hour = 1 if name.startswith("ETTh") else 4
    train = table[: PARTS["train"][1] * MONTH * hour]
    return ETT(((table - train.mean(0)) / train.std(0, correction=0)).float(), names, hour)


def windows(
    series: Float[Tensor, "T D"], lookback: int, horizon: int
) -> tuple[Float[Tensor, "N L D"], Float[Tensor, "N H D"]]:
    """Every stretch of `lookback` steps, and the `horizon` steps that follow it: views, nothing is copied.

    Raises InputError for a series that is shorter than one of each.
    """
    whole = lookback + horizon
    if lookback < 1 or horizon < 1 or len(series) < whole:
        raise InputError(f"windows: expected a lookback and a horizon of 1 or more, together at most the {len(series)} "
                         f"steps there are, got {lookback} and {horizon}")
    every = series.unfold(0, whole, 1).movedim(-1, 1)
    return every[:, :lookback], every[:, lookback:]
