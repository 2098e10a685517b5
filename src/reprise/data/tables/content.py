"""The letters of a table file, wherever they come from: unpacked, and in UTF-8, said where they were not."""
import bz2
import codecs
import gzip
import lzma
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from reprise.core.errors import InputError
from reprise.data.corpora.kinds import HEAD, binary_kind
from reprise.data.corpora.sources import PathLike, Reader, Source, find_sources

__all__ = ["Content", "as_utf8", "fetch"]

PACKERS = {b"\x1f\x8b": gzip.open, b"\xfd7zXZ\x00": lzma.open, b"BZh": bz2.open}
SHOWN = 5  # names of an archive's members in a message
AT_ONCE = 1 << 24
MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
         (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
ZEROS = 0.4  # of UTF-16 letters of our files, so many and more have a zero byte
FEW_ZEROS = 0.01  # so few zero bytes are a fault in a text, more are not a text


class Content(NamedTuple):
    """The name to show, and all bytes."""

    name: str
    data: bytes


def fetch(source: PathLike | Source) -> Content:
    """What a path, "-" (standard input) or a member of an archive holds, unpacked; also where the ending does not tell.

    Raises InputError for what is missing, cannot be unpacked, is empty, or is several files.
    """
    if isinstance(source, str) and source == "-":
        name, data = "standard input", sys.stdin.buffer.read()
    else:
        found = source if isinstance(source, Source) else _only(source)
        with found.open() as reader:
            name, data = found.name, _all(reader)
    data = _unpacked(name, data)
    if not data.strip(b"\0\xef\xbb\xbf\xff\xfe \t\r\n"):
        what = "is empty" if not data else "holds nothing but blanks"
        raise InputError(f"{name} {what}: expected a table with a header and rows; check that it was written whole")
    return Content(name, data)


def _only(path: PathLike) -> Source:
    sources = find_sources(path)
    if len(sources) > 1:
        names = ", ".join(source.name for source in sources[:SHOWN]) + (" ..." if len(sources) > SHOWN else "")
        raise InputError(f"expected one file, got {len(sources)} at {Path(path).name!r}: {names}; give the one you "
                         "mean, unpacked if it is in an archive")
    return sources[0]


def _all(reader: Reader) -> bytes:
    return b"".join(iter(lambda: reader.read(AT_ONCE), b""))


def _unpacked(name: str, data: bytes) -> bytes:
    """Unpacks what begins as a packed file does: standard input has no ending, and endings go missing."""
    if data.startswith(b"PK\x03\x04"):
        return _from_zip(name, data)
    for signature, unpack in PACKERS.items():
        if data.startswith(signature) and not data[:512].isascii():
            with unpack(BytesIO(data)) as stream:
                return _all(Reader(stream, name))
    return data


def _from_zip(name: str, data: bytes) -> bytes:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            if any(info.filename == "[Content_Types].xml" for info in members):
                raise InputError(f"{name} is an office document (Excel?); save the sheet as CSV and give that")
            if len(members) != 1:
                raise InputError(f"expected one file in {name}, got {len(members)}; unpack it and give the one you "
                                 "mean")
            with archive.open(members[0]) as stream:
                return _all(Reader(stream, name))
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:  # RuntimeError: locked with a password
        raise InputError(f"cannot unpack {name}: {error}; unpack it yourself, or make it anew") from error


def as_utf8(name: str, data: bytes, encoding: str | None = None) -> tuple[bytes, list[str]]:
    """The same letters in UTF-8, lines ended by a line feed alone, without a byte order mark; and what to say of it.

    Without `encoding`: what a byte order mark says, else UTF-8, else UTF-16 by its zero bytes, else cp1252 or Latin-1.
    Raises InputError for what is no text, a zero byte, and a byte that does not fit, with its line.
    """
    notes = []
    mark, marked = next(((mark, told) for mark, told in MARKS if data.startswith(mark)), (b"", None))
    if encoding is None and marked is None:
        marked = _utf16(data[:HEAD])
    if encoding is not None and marked is not None and not _same(encoding, marked):
        marked, mark = None, b""  # the user's word counts
    used = encoding if marked is None else marked
    data = data[len(mark):]
    if used is None:
        _refuse_binary(name, data)
        data, notes = _guessed(name, data)
    elif not _same(used, "utf-8") or not data.isascii():
        data = _decoded(name, data, used).encode()
    if marked is not None and marked != "utf-8":
        notes.append(f"the encoding is {marked.upper()}")
    elif mark:
        notes.append("a byte order mark left out")
    zero = data.find(b"\0")
    if zero >= 0:
        raise InputError(f"{name}, {_spot(data, zero)}: a zero byte, which no text has; remove it, or write the file "
                         "anew")
    return (data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data), notes


def _utf16(head: bytes) -> str | None:
    """UTF-16 without a mark: every second byte of plain letters is zero."""
    pairs = max(len(head) // 2, 1)
    even, odd = head[::2].count(0) / pairs, head[1::2].count(0) / pairs
    if odd > ZEROS and even < FEW_ZEROS:
        return "utf-16-le"
    return "utf-16-be" if even > ZEROS and odd < FEW_ZEROS else None


def _refuse_binary(name: str, data: bytes) -> None:
    head = data[:HEAD]
    if 0 < head.count(0) <= max(FEW_ZEROS * len(head), 2):
        head = head.replace(b"\0", b"")  # a text with a fault, told with its line
    kind = binary_kind(head)
    if kind is not None:
        raise InputError(f"{name} looks like {kind}, not a table; give a CSV, JSON lines or Parquet file")


def _guessed(name: str, data: bytes) -> tuple[bytes, list[str]]:
    if data.isascii():
        return data, []
    try:
        data.decode()
    except UnicodeDecodeError as error:
        place = f"{_spot(data, error.start)}: byte 0x{data[error.start]:02x}"
        if not data.decode(errors="ignore").isascii():
            raise InputError(f"{name}, {place} is not UTF-8, though other letters of the file are; mend that line, or "
                             "say encoding='cp1252' to read every byte as a letter") from error
        for encoding, called in (("cp1252", "Windows Latin (cp1252)"), ("latin-1", "Latin-1")):
            try:
                return data.decode(encoding).encode(), [f"not UTF-8 ({place}): read as {called}"]
            except UnicodeDecodeError:
                continue
    return data, []


def _decoded(name: str, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except LookupError as error:
        raise InputError(f"unknown encoding {encoding!r}; try 'utf-8', 'cp1252' or 'utf-16'") from error
    except UnicodeDecodeError as error:
        before = data[:error.start].decode(encoding, errors="ignore").encode()
        raise InputError(f"{name}, {_spot(before, len(before))}: byte 0x{data[error.start]:02x} does not fit the "
                         f"encoding {encoding}; it is cut short there, or try encoding='cp1252'") from error


def _spot(data: bytes, at: int) -> str:
    """The line and the letter in it."""
    lines = data.count(b"\n", 0, at) or data.count(b"\r", 0, at)
    start = max(data.rfind(b"\n", 0, at), data.rfind(b"\r", 0, at)) + 1
    return f"line {lines + 1}, character {len(data[start:at].decode(errors='replace')) + 1}"


def _same(encoding: str, told: str) -> bool:
    try:
        return codecs.lookup(encoding).name.replace("-sig", "") in (told, told.removesuffix("-le").removesuffix("-be"))
    except LookupError:
        return False
