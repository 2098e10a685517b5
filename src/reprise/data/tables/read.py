"""The door: a table from a file, standard input or a data frame, whatever form it has."""
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING

from reprise.core.errors import InputError
from reprise.data.corpora.sources import Source
from reprise.data.tables.columnar import is_json, read_frame, read_json, read_parquet
from reprise.data.tables.content import as_utf8, fetch
from reprise.data.tables.delimited import read_delimited
from reprise.data.tables.dialect import find_dialect
from reprise.data.tables.table import Kind, Table
from reprise.data.tables.wishes import Wishes

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_table"]


def read_table(source: "str | PathLike[str] | Source | pd.DataFrame", *, delimiter: str | None = None,
               decimal: str | None = None, encoding: str | None = None,
               time_format: str | Mapping[str, str] | None = None,
               columns: Sequence[str] | Mapping[str, Kind] | None = None) -> Table:
    """A table as people have it: CSV, TSV and the like, JSON lines or Parquet, each also packed (.gz .xz .bz2 .zip).

    source: a path, "-" for standard input, or a pandas DataFrame, whose index becomes a column if it holds times or has
    a name. What is not said is found in the file and told in `Table.notes`:
    delimiter: one letter, or "blanks" for any run of blanks.   decimal: "." or ",".   encoding: as Python names it.
    time_format: as of strptime, or "s", "ms", "us", "ns" since 1970; of the first column whose name speaks of time
    (else of the first), or for each column named.
    columns: those to read; or a mapping of columns to the kind they must be of, the others being read as well.

    A column is of numbers or times where all its cells are, missing ones aside. Where a single one is not, or one in
    twenty and fewer, and more are than are not, that is a fault: InputError. Where more are not, the column is text;
    a note says so if half of it are numbers. A number that is infinite or beyond float32 is a fault, however many there
    are; the way to have it all the same is columns={"name": "text"}.

    Raises InputError, with file, line, column, what is there and a remedy, for whatever cannot be read as it stands.
    """
    wishes = Wishes(decimal, time_format, columns)
    if not isinstance(source, str | PathLike | Source) and hasattr(source, "iloc") and hasattr(source, "columns"):
        return read_frame(source, wishes)
    if not isinstance(source, str | PathLike | Source):
        raise InputError(f"expected a path, '-' or a pandas DataFrame, got {type(source).__name__}; give "
                         "pandas.DataFrame(it)")
    name, data = fetch(source)
    if data.startswith(b"PAR1"):
        return read_parquet(name, data, wishes)
    data, notes = as_utf8(name, data, encoding)
    if is_json(name, data):
        table = read_json(name, data, wishes)
    else:
        dialect = find_dialect(name, data, delimiter, decimal)
        table = read_delimited(name, data, dialect, Wishes(dialect.decimal, time_format, columns))
    return Table(table.source, table.columns, table.lines, (*notes, *table.notes), table.counted)
