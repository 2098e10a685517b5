"""What a report says of series: how many there are, forecasts against truth, errors by horizon, calibration."""
from collections.abc import Iterable, Sequence
from typing import Any

from reprise.app.drawing.axes import axis
from reprise.app.drawing.figures import curve
from reprise.app.drawing.frame import BOTTOM, LEFT, TOP, WIDTH, chart
from reprise.app.drawing.markup import Markup, number, tag
from reprise.app.findings import units
from reprise.app.findings.chance import finished
from reprise.app.findings.leaderboard import chosen_baselines
from reprise.app.findings.measure import Measure
from reprise.app.findings.summary import Summary
from reprise.lab import figures
from reprise.lab.figures import Figure, Point

__all__ = ["facts", "forecast_picture", "sections", "size", "use"]

RANKS = ("best", "median", "worst")
LINES, BASELINES = 7, 2  # of a picture: models, and baselines among them
TRUTH = ("The best model's forecasts from the last origin of the series it forecasts best, middling and worst. Grey: "
         "what was known, and what came; in colour the forecast, with the middle 80 % of what it expects.")
HORIZON = "Errors on the test part, so many steps ahead, of the best models and the best baselines."
CALIBRATION = ("The part of true values at or below each forecast quantile. Quantiles that are what they say they are "
               "lie on the straight line.")


def size(card: dict[str, Any]) -> str | None:
    return f"{units.count(card.get('series'))} series, {units.count(card.get('points'))} points"


def facts(card: dict[str, Any]) -> list[tuple[object, object]]:
    season = f"{card['season']} steps" if card.get("season", 1) > 1 else "none"
    pairs: list[tuple[object, object]] = [
        ("size", size(card)), ("step", card.get("step") or "irregular"), ("season", season)]
    pairs += [(what, card[what]) for what in ("start", "end", "protocol", "horizon") if card.get(what) is not None]
    pairs += [(title, units.count(card[key])) for key, title in (
        ("gaps", "values filled in"), ("duplicates", "rows that repeat")) if card.get(key)]
    pairs += [(f"{what} covariates", ", ".join(card[what])) for what in ("known", "static") if card.get(what)]
    return [*pairs, *((f"note {place}", note) for place, note in enumerate(card.get("notes", ()), 1))]


def sections(summary: Summary) -> Iterable[tuple[str, str, Markup | None]]:
    return [("Forecasts against truth", TRUTH, _forecasts(summary)),
            ("Errors by horizon", HORIZON, _by_horizon(summary)),
            ("Calibration", CALIBRATION, _calibration(summary))]


def use(summary: Summary, model: str, path: str) -> tuple[str, str] | None:
    """None for what sees windows alone, and carries no state to go on from."""
    windowed = {entry["name"] for entry in summary["models"] if entry.get("family") == "windowed"}
    if model in windowed or summary["data"].get("lookback") is not None:
        return None
    return f"let {model} forecast", f"reprise forecast {path} --quantiles --out forecasts.csv"


def _forecasts(summary: Summary) -> Markup | None:
    examples = (summary.get("shown") or {}).get("examples", ())
    pictures = [forecast_picture(example) for example in sorted(examples, key=lambda one: RANKS.index(one["rank"]))]
    return tag("div", {"class": "charts"}, *pictures) if pictures else None


def forecast_picture(example: dict[str, Any]) -> Markup:
    history, truth, point = example["history"], example["truth"], example["point"]
    low, high = example.get("low") or point, example.get("high") or point
    ahead = range(1, len(point) + 1)
    across = axis([1 - len(history), len(point)], LEFT, WIDTH - 14, "steps from the origin", room=0.0)
    up = axis([*history, *truth, *point, *low, *high], BOTTOM, TOP, example["series"])

    def way(values: Sequence[float], steps: Iterable[int]) -> str:
        return "L".join(f"{number(across.scale(x))} {number(up.scale(y))}" for x, y in zip(steps, values))

    known = way([*history, *truth], range(1 - len(history), len(truth) + 1))
    ways = (("range c0", f"{way(high, ahead)}L{way(low[::-1], ahead[::-1])}Z", "the middle 80 %"),
            ("line truth", known, "what was known, and what came"), ("line c0", way(point, ahead), "the forecast"))
    marks = [tag("path", {"class": kind, "d": f"M{d}"}, tag("title", None, what)) for kind, d, what in ways if d]
    came = f"; it came from {truth[0]:.4g} to {truth[-1]:.4g}" if truth else ""
    told = f"A forecast {len(point)} steps ahead, from {point[0]:.4g} to {point[-1]:.4g}{came}."
    return chart(f"{example['series']}, {example['rank']}", told, across, up, marks)


def _by_horizon(summary: Summary) -> Markup | None:
    measure = Measure.of(summary["measure"])
    best = [*finished(summary["models"], measure)[: LINES - BASELINES], *chosen_baselines(summary)[:BASELINES]]
    shown = [Point(scored["name"], step, error, error, error) for scored in best
             for step, error in (scored.get("detail") or {}).get("by_horizon", ()) if error is not None]
    if len({point.across for point in shown}) < 2:
        return None
    words = summary["data"].get("by_horizon", measure.words)
    return _picture(f"{words} by horizon", figures.curve("steps ahead", words, by="model"), shown)


def _calibration(summary: Summary) -> Markup | None:
    shown: list[Point] = []
    for model in finished(summary["models"], Measure.of(summary["measure"]))[: LINES - 1]:
        found = (model.get("detail") or {}).get("calibration") or {}
        shown += [Point(model["name"], level, part, part, part)
                  for level, part in zip(found.get("levels", ()), found.get("below", ()))]
    if not shown:
        return None
    shown += [Point("as told", level, level, level, level) for level in (0.1, 0.9)]
    return _picture("Calibration of quantiles", figures.curve("quantile", "part at or below it", by="model"), shown)


def _picture(title: str, figure: Figure, shown: Sequence[Point]) -> Markup:
    return tag("div", {"class": "charts"}, curve(title, figure, shown))
