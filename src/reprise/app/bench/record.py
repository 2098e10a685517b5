"""Measurements as rows of a CSV file, and what an earlier file said of the same."""
import csv
import io
from pathlib import Path
from typing import NamedTuple

from reprise.core.errors import InputError
from reprise.core.files import atomic_write

__all__ = ["Key", "Row", "load", "save"]

Key = tuple[str, str, str, str, str]


class Row(NamedTuple):
    """One way of doing one thing. Ways with the same kind, name, shape and pass were measured in turns."""

    kind: str
    name: str
    shape: str
    kind_of_pass: str
    way: str
    ours: bool
    seconds: float  # the median
    spread: float  # half of what the middle half of all rounds ranges over, as a share of the median
    peak_bytes: int | None  # of tensors, beyond what was there before; None where it was not asked for
    limit_seconds: float  # what memory or the matrix unit alone would need
    threads: int
    cpu: str
    torch: str
    reprise: str

    @property
    def key(self) -> Key:
        return self[:5]


def save(path: Path, rows: list[Row]) -> None:
    """All rows; those of an earlier file that were not measured anew stay."""
    merged = {row.key: row for row in [*load(path), *rows]}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Row._fields)
    writer.writerows([["" if v is None else f"{v:.6g}" if isinstance(v, float) else v for v in row]
                      for row in merged.values()])
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, text.getvalue().encode())


def load(path: Path) -> list[Row]:
    """What was measured before; nothing where there is no file. Raises InputError where it is not one of ours."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        header, *lines = list(csv.reader(file)) or [[]]
    if tuple(header) != Row._fields:
        raise InputError(f"{path}: expected a file that `reprise bench` wrote, with the columns "
                         f"{', '.join(Row._fields)}; name another with --out")
    return [_row(line, path, number) for number, line in enumerate(lines, 2)]


def _row(line: list[str], path: Path, number: int) -> Row:
    try:
        kind, name, shape, kind_of_pass, way, ours, seconds, spread, peak, limit, threads, *about = line
        return Row(kind, name, shape, kind_of_pass, way, ours == "True", float(seconds), float(spread),
                   int(peak) if peak else None, float(limit), int(threads), *about)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}, line {number}: {error}; measure anew with another --out") from error
