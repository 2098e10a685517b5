"""A table as it was read: columns of numbers, times or text, and the line of the file that each row stands in."""
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Int

__all__ = ["Column", "Kind", "Table"]

Kind = Literal["number", "time", "text"]


@dataclass(frozen=True, eq=False)
class Column:
    """One column. What is missing is NaN among numbers, NaT among times, None in text.

    kind: "number" with float64 values, "time" with datetime64[ns] in UTC or without a zone, "text" with str objects.
    spell: reads again what the file says of each row, for `texts`. None where the file has no letters.
    """

    name: str
    kind: Kind
    values: np.ndarray
    spell: Callable[[], np.ndarray] | None = field(default=None, repr=False)

    @cached_property
    def texts(self) -> np.ndarray | None:
        """What the file says, letter by letter, of each row: str objects. Read when first asked for, then kept."""
        return None if self.spell is None else self.spell()

    @cached_property
    def missing(self) -> int:
        """How many rows say nothing."""
        if self.kind == "text":
            return sum(value is None for value in self.values)
        return int(np.isnan(self.values).sum() if self.kind == "number" else np.isnat(self.values).sum())


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of equal length.

    source: the name of the file, for messages.   lines: of each row, its line in the file, from 1.
    notes: how it was read, where that is not a matter of course: "decimal commas", "Latin-1", "2 empty lines left out".
    counted: what `lines` counts: "line", or "row" where a file has no lines.
    """

    source: str
    columns: Mapping[str, Column]
    lines: Int[np.ndarray, " R"]
    notes: tuple[str, ...] = ()
    counted: str = "line"

    def __len__(self) -> int:
        return len(self.lines)

    def place(self, row: int, column: str) -> str:
        """Where a cell is, as every message says it: "sales.csv, line 17, column 'y'"."""
        return f"{self.source}, {self.counted} {self.lines[row]}, column {column!r}"
