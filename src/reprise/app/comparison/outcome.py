"""From the rows of a comparison to its summary: one entry a model, baselines, what is more than chance, a sample."""
from statistics import median
from typing import Any

from reprise.app.comparison.engine import Comparison
from reprise.app.findings.chance import finished, pairs, spread
from reprise.app.findings.summary import VERSION, Baseline, Model, Point, Summary
from reprise.app.findings.verdict import verdict
from reprise.app.machine import describe

__all__ = ["summarise"]


def summarise(comparison: Comparison, command: str, started: str, seconds: float) -> Summary:
    """The summary that the report and the leaderboard are made of."""
    settings, contest = comparison.settings, comparison.settings.contest
    models, measured = [_model(comparison, name) for name in settings.models], _baselines(comparison)
    return Summary(
        version=VERSION, kind=contest.kind, unit=contest.unit, measure=contest.measure.told(),
        further=[measure.told() for measure in contest.further], command=command,
        verdict=verdict(models, measured, contest.measure), started=started, seconds=seconds,
        machine=describe(settings.threads()), settings=_settings(settings), data=contest.card(), models=models,
        baselines=measured, missing=_missing(comparison), pairs=pairs(models, contest.measure),
        shown=_shown(comparison, models), files=_files(comparison),
    )


def _settings(settings: Any) -> dict[str, Any]:
    told = settings.told() | {"jobs": settings.workers(), "budget_seconds": settings.budget}
    told |= {"data": " ".join(settings.contest.data), "models": ", ".join(settings.models)}
    del told["budget"]
    return told


def _model(comparison: Comparison, name: str) -> Model:
    family, summary = comparison.settings.contest.about(name)
    model = Model(name=name, family=family, summary=summary)
    finals = sorted(comparison.found("final", model=name), key=lambda row: row["seed"])
    if not finals:
        seeds = range(comparison.settings.seeds)
        why = next(filter(None, (comparison.failure(name, seed) for seed in (None, *seeds))), "stopped")
        return model | Model(status="failed", why=why)
    points, speed = comparison.found("point", model=name), comparison.speed(name)
    middle = sorted(finals, key=lambda row: row["score"])[(len(finals) - 1) // 2]
    step_ms = median(row["step_ms"] for row in finals)
    return model | Model(
        status="done", why=_failed_seeds(comparison, name), parameters=middle["parameters"],
        state_bytes=middle["state_bytes"], train_units_per_second=speed, step_ms=step_ms,
        stream_units_per_second=1e3 / step_ms, peak_memory_bytes=max(row["peak_memory_bytes"] for row in points),
        units=max(row["units"] for row in points), curve=[_point(row, speed) for row in points],
        score=spread([row["score"] for row in finals]), detail=middle["detail"],
        further={which: median(row["further"][which] for row in finals) for which in middle["further"]},
    )


def _point(row: dict[str, Any], speed: float) -> Point:
    """Seconds are compute: what was read at the measured speed, the same on a quiet and a busy machine."""
    return Point(seed=row["seed"], units=row["units"], seconds=row["units"] / speed, score=row["score"])


def _failed_seeds(comparison: Comparison, name: str) -> str:
    failed = {s: why for s in range(comparison.settings.seeds) if (why := comparison.failure(name, s))}
    return "; ".join(f"seed {seed} failed: {why}" for seed, why in failed.items())


def _baselines(comparison: Comparison) -> list[Baseline]:
    """In the order that the contest names them."""
    return [{key: row[key] for key in row if key not in ("kind", "of")}
            for name in comparison.settings.contest.baselines() for row in comparison.found("baseline", of=name)
            if "left_out" not in row]


def _missing(comparison: Comparison) -> dict[str, str]:
    failed = [(row["of"], row["why"]) for row in comparison.rows if row.get("during") == "baseline"]
    left_out = [(row["of"], row["left_out"]) for row in comparison.found("baseline") if "left_out" in row]
    return dict(left_out + failed)


def _shown(comparison: Comparison, models: list[Model]) -> dict[str, Any] | None:
    """What the best seed of the best model does with the data."""
    contest, order = comparison.settings.contest, finished(models, comparison.settings.contest.measure)
    if not order:
        return None
    name = order[0]["name"]
    finals = comparison.found("final", model=name)
    seed = min(finals, key=lambda row: contest.measure.cost(row["score"]))["seed"]
    trial = comparison.trial(name, seed)
    return {"model": name, **contest.shown(trial.entry, contest.load(trial.entry, trial.trained))}


def _files(comparison: Comparison) -> list[str]:
    folders = sorted((comparison.folder / "models").glob("*"))
    return ["results.jsonl", "settings.json", *(f"models/{folder.name}/" for folder in folders)]
