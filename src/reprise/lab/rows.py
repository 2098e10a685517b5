"""Results as rows of JSON lines, appended as they are computed; a kill loses at most the row being written."""
import json
import os
from pathlib import Path
from typing import Any

from reprise.core.errors import InputError

__all__ = ["append_row", "read_rows"]

Row = dict[str, Any]
START = b'{"'  # of every row, so of one that was torn as well


def append_row(path: Path, row: Row) -> None:
    """One more line, on the disk when this returns. Raises InputError where the disk refuses."""
    line = json.dumps(row, allow_nan=False) + "\n"
    try:
        with path.open("ab+") as file:
            if file.tell() and _torn(file):
                line = "\n" + line
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); "
                         "free some space, or choose another --out") from error


def read_rows(path: Path) -> list[Row]:
    """All whole rows, in order; a line torn by a kill is passed over. Raises InputError for a file that holds none."""
    try:
        content = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); choose another --out") from error
    rows = [row for row in map(_row, content.splitlines()) if row is not None]
    if content and not rows and not START.startswith(content[:len(START)]):
        raise InputError(f"{path}: expected a row of JSON a line, got something else; choose another --out")
    return rows


def _row(line: bytes) -> Row | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _torn(file: Any) -> bool:
    """Whether the last line lacks its end: a kill fell into it."""
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"
