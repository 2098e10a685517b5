"""The clock that series keep: the step of stamps, where each stamp stands on it, and the stamps that come next."""
import numpy as np
from jaxtyping import Float64, Int64

from reprise.data.series.panel import Step

__all__ = ["DAY", "LENGTHS", "MONTHS", "ahead", "gaps_of", "infer_step", "month_day", "places", "stamps_at",
           "starts_of", "usual_step"]

DAY = 86_400_000_000_000
LENGTHS = {"W": 7 * DAY, "D": DAY, "h": DAY // 24, "min": DAY // 1440, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
MONTHS = {"Y": 12, "Q": 3, "M": 1}


def ahead(times: np.ndarray, step: Step, horizon: int) -> np.ndarray:
    """The stamps of the `horizon` steps that follow `times`, which are on the clock."""
    day = int(month_day(times, np.zeros(1, int))[0]) if step.unit in MONTHS else 0
    return stamps_at(times[-1], np.arange(1, horizon + 1), step, day)


def starts_of(group: Int64[np.ndarray, " R"]) -> Int64[np.ndarray, " N"]:
    """Where each group of sorted rows begins."""
    return np.flatnonzero(np.diff(group, prepend=-1))


def gaps_of(times: np.ndarray, group: Int64[np.ndarray, " R"]) -> Int64[np.ndarray, " G"] | Float64[np.ndarray, " G"]:
    """The differences above zero of stamps that follow each other within a group, in nanoseconds or as numbers."""
    between = np.diff(times.astype("datetime64[ns]").astype(np.int64) if times.dtype.kind == "M" else times)
    return between[(np.diff(group) == 0) & (between > 0)]


def infer_step(times: np.ndarray, group: Int64[np.ndarray, " R"]) -> Step | None:
    """The step that differences are most often of, by the calendar where months are; None where there are none.

    times: sorted within each group, whose rows stand together.
    """
    gaps = gaps_of(times, group)
    if not len(gaps):
        return None
    if times.dtype.kind != "M":
        scale = 10.0 ** (8 - np.ceil(np.log10(np.median(gaps))))  # eight digits: 0.1 + 0.2 is 0.3
        usual = float(_most_frequent(np.round(gaps * scale))) / scale
        return Step(int(usual) if usual.is_integer() else usual, "")
    usual = int(_most_frequent(gaps))
    if usual >= 28 * DAY and (months := _whole_months(times, group)):
        unit = next(unit for unit, length in MONTHS.items() if months % length == 0 and (unit != "Q" or months == 3))
        return Step(months // MONTHS[unit], unit)
    if usual == DAY and _only_business_days(times, group):
        return Step(1, "B")
    unit = next(unit for unit, length in LENGTHS.items() if usual % length == 0)
    return Step(usual // LENGTHS[unit], unit)


def usual_step(times: np.ndarray, group: Int64[np.ndarray, " R"]) -> Step:
    """The one unit nearest to the usual difference of stamps that keep no step; of plain numbers, that difference."""
    usual = float(np.median(gaps_of(times, group)))
    if times.dtype.kind != "M":
        return Step(float(f"{usual:.2g}"), "")
    return Step(1, min(LENGTHS, key=lambda unit: abs(np.log(LENGTHS[unit] / usual))))


def places(
    times: np.ndarray, group: Int64[np.ndarray, " R"], step: Step
) -> tuple[Int64[np.ndarray, " R"], np.ndarray]:
    """Of each stamp, its place on the clock that starts with its group, and whether it is on it to the instant.

    A stamp that is not has the place nearest to it; by the calendar, that of its month.
    """
    starts = starts_of(group)
    first = np.repeat(times[starts], np.diff(starts, append=len(times)))
    if step.unit in MONTHS:
        return _places_in_months(times, starts, first, step)
    if step.unit == "B":
        days, from_day = times.astype("datetime64[D]"), first.astype("datetime64[D]")
        number = np.busday_count(from_day, days) // step.count
        again = np.busday_offset(from_day, number * step.count, roll="forward")
        return number.astype(np.int64), (again == days) & (times - days == first - from_day)
    length = step.count if not step.unit else LENGTHS[step.unit] * step.count
    passed = times - first if not step.unit else (times - first).astype(np.int64)
    number = np.rint(passed / length).astype(np.int64)
    return number, np.abs(passed - number * length) <= (1e-6 * length if not step.unit else 0)


def stamps_at(
    start: np.ndarray | np.datetime64 | float, number: Int64[np.ndarray, " T"], step: Step,
    day: Int64[np.ndarray, " T"] | int = 0
) -> np.ndarray:
    """The stamps so many steps after `start`, one or T. day: of the month, or its last where that is shorter."""
    if not step.unit:
        return start + number * float(step.count)
    if step.unit == "B":
        date = start.astype("datetime64[D]")
        return np.busday_offset(date, number * step.count, roll="forward") + (start - date)
    if step.unit not in MONTHS:
        return start + (number * (LENGTHS[step.unit] * step.count)).astype("timedelta64[ns]")
    month = start.astype("datetime64[M]") + number * (MONTHS[step.unit] * step.count)
    last = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(int)
    date = month.astype("datetime64[D]") + np.minimum(day, last) - 1
    return date.astype("datetime64[ns]") + (start - start.astype("datetime64[D]"))


def month_day(times: np.ndarray, starts: Int64[np.ndarray, " N"]) -> Int64[np.ndarray, " N"]:
    """The day of the month that each group's stamps are of: 31 where all stamps are last days of theirs."""
    dates = times.astype("datetime64[D]")
    if np.all((dates + 1).astype("datetime64[M]") != dates.astype("datetime64[M]")):
        return np.full(len(starts), 31)
    days = (dates - dates.astype("datetime64[M]").astype("datetime64[D]")).astype(int) + 1
    return np.maximum.reduceat(days, starts)


def _most_frequent(numbers: np.ndarray) -> np.generic:
    """The smallest of those that are there most often."""
    found, counts = np.unique(numbers, return_counts=True)
    return found[np.argmax(counts)]


def _month(times: np.ndarray) -> Int64[np.ndarray, " R"]:
    return times.astype("datetime64[M]").astype(np.int64)


def _whole_months(times: np.ndarray, group: Int64[np.ndarray, " R"]) -> int:
    """How many months lie between stamps most often; 0 where stamps are not on one day of their months."""
    months = np.diff(_month(times))[np.diff(group) == 0]
    months = months[months > 0]
    if not len(months) or not places(times, group, Step(1, "M"))[1].all():
        return 0
    return int(_most_frequent(months))


def _places_in_months(
    times: np.ndarray, starts: Int64[np.ndarray, " N"], first: np.ndarray, step: Step
) -> tuple[Int64[np.ndarray, " R"], np.ndarray]:
    length = MONTHS[step.unit] * step.count
    number, rest = np.divmod(_month(times) - _month(first), length)
    day = np.repeat(month_day(times, starts), np.diff(starts, append=len(times)))
    within = first - first.astype("datetime64[D]")
    return number, (rest == 0) & (stamps_at(first, number * length, Step(1, "M"), day) == times) & (
        times - times.astype("datetime64[D]") == within)


def _only_business_days(times: np.ndarray, group: Int64[np.ndarray, " R"]) -> bool:
    """Whether stamps, a day apart, leave out every Saturday and Sunday, and have passed over some."""
    weekday = (times.astype("datetime64[D]").astype(np.int64) + 3) % 7  # 1970 began on a Thursday; Monday is 0
    return bool(weekday.max() < 5 and np.any((np.diff(weekday) < 0) & (np.diff(group) == 0)))
