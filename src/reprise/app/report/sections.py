"""The parts of the report that are words: sample, data card, baselines, failures, what next, how it was made."""
import re
import shlex
from collections.abc import Sequence

from reprise.app.drawing.markup import Markup, join, tag
from reprise.app.drawing.page import listing, scrolled, table
from reprise.app.findings import units
from reprise.app.findings.chance import finished
from reprise.app.findings.summary import Summary

__all__ = ["baselines", "data_card", "failures", "how_made", "next_steps", "sample"]

LONGER = 4  # times the budget, for those who train on
FLAG = {flag: re.compile(rf"(--{flag})(=|\s+)(\S+)") for flag in ("budget", "seeds", "out")}
SHARES = {"printable": "printable bytes", "utf8": "valid UTF-8"}
COUNTS = {"documents": "documents", "duplicates": "exact duplicates", "files": "files",
          "left_out": "binary files left out"}


def sample(summary: Summary) -> Markup | None:
    """What the best model wrote, with its prompt set off."""
    wrote = summary.get("sample")
    if not wrote:
        return None
    prompt = tag("span", {"class": "prompt"}, wrote["prompt"])
    told = f"Written by {wrote['model']}, byte by byte" + (", after the prompt in grey." if wrote["prompt"] else ".")
    return join([tag("p", None, told), tag("pre", {"class": "sample"}, prompt, wrote["text"])])


def data_card(summary: Summary) -> Markup:
    """What the models were trained and tested on."""
    card = summary["data"]
    pairs: list[tuple[object, object]] = [("name", card.get("name", units.UNKNOWN))]
    pairs.append(("size", units.size(card.get("bytes"))))
    for part in ("train", "valid", "test"):
        size = card.get(part, card.get("splits", {}).get(part))
        pairs.append((f"{part} part", _part(size, card.get("bytes"))))
    if "split" in card:
        pairs.append(("split by", card["split"]))
    pairs += [(title, units.count(card[key])) for key, title in COUNTS.items() if key in card]
    pairs += [(title, f"{100 * card[key]:.1f} %") for key, title in SHARES.items() if key in card]
    if card.get("sources"):
        more = card.get("files", 0) - len(card["sources"])
        pairs.append(("from", ", ".join(map(str, card["sources"])) + (f" and {more} more" if more > 0 else "")))
    if card.get("binary"):
        pairs.append(("looks binary", ", ".join(f"{name} ({kind})" for name, kind in card["binary"].items())))
    return listing([*pairs, ("digest", tag("code", None, card.get("digest", units.UNKNOWN)))])


def _part(size: object, whole: int | None) -> str:
    """A part's size, given as a number of bytes or with its documents, and its share."""
    told = size if isinstance(size, dict) else {"bytes": size}
    count = told.get("bytes")
    share = f" ({100 * count / whole:.0f} %)" if whole and isinstance(count, int) else ""
    documents = f", {units.count(told['documents'])} documents" if "documents" in told else ""
    return units.size(count) + share + documents


def baselines(summary: Summary) -> Markup | None:
    """All of them; the leaderboard has the best."""
    order = sorted(summary["baselines"], key=lambda baseline: baseline["bits_per_byte"])
    if not order:
        return None
    titles = [("baseline", None), ("bits per byte", None), ("took", None), ("what it is", "about")]
    cells = [[(b["name"], None), (units.bits(b["bits_per_byte"]), "main"), (units.seconds(b["seconds"]), None),
              (b["why"], "about")] for b in order]
    return scrolled("Baselines", table(titles, cells))


def failures(summary: Summary) -> Markup | None:
    """What did not finish, a whole model or some of its seeds, and why."""
    failed = [(model["name"], model.get("why") or "no reason was recorded") for model in summary["models"]
              if model["status"] == "failed" or model.get("why")]
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
    for model in finished(summary["models"])[:1]:
        out = FLAG["out"].search(command)
        trained = [link for link in summary.get("files", ()) if link.startswith(f"models/{model['name']}-")]
        path = "/".join([out[3].rstrip("/") if out else ".", *trained[:1]])
        where = "" if out else " (in the folder of this report)"
        steps.append((f"let {model['name']} write{where}", f"reprise generate {shlex.quote(path)} --length 400"))
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
