"""Series of a large file, read once: processes that come later find the panel in the cache, ready made."""
import hashlib
import json
from dataclasses import fields
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

import reprise.data.series
import reprise.data.tables
from reprise.core.files import atomic_write
from reprise.data.cache import cache_folder
from reprise.data.series.open import open_series
from reprise.data.series.panel import Panel, Series, Step

__all__ = ["open_once"]

LARGE = 1_000_000  # bytes; what is smaller is read in no time
PARTS = ("times", "values", "seen", "known", "static")  # the arrays of a series


def open_once(what: str, **reading: Any) -> Panel:
    """`open_series` of a path or name. Raises InputError as that does."""
    path = Path(what).expanduser()
    if not path.is_file() or path.stat().st_size < LARGE:
        return open_series(what, **reading)
    about = [str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns, sorted(reading.items()), _reader()]
    key = hashlib.sha256(json.dumps(about, default=str).encode()).hexdigest()[:24]
    kept = cache_folder("series") / f"{key}.npz"
    if not kept.exists():
        panel = open_series(what, **reading)
        atomic_write(kept, _packed(panel))
        return panel
    with np.load(kept) as arrays:
        return _unpacked(arrays)


@cache
def _reader() -> str:
    """What reads: another version may find something else in the same file."""
    digest = hashlib.sha256()
    for room in (reprise.data.series, reprise.data.tables):
        for path in sorted(Path(room.__path__[0]).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _packed(panel: Panel) -> bytes:
    """Each part of all series end to end, how long each one is, and the rest as JSON."""
    rest = {field.name: getattr(panel, field.name) for field in fields(panel) if field.name != "series"}
    about = json.dumps(rest | {"names": [series.name for series in panel]}).encode("utf-8", "surrogateescape")
    arrays = {"about": np.frombuffer(about, np.uint8)}
    for part in PARTS:
        found = [getattr(series, part) for series in panel]
        arrays |= {part: np.concatenate(found), f"{part}_lengths": np.array([len(one) for one in found])}
    file = BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _unpacked(arrays: Any) -> Panel:
    rest = json.loads(arrays["about"].tobytes().decode("utf-8", "surrogateescape"))
    names = rest.pop("names")
    parts = [np.split(arrays[part], np.cumsum(arrays[f"{part}_lengths"])[:-1]) for part in PARTS]
    series = tuple(Series(name, *found) for name, *found in zip(names, *parts, strict=True))
    rest = {name: tuple(value) if isinstance(value, list) else value for name, value in rest.items()}
    return Panel(series=series, **rest | {"step": None if rest["step"] is None else Step(*rest["step"])})
