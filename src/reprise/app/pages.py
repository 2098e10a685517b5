"""A page a family of layers for the documentation, written from what the layers say of themselves."""
import importlib
import inspect
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path

from reprise.app.drawing.markdown import cell, plain
from reprise.core.files import atomic_write
from reprise.layers import LayerInfo, layer_info, list_channels, list_layers
from reprise.layers.registry import FAMILIES, channel_info

__all__ = ["WIDTH", "pages", "stale_pages", "state_told", "write_pages"]

WIDTH = 256  # at which the sizes of states are told
NOTE = f"""State: numbers a row carries at width {WIDTH}. Cost: D is the width, T the steps; the other letters are in
each layer's own section. [notation](../notation.md) has the rest. This page is written by `reprise pages`; what it says
stands in the layers' docstrings."""


def write_pages(folder: Path) -> list[Path]:
    """Writes every page that is stale; returns those."""
    stale = stale_pages(folder)
    for path in stale:
        atomic_write(path, pages()[path.name].encode())
    return stale


def stale_pages(folder: Path) -> list[Path]:
    """Pages that are missing, or say other than the layers do."""
    return [folder / name for name, text in pages().items()
            if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text]


@cache
def pages() -> dict[str, str]:
    """File name -> Markdown."""
    infos = sorted(map(layer_info, list_layers()), key=lambda info: (FAMILIES.index(info.family), info.shelf))
    made = {f"{family}.md": _page(family, list(group)) for family, group in groupby(infos, lambda info: info.family)}
    return made | {"channel.md": _page("channel", [channel_info(name) for name in list_channels()])}


def _page(family: str, infos: list[LayerInfo]) -> str:
    summary, rest = _said(f"reprise.layers.{family}")
    parts = [f"# {family.capitalize()}", summary, *([rest] if rest else []), NOTE, _table(infos)]
    for shelf, group in groupby(infos, lambda info: info.shelf):
        if shelf:
            parts += [f"## {shelf.replace('_', ' ').capitalize()}", _said(f"reprise.layers.{family}.{shelf}")[0]]
        for info in sorted(group, key=lambda info: (info.year, info.name)):
            parts += _section(info)
    return "\n\n".join(parts) + "\n"


def _table(infos: list[LayerInfo]) -> str:
    lines = ["| layer | what it is | paper | state | cost |", "|---|---|---|---|---|"]
    for info in sorted(infos, key=lambda info: (info.year, info.name)):
        state = "none" if info.family == "channel" else state_told(info)
        what = info.summary.partition(": ")[2] or info.summary
        lines.append(f"| [`{info.name}`](#{info.name}) | {cell(what)} | {cell(info.paper)} | {state} | "
                     f"{cell(info.cost)} |")
    return "\n".join(lines)


def state_told(info: LayerInfo) -> str:
    """The size of a state at `WIDTH`."""
    size = info.state_size(WIDTH)
    return "grows" if size is None else f"{size:,}"


def _section(info: LayerInfo) -> Iterator[str]:
    yield f"### {info.name}"
    yield info.summary
    yield f"```text\n{info.equations}\n```"
    options = ", ".join(f"`{key}={value!r}`" for key, value in info.options.items()) or "none"
    excused = {f"Excused from `{law}`": why for law, why in info.excused.items()}
    told = {**info.sections, "Options": options, **excused}
    yield "\n".join(f"- {key}: {plain(text) if key != 'Options' else text}" for key, text in told.items())


def _said(package: str) -> tuple[str, str]:
    """The first line of a package's docstring, and the rest."""
    first, _, rest = inspect.cleandoc(importlib.import_module(package).__doc__ or "").partition("\n")
    return first, rest.strip()
