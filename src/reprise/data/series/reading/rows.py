"""A table in one form, whatever its layout was: what the clock is looked for in."""
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int

__all__ = ["Rows", "stamp"]


@dataclass(frozen=True, eq=False)
class Rows:
    """R rows, each of a group (an id) at a time, with V values and K covariates; N groups with S static covariates.

    A series is one of the V columns within one group. columns: the names of those V.
    time: the column of the times, for messages; None where rows are only counted.
    lines: of each row, its line in the file (or what else `counted` says); across: each series stands in one line.
    repeated: rows that said again when they are of, and are gone.
    """

    source: str
    time: str | None
    groups: tuple[str, ...]
    columns: tuple[str, ...]
    group: Int[np.ndarray, " R"]
    times: np.ndarray
    values: Float64[np.ndarray, "R V"]
    known: Float64[np.ndarray, "R K"]
    static: Float64[np.ndarray, "N S"]
    lines: Int[np.ndarray, " R"]
    known_names: tuple[str, ...] = ()
    static_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    repeated: int = 0
    across: bool = False
    counted: str = "line"

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def dated(self) -> bool:
        """Whether times are dates, no plain numbers."""
        return self.times.dtype.kind == "M"

    def name(self, group: int, column: int = 0) -> str:
        """What a series is called: by its id, by its column, or by both."""
        if len(self.columns) == 1 and self.groups != ("",):
            return self.groups[group]
        return "/".join(part for part in (self.groups[group], self.columns[column]) if part)

    def place(self, row: int, column: str | None) -> str:
        """Where a row is, as every message says it."""
        where = f"{self.source}, {self.counted} {self.lines[row]}"
        if self.across:
            return f"{where}, value {int(self.times[row]) if not self.dated else stamp(self.times[row])}"
        return where if column is None else f"{where}, column {column!r}"

    def take(self, rows: np.ndarray, *notes: str) -> "Rows":
        """Some of the rows, in the order given, and what to say of it."""
        return replace(self, group=self.group[rows], times=self.times[rows], values=self.values[rows],
                       known=self.known[rows], lines=self.lines[rows], notes=(*self.notes, *notes))

    def at(self, times: np.ndarray, *notes: str) -> "Rows":
        """The same rows at other times, and what to say of it."""
        return replace(self, times=times, notes=(*self.notes, *notes))


def stamp(time: np.datetime64 | float) -> str:
    """A time as people write it: no more of it than it says."""
    if not isinstance(time, np.datetime64):
        return f"{time:g}" if abs(time) < 1e6 else repr(float(time)).removesuffix(".0")
    text = str(time.astype("datetime64[ns]")).replace("T", " ")
    for ending in (".000000000", ":00", " 00:00"):
        text = text.removesuffix(ending)
    return text
