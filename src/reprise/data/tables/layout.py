"""Which record of a file is its header, which are rows, and what is neither: titles, units, blanks, headers again."""
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool

from reprise.core.errors import InputError
from reprise.data.tables.dialect import rough
from reprise.data.tables.records import Records, fields_of

__all__ = ["Layout", "find_layout"]

LOOKED_AT = 100  # records at the beginning
LONG, SHOWN = 40, 20  # letters: too many for the name of an only column, of a name in a message
RAGGED = 0.2  # of the rows are short, and more: series of different lengths; fewer: a fault


@dataclass
class Layout:
    """names: of the columns, unique.   unnamed: those that we named.   rows: whether a record is one.

    quoting: whether quotes hold fields together.
    """

    name: str
    data: bytes
    delimiter: str | None
    records: Records
    quoting: bool = True
    names: list[str] = field(default_factory=list)
    unnamed: set[str] = field(default_factory=set)
    rows: Bool[np.ndarray, " R"] = field(default_factory=lambda: np.zeros(0, bool))
    notes: list[str] = field(default_factory=list)

    def text(self, record: int) -> str:
        """As the file has it."""
        return self.data[self.records.starts[record]:self.records.ends[record]].decode()

    def fields(self, record: int) -> list[str]:
        """The fields of a record."""
        return fields_of(self.text(record), self.delimiter, quoting=self.quoting)

    def line(self, record: int) -> int:
        """The line a record begins in."""
        return int(self.records.lines[record])


def find_layout(layout: Layout) -> Layout:
    """Fills in names, rows and notes. Raises InputError for records that do not fit, with the first line of them."""
    records = layout.records
    blank = records.ends == records.starts
    if layout.delimiter is None:  # an empty line may be a missing value there, but not before or behind all others
        filled = np.flatnonzero(~blank)
        blank[filled[0]:filled[-1]] = False
    else:
        blank |= (records.ends - records.starts == records.fields - 1) & (records.fields > 1)
        blank[[k for k in np.flatnonzero((records.fields == 1) & ~blank) if not layout.text(k).strip()]] = True
    layout.rows = ~blank
    if blank.all():
        raise InputError(f"{layout.name} holds nothing but delimiters; expected a header and rows, check the file")
    _leave_out(layout, np.flatnonzero(blank), "empty line")
    first, header = _find_header(layout)
    if header is not None:
        _read_header(layout, header)
        _leave_out_repeated(layout, header)
    _leave_out_comments(layout)
    if not layout.rows.any():
        names = ", ".join(name[:SHOWN] for name in layout.names[:5])
        raise InputError(f"{layout.name}: line {layout.line(first)} is a header ({names}), and no rows follow; check "
                         "that the file was written whole")
    _check_widths(layout, header)
    return layout


def _leave_out(layout: Layout, found: np.ndarray, what: str) -> None:
    layout.rows[found] = False
    if len(found):
        many = f"{len(found):,} {what}" if len(found) == 1 else f"{len(found):,} {what.replace('line', 'lines', 1)}"
        layout.notes.append(f"{many} left out ({'from ' if len(found) > 1 else ''}line {layout.line(found[0])})")


def _find_header(layout: Layout) -> tuple[int, int | None]:
    """The first record of the table, and itself if it is a header; what stands before it is left out."""
    records, here = layout.records, np.flatnonzero(layout.rows)
    usual = int(np.bincount(records.fields[here]).argmax())
    enough = max(usual - 1, 2) if usual > 1 else 1
    comments = [k for k in here[:LOOKED_AT] if _comment(layout, k)]
    plain = [k for k in here[records.fields[here] >= enough][:2 * LOOKED_AT] if k not in comments]
    first = int(plain[0]) if plain else int(here[0])
    _leave_out(layout, here[here < first], "line before the header")
    if _is_header(layout, first, [int(k) for k in plain[1:LOOKED_AT]]):
        return first, first
    above = [k for k in comments if k < first]
    if above and len(_uncommented(layout, above[-1])) == usual > 1:
        layout.names = _unique(layout, _uncommented(layout, above[-1]))
        layout.notes[-1] += f", its names taken from line {layout.line(above[-1])}"
    else:
        layout.names = [f"column {k + 1}" for k in range(usual)]
        layout.unnamed = set(layout.names)
        layout.notes.append("no header: the columns are called 'column 1'" + f" to 'column {usual}'" * (usual > 1))
    return first, None


