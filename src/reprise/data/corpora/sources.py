"""Where a corpus comes from: files, folders, patterns and what is packed in them, each a `Source` read as a stream."""
import bz2
import glob
import gzip
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

from reprise.core.errors import InputError

__all__ = ["PACKED", "PathLike", "Reader", "Source", "find_sources", "is_pattern"]

PathLike = str | os.PathLike[str]
PACKED = {".xz": lzma.open, ".gz": gzip.open, ".bz2": bz2.open}
BROKEN = (OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, NotImplementedError)


@dataclass(frozen=True)
class Source:
    """One file, or one member of a zip archive."""

    path: Path
    member: str | None = None
    chosen: bool = False  # the user named it; it was not found in a folder or by a pattern
    part: str | None = None  # of a set with an official split: "train", "valid" or "test"
    sha256: str | None = None  # of the content, where it is a published one

    @property
    def name(self) -> str:
        """The name to show: never the folders above it."""
        return self.path.name if self.member is None else f"{self.path.name}:{self.member}"

    def stamp(self) -> list[str | int | None]:
        """What tells whether the file is still the same: place, size, time of change."""
        with _told_as_input_error(self.name):
            about = self.path.stat()
        return [str(self.path.resolve()), self.member, about.st_size, about.st_mtime_ns, self.part]

    @contextmanager
    def open(self) -> Iterator["Reader"]:
        """The bytes, unpacked, as a stream."""
        with ExitStack() as stack:
            with _told_as_input_error(self.name):
                if self.member is not None:
                    archive = stack.enter_context(zipfile.ZipFile(self.path))
                    stream = archive.open(self.member)
                else:
                    stream = PACKED.get(self.path.suffix.lower(), open)(self.path, "rb")
            stack.enter_context(stream)
            yield Reader(stream, self.name)


class Reader:
    """A stream whose failures are told as an `InputError` that names the file."""

    def __init__(self, stream: BufferedIOBase, name: str) -> None:
        self._stream, self._name = stream, name

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; none at the end."""
        with _told_as_input_error(self._name):
            return self._stream.read(size)

    def exactly(self, size: int, block: int = 1 << 20) -> Iterator[bytes]:
        """The next `size` bytes in blocks; an `InputError` if there are fewer, for a moment ago there were enough."""
        while size > 0:
            data = self.read(min(size, block))
            if not data:
                raise InputError(f"{self._name} became shorter while it was read; run again when nothing writes to it")
            size -= len(data)
            yield data


@contextmanager
def _told_as_input_error(name: str) -> Iterator[None]:
    try:
        yield
    except BROKEN as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        raise InputError(f"cannot read {name}: {reason}; check that the file is complete and may be read") from error


def is_pattern(what: PathLike) -> bool:
    """Whether it holds a wildcard: * ? or [...]."""
    return glob.has_magic(os.fspath(what))


def find_sources(what: PathLike | Sequence[PathLike]) -> list[Source]:
    """The files meant by a path, a folder, a pattern or several of them; each once.

    Folders (with all below them) and patterns come in sorted order, without hidden files and folders; a zip archive
    stands for its members. Raises `InputError` for what is missing, is no regular file, or holds no file.
    """
    several = [what] if isinstance(what, str | os.PathLike) else list(what)
    if not several:
        raise InputError("expected a file, a folder or a pattern, got an empty list")
    found = [source for item in several for path, chosen in _files(item) for source in _members(path, chosen)]
    once: dict[tuple[Path, str | None], Source] = {}
    for source in found:
        once.setdefault((source.path.resolve(), source.member), source)
    return list(once.values())


def _files(item: PathLike) -> list[tuple[Path, bool]]:
    if not os.fspath(item).strip():
        raise InputError("expected a file, a folder or a pattern, got an empty name; write . for the folder you are in")
    path = Path(item).expanduser()
    with _told_as_input_error(_shortened(path)):
        exists, is_folder, is_file = path.exists(), path.is_dir(), path.is_file()
    if is_file:
        return [(path, True)]
    if is_folder:
        files = _below(path)
        if not files:
            raise InputError(f"folder {str(item)!r} holds no file to read (hidden ones do not count); give another")
        return [(file, False) for file in files]
    if exists:
        raise InputError(f"{str(item)!r} is not a regular file or folder; save its content to a file first")
    if not is_pattern(path):
        raise InputError(f"no file or folder at {str(item)!r}; check the path (now in {Path.cwd().name!r})")
    matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True)) if os.path.isfile(match)]
    if not matches:
        raise InputError(f"no file matches the pattern {str(item)!r}; quote it, and use ** to look into folders")
    return [(match, False) for match in matches]


def _below(folder: Path) -> list[Path]:
    """Every visible regular file below a folder, sorted by its path; links to folders are not followed."""

    def unreadable(error: OSError) -> None:
        raise InputError(f"cannot look into folder {Path(error.filename).name!r}: {error.strerror}") from error

    found = []
    for place, folders, files in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in files if not name.startswith(".")]
    return sorted((path for path in found if path.is_file()), key=lambda path: path.relative_to(folder).as_posix())


def _members(path: Path, chosen: bool) -> list[Source]:
    if path.suffix.lower() != ".zip":
        return [Source(path, chosen=chosen)]
    with _told_as_input_error(path.name), zipfile.ZipFile(path) as archive:
        infos = sorted(archive.infolist(), key=lambda info: info.filename)
    if any(info.flag_bits & 1 for info in infos):
        raise InputError(f"{path.name} is locked with a password; unpack it first")
    members = [info.filename for info in infos if not info.is_dir() and not _hidden(info.filename)]
    if not members:
        raise InputError(f"{path.name} holds no file to read (hidden ones do not count); give another")
    return [Source(path, member, chosen and len(members) == 1) for member in members]


def _hidden(member: str) -> bool:
    return any(step.startswith((".", "__MACOSX")) for step in member.split("/"))


def _shortened(path: Path) -> str:
    return f"{str(path)[:60]!r}{' ...' if len(str(path)) > 60 else ''}"
