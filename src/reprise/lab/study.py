"""A study as the lab sees it: a module with a grid, a measurement of one cell, and claims about the table."""
import ast
import dataclasses
import hashlib
import importlib
import inspect
import json
import re
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

from reprise.core.errors import InputError
from reprise.lab.claims import Verdict, weigh
from reprise.lab.figures import Figure
from reprise.lab.options import override
from reprise.lab.table import Table

__all__ = ["Study"]

PARTS = ("KEY", "Config", "SMOKE", "cells", "measure", "claims")
SHOWN = ("SMOKE", "FULL", "TABLE", "FIGURES")
SECTIONS = ("Paper", "Claim", "Here", "Not here")

Cell = dict[str, Any]


@dataclass(frozen=True)
class Study:
    """The module `studies.FAMILY.SLUG`, with a configuration. Survives the way to another process by its name.

    The module has, in this order: a docstring with Paper, Claim, Here, Not here, and Why where claims failed; `KEY`,
    the columns that say which cell a row is of; `Config`, a flat frozen dataclass whose defaults are the small tier;
    `SMOKE` (and `FULL`, where there is one), settings as on a command line; `cells(config)`; `measure(config, **cell)`;
    `claims(table)`; and where it has something to show, `TABLE`: the column that goes down, the one across, and the
    number in it; and `FIGURES` (lab/figures.py).
    """

    module: str
    settings: tuple[str, ...] = ()  # over those of the tier
    tier: str = "small"
    first_seed: int = 0  # added to the seed of every cell: the same study again, by chance alone another

    def __post_init__(self) -> None:
        found = self._module
        lacking = [part for part in PARTS if not hasattr(found, part)]
        lacking += [f"'{part}' in its docstring" for part in SECTIONS if part not in self.about]
        if lacking:
            raise InputError(f"{self.module}: a study has {lacking[0]}, and this one has not")
        if self.first_seed < 0:
            raise InputError(f"{self.name}: expected a first seed of 0 or more, got {self.first_seed}")
        if self.tier not in self.tiers:
            raise InputError(f"{self.name} has no tier {self.tier!r}; it has {', '.join(self.tiers)}")

    @property
    def _module(self) -> ModuleType:
        return importlib.import_module(self.module)

    @property
    def name(self) -> str:
        return self.module.rpartition(".")[2].replace("_", "-")

    @property
    def place(self) -> str:
        """Family and file: where its rows lie."""
        return "/".join(self.module.split(".")[-2:])

    @cached_property
    def summary(self) -> str:
        return inspect.cleandoc(self._module.__doc__ or "").partition("\n")[0]

    @cached_property
    def about(self) -> dict[str, str]:
        """The sections of the docstring."""
        found = re.findall(r"^([A-Z]\w+(?: here)?)  *(\S.*(?:\n {4,}\S.*)*)", self._module.__doc__ or "", re.M)
        return {name: " ".join(text.split()) for name, text in found if name in (*SECTIONS, "Why")}

    @cached_property
    def config(self) -> Any:
        return override(self._module.Config(), (*self.tiers[self.tier], *self.settings))

    @property
    def changes(self) -> tuple[str, ...]:
        """The settings given, where they change anything about the tier; and the first seed, where it is not 0."""
        same = self.config == override(self._module.Config(), self.tiers[self.tier])
        return (*(() if same else self.settings), *([f"first_seed={self.first_seed}"] if self.first_seed else []))

    @property
    def key(self) -> tuple[str, ...]:
        return self._module.KEY

    @property
    def shown(self) -> tuple[str, str, str] | None:
        return getattr(self._module, "TABLE", None)

    @property
    def figures(self) -> tuple[Figure, ...]:
        return getattr(self._module, "FIGURES", ())

    @property
    def source(self) -> str:
        """The file itself."""
        return inspect.getsource(self._module)

    @property
    def tiers(self) -> dict[str, tuple[str, ...]]:
        """Its tiers and their settings: small (the defaults), smoke, and full where there is one."""
        full = {"full": self._module.FULL} if hasattr(self._module, "FULL") else {}
        return {"small": (), "smoke": self._module.SMOKE, **full}

    def digest(self) -> str:
        """Rows belong together only where every setting agrees, and what measures them."""
        text = json.dumps(dataclasses.asdict(self.config), sort_keys=True) + self.measuring
        text += f" first_seed={self.first_seed}" if self.first_seed else ""
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    @cached_property
    def measuring(self) -> str:
        """The study's code without what does not touch a row: docstring, defaults, claims, figures, what these import.

        The code of the library that it calls is not in it: the commit that is kept with the rows says which that was.
        """
        tree = ast.parse(self.source)
        kept = [part for part in tree.body[1:] if not (_named(part) & {"Config", "claims", *SHOWN} or _weighs(part))]
        return ast.unparse(ast.Module(kept, []))

    def cells(self) -> list[Cell]:
        """The grid. Raises InputError where two cells have the same key, or the same place in the table, and for a key
        that would not come back from a row on disk as it was.
        """
        cells, seen = [self._seeded(cell) for cell in self._module.cells(self.config)], set()
        for cell in cells:
            if wrong := [name for name in self.key if not isinstance(cell[name], str | int | float | None)]:
                raise InputError(f"{self.name}: {wrong[0]}={cell[wrong[0]]!r} is in KEY, and a row would hold another "
                                 "value; give a number or a text")
            if (found := self.key_of(cell)) in seen:
                raise InputError(f"{self.name}: two cells are {dict(zip(self.key, found, strict=True))}; "
                                 "KEY must tell them apart")
            seen.add(found)
        places = [(*map(cell.get, self.shown[:2]), cell.get("seed")) for cell in cells] if self.shown else []
        if len(set(places)) < len(places):
            raise InputError(f"{self.name}: several cells of a seed fall on one place of TABLE {self.shown}; "
                             "choose columns that tell them apart, or leave it out")
        return cells

    def _seeded(self, cell: Cell) -> Cell:
        return cell | {"seed": cell["seed"] + self.first_seed} if self.first_seed else cell

    def key_of(self, row: Cell) -> tuple:
        return tuple(row[column] for column in self.key)

    def measure(self, cell: Cell) -> dict[str, Any]:
        return self._module.measure(self.config, **cell)

    def verdicts(self, table: Table) -> list[Verdict]:
        """Every claim, weighed."""
        return [weigh(claim) for claim in self._module.claims(table)]


def _weighs(part: ast.stmt) -> bool:
    """Whether it imports what claims and figures are stated with."""
    return isinstance(part, ast.ImportFrom) and part.module in ("reprise.lab.claims", "reprise.lab.figures")


def _named(part: ast.stmt) -> set[str]:
    """The names that a statement of a module gives."""
    if isinstance(part, ast.Assign):
        return {target.id for target in part.targets if isinstance(target, ast.Name)}
    return {part.name} if isinstance(part, ast.FunctionDef | ast.ClassDef) else set()