def _comment(layout: Layout, record: int) -> bool:
    start = layout.records.starts[record]
    return layout.data[start:start + 4].lower().startswith((b"#", b"%", b"sep="))


def _uncommented(layout: Layout, record: int) -> list[str]:
    text = layout.text(record).lstrip("#% \t")
    return fields_of(text, layout.delimiter) if layout.delimiter != "\t" else text.split()


def _is_header(layout: Layout, first: int, below: list[int]) -> bool:
    """Whether the record says what the columns are, not what is in them: text over numbers or times."""
    cells = layout.fields(first)
    kinds = [rough(cell) for cell in cells]
    below = [k for k in below if layout.fields(k) != cells]
    if not below:
        return {*kinds} <= {"text", "missing"}
    if kinds[0] in ("text", "missing") and _counts_up(cells[1:]):  # an index and 0, 1, 2; years as columns
        low = int(cells[1])
        if not cells[0] or 1500 <= low <= 2200 or (low < 2 and len(cells) > 4):
            return True
    rows = [fields for k in below if len(fields := layout.fields(k)) >= len(cells)]
    body = [_usual_kind(column) for column in zip(*rows)] or ["missing"] * len(cells)
    pairs = list(zip(kinds, body))
    if any(kind == "time" == under or (kind == "number" == under and not cell.isdigit())
           for cell, (kind, under) in zip(cells, pairs)):
        return False
    if any(under in ("number", "time") and kind in ("text", "time") for kind, under in pairs):
        return True
    if any(kind == under == "number" for kind, under in pairs):
        return False
    texts = [cell for cell, kind in zip(cells, kinds) if kind == "text"]
    seen = {cell for k in below for cell in layout.fields(k)}
    short = len(cells) > 1 or (bool(texts) and len(texts[0]) < LONG)
    return bool(texts) and short and len(set(texts)) == len(texts) and not seen & set(texts)


def _usual_kind(column: tuple[str, ...]) -> str:
    kinds = Counter(kind for cell in column if (kind := rough(cell)) != "missing")
    return max(kinds, key=lambda kind: kinds[kind]) if kinds else "missing"


def _counts_up(cells: list[str]) -> bool:
    if not cells or not all(cell.isascii() and cell.isdigit() and len(cell) < 10 for cell in cells):
        return False
    numbers = [int(cell) for cell in cells]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _read_header(layout: Layout, header: int) -> None:
    layout.rows[header] = False
    names = layout.fields(header)
    rows = np.flatnonzero(layout.rows)
    if len(rows) > 1 and len(second := layout.fields(rows[0])) == len(names):
        kinds, third = [rough(cell) for cell in second], [rough(cell) for cell in layout.fields(rows[1])]
        below = [kind for kind, under in zip(kinds, third) if under in ("number", "time")]
        if "text" in kinds and below and all(kind in ("text", "missing") for kind in kinds) and "text" in below:
            said = ", ".join(map(repr, second[:5])) + (" ..." if len(second) > 5 else "")
            if len(set(names)) < len(names):
                names = [f"{above} {below}".strip() for above, below in zip(names, second)]
                layout.notes.append(f"the header joined from lines {layout.line(header)} and {layout.line(rows[0])}")
            else:
                layout.notes.append(f"a second line below the header left out: {said} (line {layout.line(rows[0])})")
            layout.rows[rows[0]] = False
    layout.names = _unique(layout, names)


