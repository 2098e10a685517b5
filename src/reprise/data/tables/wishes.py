"""What the user says of the columns: which to read, of what kind they are, how their times are written."""
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from reprise.core.errors import InputError, suggest
from reprise.data.tables.table import Kind

__all__ = ["STAMPS", "Ask", "Wishes", "speaks_of_time", "told"]

STAMPS = ("time", "stamp", "date", "epoch", "unix", "datum", "zeit")
EXACTLY = ("ts", "ds")
SHOWN = 4  # names of columns in a note


@dataclass(frozen=True)
class Ask:
    """What is wanted of one column. place: where a row's cell is.   kind, time_format: from the user, else None."""

    name: str
    place: Callable[[int], str]
    kind: Kind | None = None
    decimal: str | None = None
    time_format: str | None = None


@dataclass(frozen=True)
class Wishes:
    """decimal: the file's.   time_format: of the time column, or of the columns named.

    columns: those to read, or the kinds that columns must be of, the others being read as well.
    """

    decimal: str | None = None
    time_format: str | Mapping[str, str] | None = None
    columns: Sequence[str] | Mapping[str, Kind] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.columns, str):
            raise InputError(f"expected a list of columns, got {self.columns!r}; try columns=[{self.columns!r}]")
        kinds = self.columns.values() if isinstance(self.columns, Mapping) else ()
        if wrong := [kind for kind in kinds if kind not in get_args(Kind)]:
            raise InputError(f"expected kinds of columns 'number', 'time' or 'text', got {wrong[0]!r}")

    def chosen(self, names: Sequence[str], source: str) -> list[str]:
        """The columns to read, in order. Raises InputError for a name that the file does not have."""
        formats = self.time_format if isinstance(self.time_format, Mapping) else ()
        for name in (*(self.columns or ()), *formats):
            if name not in names:
                raise InputError(f"{source} has no column {name!r}{suggest(name, names)}")
        if self.columns is None or isinstance(self.columns, Mapping):
            return list(names)
        return list(dict.fromkeys(self.columns))

    def ask(self, name: str, names: Sequence[str], place: Callable[[int], str]) -> Ask:
        """What is wanted of one of the columns."""
        kind = self.columns.get(name) if isinstance(self.columns, Mapping) else None
        time_format = self.time_format
        if isinstance(time_format, str):
            stamped = next((other for other in names if speaks_of_time(other)), names[0])
            return Ask(name, place, kind, self.decimal, time_format if name == stamped else None)
        return Ask(name, place, kind, self.decimal, time_format.get(name) if time_format else None)


def speaks_of_time(name: str) -> bool:
    """Whether a column's name says that it holds times."""
    return any(hint in name.lower() for hint in STAMPS) or name.lower() in EXACTLY


def told(notes: Mapping[str, Sequence[str]]) -> list[str]:
    """Notes on columns, each with the names of those it is of."""
    said = []
    for note, names in notes.items():
        shown = ", ".join(map(repr, names[:SHOWN]))
        shown += f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
        said.append(f"{'column' if len(names) == 1 else 'columns'} {shown}: {note}")
    return said
