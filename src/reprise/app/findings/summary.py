"""What a comparison found, as plain JSON: `compare.json`, from which the report and the leaderboard are made."""
import json
import math
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

from reprise.core.errors import InputError
from reprise.core.files import atomic_write

__all__ = ["VERSION", "Baseline", "Machine", "Model", "Pairs", "Point", "Spread", "Summary", "load", "save"]

VERSION = 2
PARTS = ("kind", "unit", "measure", "command", "verdict", "machine", "settings", "data", "models", "baselines")


class Spread(TypedDict):
    """Scores over seeds: the middle, the ends and every one; with one seed there are no ends."""

    median: float
    low: float | None
    high: float | None
    values: list[float]


class Point(TypedDict):
    """One evaluation on the validation part while training."""

    seed: int
    units: int
    seconds: float
    score: float


class Model(TypedDict, total=False):
    """One model; of a failed one only the first four are sure, and `why`.

    further: medians over seeds, by the names of the summary's further measures.   detail: of the seed in the middle.
    """

    name: str
    family: str
    summary: str
    status: Literal["done", "failed"]
    why: str
    parameters: int
    state_bytes: int
    train_units_per_second: float
    stream_units_per_second: float
    step_ms: float
    peak_memory_bytes: int | None
    units: int
    score: Spread
    further: dict[str, float]
    detail: dict[str, Any]
    curve: list[Point]


class Baseline(TypedDict):
    """Something that could have won without any training; `why` says in a line what it is.

    group: of all that share it only the best has a line among the models; none where it is "".
    valid: the score on the validation part, where that is another than on the test part by nature, as of series.
    """

    name: str
    group: str
    score: float
    valid: NotRequired[float | None]
    further: NotRequired[dict[str, float]]
    detail: NotRequired[dict[str, Any]]
    seconds: float
    why: str


class Pairs(TypedDict):
    """How sure the order is: `better[i][j]`, the chance that i is better than j; `best[i]`, that i is the best of all.

    None stands where one seed says nothing.
    """

    names: list[str]
    better: list[list[float | None]]
    best: list[float | None]


class Machine(TypedDict, total=False):
    """Where it ran."""

    cpu: str
    cores: int
    threads: int
    memory_gb: float
    os: str
    python: str
    torch: str
    reprise: str


class Summary(TypedDict, total=False):
    """The whole comparison. `data` is the card of the data, `files` are links relative to the summary.

    kind, unit: of the data, "text" and what is read of them, "byte".   measure, further: see `Measure`.
    shown: what the best model does with the data.   missing: baselines that could not be measured, and why.
    """

    version: int
    kind: str
    unit: str
    measure: dict[str, Any]
    further: list[dict[str, Any]]
    command: str
    verdict: str
    started: str
    seconds: float
    machine: Machine
    settings: dict[str, Any]
    data: dict[str, Any]
    models: list[Model]
    baselines: list[Baseline]
    pairs: Pairs
    shown: dict[str, Any] | None
    missing: dict[str, str]
    files: list[str]


def save(path: str | Path, summary: Summary) -> None:
    """Writes it whole or not at all; a number that is not finite becomes null, for JSON has none."""
    text = json.dumps(_plain(summary), indent=1, ensure_ascii=False, allow_nan=False)
    atomic_write(path, text.encode("utf-8", "backslashreplace") + b"\n")


def load(path: str | Path) -> Summary:
    """The summary in this file. Raises InputError where it is missing, damaged or of another version."""
    try:
        read = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: cannot be read ({reason}); check the path") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: expected a compare.json, got no JSON ({error}); run the comparison again") from error
    if not isinstance(read, dict) or "version" not in read:
        raise InputError(f"{path}: expected the compare.json of a comparison, got other JSON; check the path")
    if read["version"] != VERSION:
        raise InputError(f"{path}: expected version {VERSION}, got {read['version']!r}; use the reprise that wrote it")
    missing = [part for part in PARTS if part not in read]
    if missing:
        raise InputError(f"{path}: {', '.join(missing)} missing; run the comparison again")
    return read


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
