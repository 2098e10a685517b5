"""`reprise prove`: the laws on a layer, a channel mixer or a structure encoder of yours, or of ours."""
import importlib.util
import sys
from pathlib import Path

import torch
from rich.markup import escape
from rich.table import Table

from reprise.app.show import console
from reprise.core.errors import InputError, suggest
from reprise.layers import create_channel, create_encoder, create_layer, list_channels, list_encoders
from reprise.testing.prove import Provable, prove

__all__ = ["prove_target"]

MARKS = {"holds": "[green]holds[/]", "fails": "[red]FAILS[/]", "excused": "[yellow]excused[/]",
         "stale excuse": "[red]STALE EXCUSE[/]"}


def prove_target(target: str, width: int) -> bool:
    """Prints a line a law; whether none is broken. Raises InputError for what is no layer."""
    torch.manual_seed(0)
    layer = _build(_load(target), target, width) if ":" in target else _named(target, width)
    findings = prove(layer, strict=False)
    title = escape(f"{type(layer).__name__}({width})")
    table = Table("law", "verdict", "why", title=title, title_justify="left", box=None)
    for finding in findings:
        table.add_row(finding.law.replace("_", " "), MARKS[finding.verdict], escape(finding.why))
    console.print(table)
    broken = sum(f.verdict in ("fails", "stale excuse") for f in findings)
    print(f"{len(findings) - broken} of {len(findings)} laws hold." if broken else f"All {len(findings)} laws hold.")
    return not broken


def _named(name: str, width: int) -> Provable:
    if name in list_encoders():
        return create_encoder(name, width)
    return create_channel(name, width) if name in list_channels() else create_layer(name, width)


def _load(target: str) -> type:
    place, _, name = target.rpartition(":")
    path = Path(place)
    if not path.is_file():
        raise InputError(f"{place}: no such file; give FILE.py:Class, or the name of a layer")
    module_name = f"proved_{path.stem}"  # a file may be called as a module that others need
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{place}: not a Python file; give FILE.py:Class")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # somebody's file may fail in any way
        raise InputError(f"{place}: cannot be imported: {type(error).__name__}: {error}") from error
    classes = [n for n, v in vars(module).items() if isinstance(v, type) and issubclass(v, Provable)]
    if name not in classes:
        raise InputError(f"{place}: has no layer, channel mixer or structure encoder named {name!r}"
                         f"{suggest(name, classes)}")
    return getattr(module, name)


def _build(cls: type, target: str, width: int) -> Provable:
    try:
        return cls(width)
    except Exception as error:  # as above
        raise InputError(f"{target}: {cls.__name__}({width}) failed: {type(error).__name__}: {error}; "
                         "give the options other than the width a default") from error
