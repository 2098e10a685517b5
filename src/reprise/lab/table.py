"""Rows of a study, with just enough questions to state a claim."""
from collections.abc import Callable, Iterable, Iterator
from math import isfinite, nan
from operator import add, mul, sub
from statistics import median
from typing import Any

__all__ = ["Seeds", "Table"]

Row = dict[str, Any]


class Seeds(dict[int, float]):
    """Seed -> number; `missing` cells of the grid have none. What is reckoned with them is reckoned seed by seed."""

    missing: int = 0

    def __add__(self, other: "Seeds | float") -> "Seeds":
        return self._with(other, add)

    def __sub__(self, other: "Seeds | float") -> "Seeds":
        return self._with(other, sub)

    def __mul__(self, other: "Seeds | float") -> "Seeds":
        return self._with(other, mul)

    __rmul__ = __mul__

    def __truediv__(self, other: "Seeds | float") -> "Seeds":
        return self._with(other, lambda a, b: a / b if b else nan)

    def _with(self, other: "Seeds | float", combine: Callable[[float, float], float]) -> "Seeds":
        """What only one of two has is missing, and what is missing in either."""
        others = other if isinstance(other, Seeds) else dict.fromkeys(self, other)
        found = Seeds({seed: combine(number, others[seed]) for seed, number in self.items() if seed in others})
        found.missing = max(self.missing, getattr(others, "missing", 0), len(self.keys() ^ others.keys()))
        return found


class Table:
    """Rows in the order of the grid, and the cells of that grid, whether they have a row or not."""

    def __init__(self, rows: Iterable[Row], cells: Iterable[Row] = ()):
        self.rows, self.cells = list(rows), list(cells)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def where(self, **about: Any) -> "Table":
        """The rows that have these values."""
        rows = (row for row in self.rows if all(row[key] == value for key, value in about.items()))
        return Table(rows, (c for c in self.cells if all(c.get(key, value) == value for key, value in about.items())))

    def having(self, column: str) -> "Table":
        """The rows that have this column: parts of a study need not measure the same."""
        return Table((row for row in self.rows if column in row), self.cells)

    def values(self, column: str) -> list[Any]:
        """The different values of a column, in the order they come."""
        return list(dict.fromkeys(row[column] for row in self.rows))

    def planned(self, **about: Any) -> bool:
        """Whether the grid has such a cell, measured or not: for claims that only one tier can decide."""
        return bool(self.where(**about).cells)

    def over_seeds(self, column: str, **about: Any) -> Seeds:
        """Seed -> number, for rows of which seed and `about` leave one each; nothing where no such cell has run.

        What was measured and is no number (null in the row) is NaN.
        """
        found, kept = Seeds(), self.where(**about)
        for row in kept:
            if row["seed"] in found:
                raise ValueError(f"{about} leaves several rows of seed {row['seed']}; say more of which are meant")
            found[row["seed"]] = nan if row[column] is None else row[column]
        found.missing = max(len(kept.cells) - len(found), 0)
        return found

    def median(self, column: str, **about: Any) -> float:
        """Over seeds; NaN where no such cell has run, and where a number is not finite: in order it has no place."""
        numbers = self.over_seeds(column, **about).values()
        return median(numbers) if numbers and all(map(isfinite, numbers)) else nan
