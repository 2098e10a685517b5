"""Daylight saving, found in stamps: an hour that clocks skip, one that they show twice, days of 23 and 25 hours."""
import numpy as np

from reprise.data.series.clock import DAY, gaps_of, starts_of
from reprise.data.series.reading.rows import Rows

__all__ = ["HOUR", "changes", "mend_shifts", "zone_of"]

HOUR = DAY // 24
YEAR = 365 * DAY
ZONES = ("Europe/Berlin", "Europe/London", "Europe/Athens", "America/New_York", "Australia/Sydney", "Pacific/Auckland",
         "America/Sao_Paulo", "America/Santiago", "America/Havana", "America/Asuncion", "Asia/Jerusalem", "Asia/Tehran",
         "Asia/Beirut", "Africa/Cairo", "Europe/Moscow")  # a zone for every rule of the last decades


def changes(stamps: np.ndarray, zone: str) -> tuple[np.ndarray, np.ndarray]:
    """Of local stamps, which the clocks of the zone never showed, and which they showed twice."""
    import pandas as pd

    local = pd.DatetimeIndex(stamps)
    skipped = local.tz_localize(zone, nonexistent="NaT", ambiguous=np.ones(len(local), bool)).isna()
    twice = local.tz_localize(zone, nonexistent="shift_forward", ambiguous="NaT").isna()
    return skipped, twice


def zone_of(stamps: np.ndarray, absent: np.ndarray, repeated: np.ndarray) -> str | None:
    """The zone whose clocks explain most of the stamps that are absent and repeated; None where none explains any.

    A zone is none of theirs whose clocks never showed a stamp that is there.
    """
    best, most = None, 0
    for zone in ZONES if len(absent) + len(repeated) else ():
        explained = int(changes(absent, zone)[0].sum() + changes(repeated, zone)[1].sum())
        if explained > most and not changes(stamps, zone)[0].any():
            best, most = zone, explained
    return best


def mend_shifts(rows: Rows) -> Rows:
    """Stamps some hours or days apart that move by one hour twice a year, as local ones do once they are in UTC,
    brought back to the hour they have most often. rows: sorted.
    """
    gaps = gaps_of(rows.times, rows.group)
    if not rows.dated or not len(gaps) or np.median(gaps) < 2 * HOUR:
        return rows
    moments = rows.times.astype(np.int64)
    length = int(min(DAY, np.median(gaps)))
    if DAY % length:
        return rows
    hours, which, counts = np.unique(moments % length, return_inverse=True, return_counts=True)
    if len(hours) != 2 or int(hours[1] - hours[0]) not in (HOUR, length - HOUR):
        return rows
    starts = starts_of(rows.group)
    switches = np.flatnonzero((np.diff(which) != 0) & (np.diff(rows.group) == 0))
    ends = np.append(starts[1:], len(rows)) - 1
    years = (moments[ends] - moments[starts]).sum() / YEAR
    months = rows.times[switches + 1].astype("datetime64[M]").astype(np.int64) % 12 + 1
    if len(switches) > 2 * years + 2 * len(starts) or not np.isin(months, (3, 4, 5, 9, 10, 11)).all():
        return rows
    usual = int(np.argmax(counts))
    other = int(hours[usual] - hours[1 - usual])
    move = other if abs(other) == HOUR else -np.sign(other) * HOUR
    times = (moments + np.where(which == usual, 0, move)).astype("datetime64[ns]")
    first = rows.place(int(np.argmax(which != usual)), rows.time)
    return rows.at(times, f"{int(counts[1 - usual]):,} stamps that daylight saving moved by an hour brought back to "
                          f"the hour of the others (first: {first})")
