"""Times in whatever form they come: dates, years, numbers that stand for dates, parts in columns of their own."""
import re
import warnings

import numpy as np

from reprise.core.errors import InputError
from reprise.data.series.reading.rows import stamp
from reprise.data.tables.table import Column, Table

__all__ = ["PARTS", "dates_of", "first_unread", "instant", "join_parts", "read_numbers"]

PARTS = ("year", "month", "day", "hour", "minute", "second")
EPOCHS = {"s": 1e9, "ms": 1e12, "us": 1e15, "ns": 1e18}  # 2001; the double of each is 2033


def read_numbers(name: str, numbers: np.ndarray) -> tuple[np.ndarray, str | None]:
    """The dates that whole numbers stand for (20160701, 201607, 2016, seconds since 1970), and what to say of it.

    For columns that nothing but the user, or their place here, says to be times; `read_table` reads the others as
    such already. Numbers that stand for none, and those that are missing, stay what they are.
    """
    import pandas as pd

    known = numbers[~np.isnan(numbers)]
    if not len(known) or np.any(known != np.floor(known)):
        return numbers, None
    low, high = known.min(), known.max()
    for unit, start in EPOCHS.items():
        if start <= low and high < 2 * start:
            dates = pd.to_datetime(pd.Series(numbers), unit=unit)
            return dates.to_numpy("datetime64[ns]"), f"{name!r} read as {unit} since 1970"
    for width, form, what in ((8, "%Y%m%d", "yyyymmdd"), (6, "%Y%m", "yyyymm"), (4, "%Y", "years")):
        least, most = (17000101 // 10 ** (8 - width), 22001231 // 10 ** (8 - width))
        if least <= low and high <= most and (width > 4 or re.search("year|date|ds|time|jahr|^$", name.lower())):
            texts = pd.Series(numbers).map(lambda number: None if number != number else f"{number:.0f}")
            dates = pd.to_datetime(texts, format=form, errors="coerce").to_numpy("datetime64[ns]")
            if not np.any(np.isnat(dates) & ~np.isnan(numbers)):
                return dates, f"{name!r} read as {what}"
    return numbers, None


def join_parts(table: Table) -> tuple[tuple[str, ...], np.ndarray] | None:
    """The columns year, month (and day, hour, minute, second) of a table, and the times they make together."""
    import pandas as pd

    spelt = {name.lower(): name for name, column in table.columns.items() if column.kind == "number"}
    parts = [part for part in PARTS if part in spelt]
    if parts[:2] != ["year", "month"] or parts != list(PARTS[: len(parts)]):
        return None
    frame = pd.DataFrame({part: table.columns[spelt[part]].values for part in parts})
    if "day" not in frame:
        frame["day"] = 1
    times = pd.to_datetime(frame, errors="coerce").to_numpy("datetime64[ns]")
    return tuple(spelt[part] for part in parts), times


def dates_of(texts: list[str] | np.ndarray) -> np.ndarray:
    """Dates where texts are dates, NaT where they are not."""
    import pandas as pd

    with warnings.catch_warnings():  # forms that pandas must guess for each text are what is asked here
        warnings.simplefilter("ignore", UserWarning)
        found = pd.to_datetime(pd.Series(list(texts), dtype=object), format="mixed", errors="coerce", utc=True)
    return found.dt.tz_localize(None).to_numpy("datetime64[ns]")


def first_unread(column: Column) -> int | None:
    """The first row of a column of text that is no time, where most of its rows are times; else None."""
    texts = column.values
    said = np.array([text is not None for text in texts])
    sample = np.flatnonzero(said)[:200]
    if not len(sample) or np.isnat(dates_of(texts[sample])).mean() > 0.5:
        return None
    unread = np.isnat(dates_of(texts)) & said
    return int(np.argmax(unread)) if unread.any() else None


def instant(option: str, text: str, times: np.ndarray) -> np.datetime64 | float:
    """`text` as a time of the kind of `times`; of a year, a month or a day, the beginning for "start", else the end."""
    import pandas as pd

    try:
        if times.dtype.kind != "M":
            return float(text)
        time = pd.Timestamp(text)
        if option == "end" and time.tzinfo is None:
            time = pd.Period(text).end_time
    except ValueError as error:
        what = "a time such as 2016-07-01 or '2016-07-01 13:00'" if times.dtype.kind == "M" else "a number"
        raise InputError(f"{option}: expected {what}, got {text!r}; the times go from {stamp(times.min())} "
                         f"to {stamp(times.max())}") from error
    return (time.tz_convert(None) if time.tzinfo else time).to_datetime64()
