"""Files of published sets: from the folder `REPRISE_DATA`, else downloaded once; what is in them is checked."""
import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from reprise.core.errors import InputError
from reprise.data.cache import cache_folder
from reprise.data.corpora.sources import PACKED, Source

__all__ = ["Published", "locate", "read_published"]


class Published(NamedTuple):
    """A file of a published set: name, official part, address of the folder it is in, sha256 of its content.

    packed: the ending of a packed file at that address, ".gz"; what it holds is what the checksum is of.
    called: its name at that address, where that is another.   An empty address: nobody offers it in this form.
    """

    file: str
    part: str | None
    url: str
    sha256: str
    packed: str = ""
    called: str = ""


def locate(name: str, file: Published, *, instead: str = "") -> Path:
    """Where a file of the set `name` is, packed or not. `instead`: what else could be done, for the error.

    Raises InputError where it is neither in the folder `REPRISE_DATA` nor can be downloaded.
    """
    return _local(name, file.file) or _download(name, file, instead)


def read_published(name: str, file: Published, *, instead: str = "") -> bytes:
    """The content, unpacked. Raises InputError as `locate` does, and where it is not the published one."""
    path = locate(name, file, instead=instead)
    with Source(path).open() as reader:
        content = reader.read(-1)
    if (found := hashlib.sha256(content).hexdigest()) != file.sha256:
        raise InputError(f"{path.name} in {path.parent.name} is not the published file (sha256 {found[:12]}..., "
                         f"expected {file.sha256[:12]}...); delete it and it will be fetched again")
    return content


def _local(name: str, file: str) -> Path | None:
    """The file of a set in the folder `REPRISE_DATA`, packed or not, if it is there."""
    folder = os.environ.get("REPRISE_DATA")
    if not folder:
        return None
    candidates = [Path(folder).expanduser() / name / (file + ending) for ending in ("", *PACKED)]
    return next((path for path in candidates if path.is_file()), None)


def _download(name: str, file: Published, instead: str) -> Path:
    import pooch

    also = f", or {instead}" if instead else ""
    if not file.url:
        raise InputError(f"{name}/{file.file} cannot be downloaded from anywhere in this form; set REPRISE_DATA to a "
                         f"folder that has it{also}")
    pooch.get_logger().setLevel("WARNING")
    folder, packed = cache_folder("downloads", name), file.file + file.packed
    known = None if file.packed else f"sha256:{file.sha256}"  # of what is packed, the content is checked
    try:
        return Path(pooch.retrieve(file.url + (file.called or packed), known, fname=packed, path=folder))
    except (OSError, ValueError) as error:  # no network; or what came has another checksum
        raise InputError(f"cannot download {name} from {file.url}{packed} ({type(error).__name__}); try again with a "
                         f"network, set REPRISE_DATA to a folder that has {name}/{file.file}{also}") from error
