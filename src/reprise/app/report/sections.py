"""The parts of the report that are words: data card, baselines, failures, what next, how it was made."""
import re
import shlex
from collections.abc import Sequence

from reprise.app.drawing.markup import Markup, join, tag
from reprise.app.drawing.page import listing, scrolled, table
from reprise.app.findings import units
from reprise.app.findings.chance import finished
from reprise.app.findings.measure import Measure
from reprise.app.findings.summary import Summary
from reprise.app.report.kinds import KINDS

__all__ = ["baselines", "data_card", "failures", "how_made", "next_steps"]

LONGER = 4  # times the budget, for those who train on
FLAG = {flag: re.compile(rf"(--{flag})(=|\s+)(\S+)") for flag in ("budget", "seeds", "out")}


def data_card(summary: Summary) -> Markup:
    """What the models were trained and tested on."""
    card = summary["data"]
    facts = [("name", card.get("name", units.UNKNOWN)), *KINDS[summary["kind"]].facts(card)]
    return listing([*facts, ("digest", tag("code", None, card.get("digest", units.UNKNOWN)))])


def baselines(summary: Summary) -> Markup | None:
    """All of them; the leaderboard has the best."""
    measure, *further = map(Measure.of, [summary["measure"], *summary.get("further", ())])
    order = sorted(summary["baselines"], key=lambda baseline: measure.cost(baseline["score"]))
    if not order:
        return None
    titles = [("baseline", None), (measure.words, None), *((other.title, None) for other in further),
              ("took", None), ("what it is", "about")]
    cells = [[(b["name"], None), (measure.write(b["score"]), "main"),
              *((other.write(b.get("further", {}).get(other.name)), None) for other in further),
              (units.seconds(b["seconds"]), None), (b["why"], "about")] for b in order]
    return scrolled("Baselines", table(titles, cells))


def failures(summary: Summary) -> Markup | None:
    """What did not finish, a whole model, some of its seeds or a baseline, and why."""
    failed = [(model["name"], model.get("why") or "no reason was recorded") for model in summary["models"]
              if model["status"] == "failed" or model.get("why")] + list(summary.get("missing", {}).items())
    return listing(failed) if failed else None


def next_steps(summary: Summary) -> Markup:
    """Commands to try, each with what it is for."""
    steps = [tag("div", None, tag("dt", None, what), tag("dd", None, _command(command)))
             for what, command in _commands(summary)]
    return tag("dl", {"class": "steps"}, *steps)


def _command(text: str) -> Markup:
    return tag("pre", {"class": "command", "tabindex": "0"}, tag("code", None, text))


def _commands(summary: Summary) -> list[tuple[str, str]]:
    command, settings, steps = summary["command"], summary["settings"], []
    for model in finished(summary["models"], Measure.of(summary["measure"]))[:1]:
        out = FLAG["out"].search(command)
        trained = [link for link in summary.get("files", ()) if link.startswith(f"models/{model['name']}-")]
        path = "/".join([out[3].rstrip("/") if out else ".", *trained[:1]])
        where = "" if out else " (in the folder of this report)"
        if use := KINDS[summary["kind"]].use(summary, model["name"], shlex.quote(path)):
            steps.append((use[0] + where, use[1]))
    if budget := settings.get("budget_seconds"):
        longer = f"{round(LONGER * budget)}s"
        steps.append((f"train {LONGER} times longer", _with(_elsewhere(summary, longer), "budget", longer)))
    if settings.get("seeds") == 1:
        steps.append(("learn what is chance", _with(_elsewhere(summary, "3-seeds"), "seeds", "3")))
    return steps


def _elsewhere(summary: Summary, suffix: str) -> str:
    """The command with a folder of its own for the results: what differs does not go where these are."""
    out = FLAG["out"].search(summary["command"])
    name = re.sub(r"[^a-z0-9]+", "-", str(summary["data"].get("name", "")).lower())[:40].strip("-")
    return _with(summary["command"], "out", f"{out[3].rstrip('/') if out else f'runs/{name}'}-{suffix}")


def _with(command: str, flag: str, value: str) -> str:
    changed, times = FLAG[flag].subn(lambda found: f"{found[1]}{found[2]}{value}", command)
    return changed if times else f"{command} --{flag} {value}"


def how_made(summary: Summary) -> Markup:
    """The exact command, versions, machine and settings; and links to the files."""
    machine = dict(summary["machine"])
    told = [("memory", f"{value:.3g} GB") if key == "memory_gb" else (key, value) for key, value in machine.items()]
    settings = [(key.replace("_", " "), _setting(value)) for key, value in summary["settings"].items()]
    links = [tag("a", {"href": _safe(link)}, link) for link in summary.get("files", ())]
    took = units.seconds(summary.get("seconds"))
    parts = [_command(summary["command"]),
             tag("p", None, f"Begun {summary.get('started', units.UNKNOWN)}, took {took}."),
             tag("h3", None, "Machine and versions"), listing(told), tag("h3", None, "Settings"), listing(settings)]
    if links:
        parts += [tag("h3", None, "Files"), tag("ul", {"class": "files"}, *(tag("li", None, link) for link in links))]
    return join(parts)


def _setting(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)


def _safe(link: str) -> str | None:
    """Links lead to files beside the report and nowhere else."""
    return None if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//|/", link) else link
