"""Breaks the kernels of one subject in turn, in plain Python, and prints as JSON which changes its tests let pass.

    python hunt.py SUBJECT [MOST]      linear_scan, linear_scan/triton, row_product; MOST: changes of a kernel
"""
import ast
import importlib
import json
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType

os.environ |= {"NUMBA_DISABLE_JIT": "1", "TRITON_INTERPRET": "1"}  # read when those are imported
sys.path.insert(0, str(Path(__file__).parent))

import numba
import numpy as np
import torch
from checks import checks_of
from excuses import EXCUSES
from judge import Form, Judge, apart, broken
from mutants import Mutant, mutants, spread

MOST, MOST_INTERPRETED = 40, 10  # Triton's interpreter takes its time


def kernels_of(subject: str) -> list[list[Form]]:
    if subject.endswith("/triton"):
        return _of_triton(importlib.import_module(f"reprise.ops.{subject.replace('/', '.')}"))
    found = []

    def record(function: FunctionType, **how: object) -> FunctionType:
        found.append([Form(function)])
        return function

    compile_it, numba.njit = numba.njit, record
    home = importlib.import_module("reprise.ops." + (subject if subject == "row_product" else f"{subject}.numba"))
    numba.njit = compile_it
    return [forms for forms in found if forms[0].function.__module__ == home.__name__]


def _of_triton(home: ModuleType) -> list[list[Form]]:
    """The interpreter rewrites what it calls, but not what a scan calls."""
    from triton.runtime.interpreter import InterpretedFunction

    own = [z for z in vars(home).values() if isinstance(z, InterpretedFunction) and z.fn.__module__ == home.__name__]
    return [[Form(z.fn), Form(z.rewrite(), z.rewriter.ast_transformer.visit)] for z in own]


def all_mutants(function: FunctionType) -> list[Mutant]:
    definition, = (node for node in _tree(function.__code__.co_filename).body
                   if isinstance(node, ast.FunctionDef) and node.name == function.__name__)
    return list(mutants(definition))


@cache
def _tree(path: str) -> ast.Module:
    return ast.parse(Path(path).read_text())


def hunt(subject: str, most: int) -> dict:
    """Names of changes by what became of them; for those caught, by which check, and how."""
    kernels, excuses = kernels_of(subject), EXCUSES.get(subject, {})
    caught, survivors, excused, judge = {}, {}, [], Judge(checks_of(subject))
    wild = subject.endswith("/triton")  # reads and writes anywhere; what comes of that is not the same every time
    for forms in kernels:
        every = all_mutants(forms[0].function)
        for mutant in {m.name: m for m in (*spread(every, most), *(m for m in every if m.name in excuses))}.values():
            verdict = ""
            if not (wild and mutant.name in excuses):
                with broken(forms, mutant):
                    verdict = apart(judge.verdict) if wild else judge.verdict()
            if verdict:
                caught[mutant.name] = verdict
            elif mutant.name not in excuses:
                survivors[mutant.name] = f"line {mutant.line}"
            else:
                excused.append(mutant.name)
    return {"kernels": [forms[0].function.__name__ for forms in kernels], "caught": caught, "survivors": survivors,
            "excused": excused, "stale": sorted(excuses.keys() - set(excused))}


def never_written(make: Callable) -> Callable:
    """np.empty and the like, with NaN: a place that no one writes cannot hold what the last run left there."""
    def made(*arguments: object, **options: object) -> np.ndarray:
        z = make(*arguments, **options)
        z[...] = np.nan if z.dtype.kind in "fc" else 77
        return z

    return made


if __name__ == "__main__":
    torch.use_deterministic_algorithms(True)  # for torch.empty likewise
    torch.set_num_threads(1)
    np.seterr(all="ignore")
    subject, *most = sys.argv[1:]
    usual = MOST_INTERPRETED if subject.endswith("/triton") else MOST
    if usual == MOST:
        np.empty, np.empty_like = never_written(np.empty), never_written(np.empty_like)
    print(json.dumps(hunt(subject, int(most[0]) if most else usual)))