def _unique(layout: Layout, names: list[str]) -> list[str]:
    """Names that tell the columns apart."""
    counts: Counter[str] = Counter()
    unique = []
    for place, name in enumerate(names, 1):
        name = " ".join(name.split()) or f"column {place}"
        counts[name] += 1
        unique.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    if twice := [repr(name) for name, count in counts.items() if count > 1]:
        layout.notes.append(f"columns of the same name told apart by a number: {', '.join(twice[:5])}")
    layout.unnamed = {known for known, name in zip(unique, names) if not name}
    if "" in names[:-1]:
        layout.notes.append(f"a column without a name is called {unique[names.index('')]!r}")
    return unique


def _leave_out_repeated(layout: Layout, header: int) -> None:
    records, text = layout.records, layout.text(header).encode()
    alike = np.flatnonzero(layout.rows & (records.ends - records.starts == len(text)))
    if len(alike) and layout.data.find(text, records.ends[header]) >= 0:
        again = [k for k in alike if layout.data.startswith(text, records.starts[k])]
        _leave_out(layout, np.array(again, int), "repeated header line")


def _leave_out_comments(layout: Layout) -> None:
    records = layout.records
    odd = np.flatnonzero(layout.rows & (records.fields != len(layout.names)))
    _leave_out(layout, np.array([k for k in odd if _comment(layout, k)], int), "comment line")


def _check_widths(layout: Layout, header: int | None) -> None:
    """Every row has as many fields as there are names, or all have one more and it means something."""
    width, rows = len(layout.names), np.flatnonzero(layout.rows)
    fields = layout.records.fields[rows]
    if (fields == width + 1).all() and header is not None:
        width = _widened(layout, rows)
    if (fields == width - 1).all() and layout.names[-1] == f"column {width}":
        layout.names.pop()  # a delimiter behind the last name alone
        return
    if (over := fields > width).any():
        raise InputError(_misfit(layout, int(rows[over.argmax()]), width, header))
    short = fields < width
    if short.sum() > max(1, RAGGED * len(rows)):
        layout.notes.append(f"{short.sum():,} rows end early (from line {layout.line(int(rows[short.argmax()]))}): "
                            "what is not there counts as missing")
    elif short.any():
        raise InputError(_misfit(layout, int(rows[short.argmax()]), width, header))


def _widened(layout: Layout, rows: np.ndarray) -> int:
    """Rows with one field more than names: the last is always empty, or the first numbers the rows as in R."""
    looked, names = [layout.fields(k) for k in rows[:LOOKED_AT]], layout.names
    place = f"column {len(names) + 1}"
    if all(not row[-1] for row in looked):
        layout.names = [*names, place]
        layout.unnamed.add(place)  # left out later, if it is empty in all rows
    elif [row[0] for row in looked] == [str(k + 1) for k in range(len(looked))]:
        layout.names = ["row", *names]
        layout.notes.append("the first field of the rows has no name and numbers them: called 'row'")
    return len(layout.names)


def _misfit(layout: Layout, record: int, width: int, header: int | None) -> str:
    found, fields = int(layout.records.fields[record]), layout.fields(record)
    others = f"the header has {width}" if header is not None else f"the others have {width}"
    if found > width:
        place = f"column {layout.names[-1]!r}" if width else ""
        what = f"the first too many is {fields[width][:40]!r}" if len(fields) > width else "one too many"
        remedy = "quote a field that holds the delimiter (a decimal comma, too), or take the delimiter away"
    else:
        place = f"column {layout.names[min(found, width - 1)]!r}"
        what = f"it ends with {fields[-1][:40]!r}"
        remedy = "give the missing fields, empty ones too, or take the line out"
        if record == len(layout.records.lines) - 1 and not layout.data.endswith(b"\n"):
            remedy = "it is the last one, and the file may be cut short: write the file anew, or take the line out"
    return (f"{layout.name}, line {layout.line(record)}, {place}: {found} field{'s' * (found != 1)}, but {others} "
            f"({what}); {remedy}")
