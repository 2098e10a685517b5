"""Series that papers and courses compare on, by name: read from `REPRISE_DATA`, else downloaded once."""
import io
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from reprise.core.errors import InputError
from reprise.data.published import Published, locate, read_published
from reprise.data.series.known.competitions import COMPETITIONS, Counted, read_competition
from reprise.data.series.panel import Panel
from reprise.data.series.reading.assemble import assemble
from reprise.data.series.reading.choices import Choices
from reprise.data.series.reading.layout import between, to_rows
from reprise.data.series.reading.rows import Rows
from reprise.data.sets.ett import ADDRESS as ETT_ADDRESS, PUBLISHED as ETT
from reprise.data.tables.read import read_table

__all__ = ["is_known", "list_series", "open_known"]

CLASSICS = "https://raw.githubusercontent.com/jbrownlee/Datasets/master/"
LYNX = "https://raw.githubusercontent.com/sktime/sktime/main/sktime/datasets/data/Lynx/"


class File(NamedTuple):
    """A table of a folder, and what is not a matter of course in it. called: its one series, where its column has no
    name.
    """

    folder: str
    file: Published
    target: tuple[str, ...] = ()
    called: str = ""


def _classic(file: str, sha256: str, target: str) -> File:
    return File("classic-series", Published(f"{file}.csv", None, CLASSICS, sha256), (target,))


FILES = {
    **{name: File("ett", Published(f"{name}.csv", None, ETT_ADDRESS, sha256)) for name, sha256 in ETT.items()},
    "weather": File("weather", Published(
        "weather.csv", None, "", "34ee981d07313e51da2a50bb600072c8ae4a69cb4b0651f4cb93a069d7a2ba63")),
    "airline": _classic(
        "airline-passengers", "8cb51be753a718d9be5d76d7e238cc224792754676adc21faa59e954b0201621", "Passengers"),
    "sunspots": _classic(
        "monthly-sunspots", "c4ec8cc57d9f6fb6ecdb3e1f37f25b6f4badd5124c55931052b0cd2fc3bc71f3", "Sunspots"),
    "temperatures": _classic(
        "daily-min-temperatures", "8b9de63ed6789492bf497625e7f9beb96a63d367b4b0a21754006f749fa5e5da", "Temp"),
    "births": _classic(
        "daily-total-female-births", "7a0c1bdb32d68f7fa359e561a4f7e1fe8fb2fc26a1ea624a434a97a63735dd72", "Births"),
    "car-sales": _classic(
        "monthly-car-sales", "a4194226eb1d0eba5fd503e829b1279f1a10683d8009f2871aca05e7fb648f70", "Sales"),
    "nottingham": _classic(
        "monthly-mean-temp", "4190d815eb6d66f7c6abf25de2ef69addcf4647659fb94102215bd2dab1916ef", "Temperature"),
    "pollution": _classic(
        "pollution", "892e9559205d16d32623135c127a3951c12e46ea1e0b3093e107ce89a9fd60e2", "pm2.5"),
    "lynx": File("classic-series", Published(
        "lynx.csv", None, LYNX, "aa531751f1570541924e78c53fa9ef56422c9593a89faeb01513bba7b2015c77", called="Lynx.csv"),
        ("0",), "lynx"),
}
SHAMPOO = Published("shampoo.csv", None, CLASSICS, "f709eaa344b2d07039a49e2193cbff5e56206354f3a8203c0e02471beb39a451")


def list_series() -> list[str]:
    """The names that `open_series` knows."""
    return [*FILES, "shampoo", *COMPETITIONS]


def is_known(name: str) -> bool:
    """Whether a name means one of the sets, however it is spelt, or only part of their names (m3)."""
    return _plain(name) in {_plain(known) for known in list_series()} or bool(_parts(name))


def open_known(name: str, choices: Choices) -> Panel:
    """A set by name. Raises InputError for half a name (m3), for a file that is not to be had or not the published
    one, and for columns named in a set that has none.
    """
    spelt = next((known for known in list_series() if _plain(known) == _plain(name)), None)
    if spelt is None:
        raise InputError(f"{name} has series of several steps, each set its own; choose one of "
                         f"{', '.join(_parts(name))}")
    if spelt in FILES:
        return _open_file(spelt, FILES[spelt], choices)
    if choices.id or choices.time or choices.target or choices.known or choices.static:
        raise InputError(f"{spelt} has series, no columns; leave out id, time, target, known and static")
    counted = _shampoo() if spelt == "shampoo" else read_competition(spelt)
    whole = choices.end is None
    rows = between(counted.rows, choices)
    return assemble(rows, replace(choices, season=choices.season or counted.season), spelt,
                    counted.official if whole else None)


def _open_file(name: str, known: File, choices: Choices) -> Panel:
    read_published(known.folder, known.file)  # is it the published one?
    table = read_table(locate(known.folder, known.file))
    asked = bool(choices.target)
    rows = to_rows(table, choices if asked else replace(choices, target=known.target))
    if known.called and not asked:
        rows = replace(rows, columns=(known.called,))
    return assemble(rows, choices, name)


def _shampoo() -> Counted:
    content = read_published("classic-series", SHAMPOO).decode()
    values = np.loadtxt(io.StringIO(content), delimiter=",", usecols=1, skiprows=1, quotechar='"')
    T = len(values)
    rows = Rows(SHAMPOO.file, None, ("",), ("Sales",), np.zeros(T, int), np.arange(1.0, T + 1), values[:, None],
                np.zeros((T, 0)), np.zeros((1, 0)), np.arange(2, T + 2),
                notes=("months of three years the file does not name, numbered",))
    return Counted(rows, 12, None)


def _parts(name: str) -> list[str]:
    return [known for known in COMPETITIONS if known.startswith(f"{name.lower()}-")]


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").removesuffix("-")
