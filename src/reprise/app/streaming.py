"""A stream of observations in, a forecast each out: the state moves on by one step, and is kept."""
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from reprise.app.findings.units import several
from reprise.app.forecasts import load_forecaster
from reprise.app.process import prepare
from reprise.core.errors import InputError
from reprise.forecasting.forecaster import Forecaster

__all__ = ["stream_forecasts"]

SAVED = 1.0  # seconds between two writings of the state
FILLED = 1000  # steps that may be missing in a row; a time that is further ahead is rather a wrong one


def stream_forecasts(
    model: Path, standing: Path | None, names: tuple[str, str, str], quantiles: bool, lines: Iterator[str],
) -> None:
    """A forecast a line of standard input, {"unique_id": ..., "ds": ..., "y": ...}, each after one step of the state.

    standing: a file in which the state is kept, once a second and at the end, and from which it goes on. What was read
    already, by its time, is passed over in silence; a step that is missing is filled forward, and said.
    """
    prepare(1)
    path = standing if standing is not None and standing.exists() else None
    forecaster = load_forecaster(model, path)
    saved, kept = time.monotonic(), forecaster.standing
    try:
        with _ended_gently() as ended:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    name, stamp, value = _observation(line, number, names, forecaster)
                    if _push(forecaster, name, stamp, value, number):
                        print(json.dumps(_answer(forecaster, name, quantiles, names)), flush=True)
                kept = forecaster.standing
                if standing is not None and time.monotonic() - saved > SAVED:
                    forecaster.save_standing(standing)
                    saved = time.monotonic()
                if ended():
                    break
    finally:
        if standing is not None:
            forecaster.standing = kept  # of a line that was refused nothing is kept
            forecaster.save_standing(standing)


def _push(forecaster: Forecaster, name: str, stamp: Any, value: float | None, number: int) -> bool:
    """Whether the observation was new. Steps that are missing before it get the value before them."""
    where, filled = f"standard input, line {number}", 0
    while stamp is not None and (expected := forecaster.expected(name)) != stamp:
        if stamp < expected:
            if not filled:
                return False
            raise InputError(f"{where}: {stamp} is no step of {name!r}, whose next one is {expected}; mend the time")
        if filled == FILLED:
            raise InputError(f"{where}: {stamp} is more than {FILLED:,} steps of {name!r} after what was read; mend "
                             "the time, or begin anew with a file that goes on to there")
        forecaster.push_one(name, forecaster.last(name))
        filled += 1
    if filled:
        steps = several(filled, "step")
        print(f"reprise: line {number}: {steps} of {name!r} before {stamp} filled forward", file=sys.stderr)
    forecaster.push_one(name, forecaster.last(name) if value is None else value)
    return True


def _observation(
    line: str, number: int, names: tuple[str, str, str], forecaster: Forecaster
) -> tuple[str, Any, float | None]:
    """The series, the time where one is given, and the value, None where it is missing."""
    where = f"standard input, line {number}"
    try:
        found = json.loads(line)
    except ValueError as error:
        raise InputError(f"{where}: expected JSON, got {line.strip()[:60]!r} ({error}); write one observation a line"
                         ) from error
    if isinstance(found, int | float) and not isinstance(found, bool):
        found = {names[2]: found}
    if not isinstance(found, dict) or names[2] not in found:
        raise InputError(f"{where}: expected a number, or an object with {names[2]!r}, got {line.strip()[:60]!r}; say "
                         "--target for another name")
    name = found.get(names[0], forecaster.names[0] if len(forecaster.names) == 1 else None)
    if name is None or str(name) not in forecaster.names:
        raise InputError(f"{where}: expected {names[0]!r} to be one of the {len(forecaster.names)} series that were "
                         f"fitted, got {name!r}; say --id for another column")
    value = found[names[2]]
    if isinstance(value, bool) or not isinstance(value, int | float | None) or (
            value is not None and not abs(value) < 3e38):
        raise InputError(f"{where}: expected {names[2]!r} to be a number or null, got {value!r}; mend the line")
    return str(name), _stamp(found.get(names[1]), forecaster, where), value


def _stamp(given: object, forecaster: Forecaster, where: str) -> Any:
    if given is None:
        return None
    if not isinstance(forecaster.expected(forecaster.names[0]), np.datetime64):
        return float(given) if isinstance(given, int | float) else None
    import pandas as pd

    try:
        stamp = pd.Timestamp(given)
    except (ValueError, TypeError) as error:
        raise InputError(f"{where}: expected a time, got {given!r} ({error}); write it as 2024-05-01T13:00") from error
    return (stamp.tz_convert("UTC").tz_localize(None) if stamp.tzinfo else stamp).to_datetime64()


def _answer(forecaster: Forecaster, name: str, quantiles: bool, names: tuple[str, str, str]) -> dict[str, Any]:
    found = forecaster.forecast_of(name)
    answer = {names[0]: name, "from": _written(forecaster.expected(name)), "forecast": _short(found.point[0])}
    if quantiles and found.quantiles is not None:
        answer |= {f"{level:g}": _short(found.quantiles[0, :, i]) for i, level in enumerate(found.levels)}
    return answer


def _written(stamp: np.datetime64 | float) -> str:
    """As ISO 8601 has it, without nanoseconds that are none."""
    if not isinstance(stamp, np.datetime64):
        return str(stamp)
    import pandas as pd

    return pd.Timestamp(stamp).isoformat()


def _short(values: np.ndarray) -> list[float]:
    return [float(f"{value:.7g}") for value in values]


@contextmanager
def _ended_gently() -> Iterator[Callable[[], bool]]:
    """Whether the process was asked to end: then the line under way is finished, and the state saved."""
    asked = False

    def hear(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = signal.signal(signal.SIGTERM, hear)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGTERM, before)
