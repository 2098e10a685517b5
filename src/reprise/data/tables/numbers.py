"""Numbers as people write them: decimal commas, thousands separators, signs of currency and percent."""
import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from reprise.core.errors import InputError

__all__ = ["LARGEST", "Numbers", "at_fault", "read_numbers"]

LARGEST = float(np.finfo(np.float32).max)
SIGNS = re.compile(r"[$€£¥]|\b(?:EUR|USD|GBP|CHF|JPY)\b", re.IGNORECASE)
BLANK = re.compile(r"(?<=\d)[ '\u2019\u00a0\u202f\u2009](?=\d{3}(?!\d))")
PLAIN = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:inf|infinity)", re.ASCII | re.IGNORECASE)
COMMA = re.compile(r"[-+]?(?:\d+,\d*|,\d+)(?:[eE][-+]?\d+)?", re.ASCII)
GROUPED = {"point": re.compile(r"[-+]?[1-9]\d{0,2}(?:\.\d{3})+", re.ASCII),
           "comma": re.compile(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+", re.ASCII)}
BOTH = {".": re.compile(r"[-+]?\d{1,3}(?:,\d{3})+\.\d*", re.ASCII),
        ",": re.compile(r"[-+]?\d{1,3}(?:\.\d{3})+,\d*", re.ASCII)}
Place = Callable[[int], str]
SAMPLE = 1000  # cells, before all are looked at


class Numbers(NamedTuple):
    """values: NaN where a cell is no number.   bad: those cells.   notes: how they were written."""

    values: Float64[np.ndarray, " R"]
    bad: Bool[np.ndarray, " R"]
    notes: tuple[str, ...]


def at_fault(bad: int, filled: int) -> bool:
    """The border: so few cells among others are a fault, more of them make the column text.

    One cell that does not fit, or one in twenty and fewer, as long as more cells fit than do not.
    """
    return 0 < bad <= max(1, filled // 20) and filled - bad > bad


def read_numbers(cells: np.ndarray, decimal: str | None, place: Place) -> Numbers:
    """Numbers from cells, str without surrounding blanks, none missing.

    decimal: the mark of the file, from the user or its other columns, for cells that could be read either way.
    Raises InputError where two cells can only be read with different decimal marks, currencies or with and without a
    percent sign; `place` tells where a cell is.
    """
    import pandas as pd

    values = pd.to_numeric(pd.Series(cells, dtype=object), errors="coerce").to_numpy(np.float64)
    if decimal == ",":
        values[[k for k, cell in enumerate(cells) if "." in cell]] = np.nan  # may be a point between thousands
    left = np.flatnonzero(np.isnan(values))
    good = np.flatnonzero(~np.isnan(values))
    values[good] = cells[good].astype(np.float64)  # rounded as Python does, to the last bit
    bad = np.zeros(len(cells), bool)
    if not len(left):
        return Numbers(values, bad, ())
    sample = left[np.unique(np.linspace(0, len(left) - 1, SAMPLE).astype(int))]
    if 2 * len(left) > len(cells) and sum(_alike(_bare(cells[at])[0]) for at in sample) < len(sample) / 4:
        bad[left] = True  # text, and long columns of it should not take long
        return Numbers(values, bad, ())
    bare, notes = _bared(cells, left, good, place)
    mark, grouped = _mark(bare, left, cells, good, decimal, place)
    for at, text in zip(left, bare):
        number = _number(text, mark)
        bad[at], values[at] = number is None, np.nan if number is None else number
    if (~bad[left]).any():
        notes += ["decimal commas"] * (mark == "," and decimal != ",") + grouped
    else:
        notes = []
    return Numbers(values, bad, tuple(notes))


def _bared(cells: np.ndarray, left: np.ndarray, good: np.ndarray, place: Place) -> tuple[list[str], list[str]]:
    """The cells that are left, without signs of currency and percent, blanks between thousands, brackets for minus."""
    bare, units, spaced, unlike = [], {}, False, 0
    for at in left:
        text, unit = _bare(cells[at])
        bare.append(BLANK.sub("", text))
        if _alike(text):
            spaced |= bare[-1] != text
            units.setdefault(unit, at)
        else:
            unlike += 1
    bare_one = next((at for at in good if float(cells[at]) != 0), None)  # 0 needs no unit
    units |= {} if bare_one is None else {"": bare_one}
    said = {unit for unit in units if unit}
    if (len(said) > 1 or {"%", ""} <= units.keys()) and (not unlike or at_fault(unlike, len(cells))):
        first, second = sorted(units.values())[:2]
        raise InputError(f"{place(second)}: {cells[second][:40]!r} is in another unit than {cells[first][:40]!r} "
                         f"({place(first)}); write all of the column in one")
    notes = [f"the sign {unit} left out" for unit in sorted(said)]
    return bare, notes + ["blanks or apostrophes between thousands left out"] * spaced


def _bare(cell: str) -> tuple[str, str]:
    """A cell without its sign of currency or percent, and that sign; with a minus for brackets."""
    text = cell.replace("\u2212", "-")
    unit = "%" if text.endswith("%") else "".join(SIGNS.findall(text)[:1])
    text = SIGNS.sub("", text.removesuffix("%")).strip()
    text = f"-{text[1:-1]}" if len(text) > 2 and text[0] == "(" and text[-1] == ")" else text
    return text.replace("- ", "-", 1) if text.startswith("- ") else text, unit


def _alike(text: str) -> bool:
    """Whether it is a number with one decimal mark or the other."""
    text = BLANK.sub("", text)
    return any(form.fullmatch(text) for form in (PLAIN, COMMA, *GROUPED.values(), *BOTH.values()))


def _mark(bare: list[str], left: np.ndarray, cells: np.ndarray, good: np.ndarray, decimal: str | None,
          place: Place) -> tuple[str, list[str]]:
    """The decimal mark of the column, and what to say of groups of thousands."""
    sure: dict[str, int] = {}
    groups: dict[str, int] = {}
    for at, text in zip(left, bare):
        pointed = "." in text and PLAIN.fullmatch(text) and not GROUPED["point"].fullmatch(text)
        if pointed or BOTH["."].fullmatch(text):
            sure.setdefault(".", at)
        elif BOTH[","].fullmatch(text) or (COMMA.fullmatch(text) and not GROUPED["comma"].fullmatch(text)):
            sure.setdefault(",", at)
        for mark, form in (("comma", GROUPED["comma"]), ("point", GROUPED["point"])):
            if form.fullmatch(text):
                groups.setdefault(mark, at)
    if "." not in sure and ("," in sure or groups):
        pointed = next((at for at in good if "." in cells[at] and not GROUPED["point"].fullmatch(cells[at])), None)
        sure |= {} if pointed is None else {".": pointed}
    unlike = sum(not _alike(text) for text in bare)
    if len(sure) > 1 and (not unlike or at_fault(unlike, len(cells))):
        first, second = sorted(sure.values())
        raise InputError(f"{place(second)}: {cells[second][:40]!r} and {cells[first][:40]!r} ({place(first)}) have "
                         "different decimal marks; write all of the column with one")
    mark = next(iter(sure), decimal or ".")
    other = "comma" if mark == "." else "point"
    if other not in groups:
        return mark, []
    text = cells[groups[other]][:40]
    value = f"{_number(BLANK.sub('', text), mark) or 0:.0f}"
    return mark, [f"{other}s between thousands left out: {text!r} read as {value}"
                  + ("" if sure else f" (else say decimal={'.' if mark == ',' else ','!r})")]


def _number(text: str, mark: str) -> float | None:
    """None where the text is no number, or its groups of thousands are not of three digits."""
    other = "comma" if mark == "." else "point"
    if GROUPED[other].fullmatch(text) or BOTH[mark].fullmatch(text):
        text = text.replace("," if mark == "." else ".", "")
    elif mark == "," and "." in text:
        return None
    text = text.replace(",", ".") if mark == "," and COMMA.fullmatch(text) else text
    return float(text) if PLAIN.fullmatch(text) else None
