"""From the rows of a comparison to its summary: one entry a model, baselines, what is more than chance, a sample."""
from collections.abc import Callable
from dataclasses import asdict
from statistics import median
from typing import Any

from reprise.app.comparison.engine import Comparison
from reprise.app.comparison.trial import TEST_BYTES
from reprise.app.findings.baselines import measure_baselines
from reprise.app.findings.chance import finished, pairs, spread
from reprise.app.findings.summary import VERSION, Baseline, Model, Point, Sample, Summary
from reprise.app.findings.verdict import verdict
from reprise.app.machine import describe
from reprise.data.corpora.corpus import Corpus
from reprise.models.language_model import LanguageModel
from reprise.models.patterns import told_of

__all__ = ["PROMPT", "baselines", "summarise"]

PROMPT, SAMPLE = 120, 480  # bytes of test text the best model goes on from, and bytes it writes


def baselines(corpus: Corpus, told: Callable[[str], Any] = lambda name: None) -> list[Baseline]:
    """What could win without any training, on the text that models are scored on; `told` hears each name."""
    found = []
    for baseline in measure_baselines(corpus.train, corpus.test.beginning(TEST_BYTES)):
        found.append(baseline)
        told(baseline["name"])
    return found


def summarise(comparison: Comparison, measured: list[Baseline], command: str, started: str, seconds: float) -> Summary:
    """The summary that the report and the leaderboard are made of."""
    settings = comparison.settings
    models = [_model(comparison, name) for name in settings.models]
    return Summary(
        version=VERSION, command=command, verdict=verdict(models, measured), started=started, seconds=seconds,
        machine=describe(settings.threads()), settings=_settings(settings), data=settings.corpus().card(),
        models=models, baselines=measured, pairs=pairs(models), sample=_sample(comparison, models),
        files=_files(comparison),
    )


def _settings(settings: Any) -> dict[str, Any]:
    told = asdict(settings) | {"jobs": settings.workers(), "budget_seconds": settings.budget}
    told |= {"data": " ".join(settings.data), "models": ", ".join(settings.models)}
    del told["budget"]
    return told


def _model(comparison: Comparison, name: str) -> Model:
    family, summary = told_of(name)
    model = Model(name=name, family=family, summary=summary)
    finals = {row["seed"]: row for row in comparison.found("final", model=name)}
    if not finals:
        seeds = range(comparison.settings.seeds)
        why = next(filter(None, (comparison.failure(name, seed) for seed in (None, *seeds))), "stopped")
        return model | Model(status="failed", why=why)
    points = comparison.found("point", model=name)
    any_final = next(iter(finals.values()))
    step_ms = median(row["step_ms"] for row in finals.values())
    return model | Model(
        status="done", why=_failed_seeds(comparison, name), parameters=any_final["parameters"],
        state_bytes=any_final["state_bytes"], train_tokens_per_second=comparison.speed(name), step_ms=step_ms,
        stream_tokens_per_second=1e3 / step_ms, peak_memory_bytes=max(row["peak_memory_bytes"] for row in points),
        tokens=max(row["bytes"] for row in points), curve=[_point(row, comparison.speed(name)) for row in points],
        bits_per_byte=spread([finals[seed]["bits_per_byte"] for seed in sorted(finals)]),
    )


def _point(row: dict[str, Any], speed: float) -> Point:
    """Seconds are compute: bytes read at the measured speed, the same on a quiet and a busy machine."""
    return Point(seed=row["seed"], tokens=row["bytes"], seconds=row["bytes"] / speed,
                 bits_per_byte=row["bits_per_byte"])


def _failed_seeds(comparison: Comparison, name: str) -> str:
    failed = {s: why for s in range(comparison.settings.seeds) if (why := comparison.failure(name, s))}
    return "; ".join(f"seed {seed} failed: {why}" for seed, why in failed.items())


def _sample(comparison: Comparison, models: list[Model]) -> Sample | None:
    order = finished(models)
    if not order:
        return None
    name = order[0]["name"]
    seed = min(comparison.found("final", model=name), key=lambda row: row["bits_per_byte"])["seed"]
    trained = LanguageModel.from_pretrained(comparison.trial(name, seed).trained)
    prompt = comparison.settings.corpus().test.document(0)[:PROMPT]
    (text,) = trained.generate(prompt, SAMPLE, temperature=0.8, top_p=0.95, seed=0)
    return Sample(model=name, prompt=prompt.decode(errors="replace"), text=text.decode(errors="replace"))


def _files(comparison: Comparison) -> list[str]:
    folders = sorted((comparison.folder / "models").glob("*"))
    return ["results.jsonl", "settings.json", *(f"models/{folder.name}/" for folder in folders)]
