"""Kernels broken in a dozen known ways and more: each change makes a test fail, or has a reason why none can see it."""
import ast
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from excuses import EXCUSES
from judge import Form, Judge, broken
from mutants import mutants, spread

import reprise.ops
from reprise.testing.operations import home_of, list_operations

OPS = Path(reprise.ops.__path__[0])
NUMBA = [name for name in list_operations() if "numba" in home_of(name).BACKENDS]
SUBJECTS = [*NUMBA, "row_product", "linear_scan/triton", "selective_scan/triton"]
FEWEST = 12  # changes of a subject that make something wrong, not only impossible
SUMS = '''
def sums(x, out):
    """Running sums."""
    total = 0
    for t in range(len(x)):
        if x[t] > 0:
            total += 2 * x[t]
        out[t] = total
'''


def sums(x, out):
    total = 0
    for t in range(len(x)):
        if x[t] > 0:
            total += 2 * x[t]
        out[t] = total


def all_mutants(source=SUMS):
    return list(mutants(ast.parse(source).body[0]))


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_broken_kernel_is_found_out(subject):
    if subject.endswith("/triton") and not importlib.util.find_spec("triton"):
        pytest.skip("Triton is not installed")
    command = [sys.executable, str(Path(__file__).with_name("hunt.py")), subject]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    unseen = "\n".join(f"{where}: {change}" for change, where in found["survivors"].items())
    assert not unseen, f"no case of {subject} sees these; add one, or a reason to excuses.py:\n{unseen}"
    assert not found["stale"], f"a case sees these, or they are gone; take them out of excuses.py: {found['stale']}"
    assert {f"{kernel}: does nothing" for kernel in found["kernels"]} <= found["caught"].keys()
    assert sum(": wrong: " in how for how in found["caught"].values()) >= FEWEST


def test_all_kernels_are_broken():
    compiles = re.compile(r"^from reprise\.ops\.(vector_math|gpu) import .*\b(compiled|part)\b", re.MULTILINE)
    homes = {path.relative_to(OPS).as_posix() for path in OPS.rglob("*.py") if compiles.search(path.read_text())}
    assert homes == {f"{name}/numba.py" if name in NUMBA else f"{name}.py" for name in SUBJECTS}


def test_excuses_are_for_subjects_and_have_reasons():
    assert EXCUSES.keys() <= set(SUBJECTS)
    assert all(reason for excuses in EXCUSES.values() for reason in excuses.values())


def test_knows_these_ways_to_break_a_kernel():
    assert {m.name.removeprefix("sums: ") for m in all_mutants()} == {
        "does nothing", "first turn skipped: range(len(x)) -> range(0 + 1, len(x))",
        "last turn skipped: range(len(x)) -> range(0, len(x) - 1)", "condition always False: if x[t] > 0: -> if False:",
        "condition always True: if x[t] > 0: -> if True:", "limit moved by one: x[t] > 0 -> x[t] >= 0",
        "index one early: x[t] -> x[(t - 1) % x.shape[0]]", "index one late: x[t] -> x[(t + 1) % x.shape[0]]",
        "term dropped: total += 2 * x[t] -> pass", "overwritten: total += 2 * x[t] -> total = 2 * x[t]",
        "sign flipped: total += 2 * x[t] -> total -= 2 * x[t]", "factor dropped: 2 * x[t] -> 2",
        "factor dropped: 2 * x[t] -> x[t]", "index one early: x[t] -> x[(t - 1) % x.shape[0]] (2)",
        "index one late: x[t] -> x[(t + 1) % x.shape[0]] (2)", "not written: out[t] = total -> pass",
        "index one early: out[t] -> out[(t - 1) % out.shape[0]]",
        "index one late: out[t] -> out[(t + 1) % out.shape[0]]",
    }


@pytest.mark.parametrize(("expression", "kinds"), [
    ("x - y", {"term dropped", "sign flipped"}), ("-x", {"sign flipped"}), ("not x", {"condition turned"}),
    ("min(x, y)", {"limit ignored"}), ("tanh(x)", {"function left out"}), ("x and y", {"condition shortened"}),
    ("x if y else z", {"condition always True", "condition always False"}), ("x // y", {"factor dropped"}),
    ("range(x, y, -1)", {"first turn skipped", "last turn skipped"}), ("x.shape[y]", set()), ("len(x)", set()),
])
def test_knows_this_too(expression, kinds):
    found = all_mutants(f"def f(x, y, z):\n    return {expression}")
    assert {m.kind for m in found} - {"does nothing"} == kinds


def test_each_is_one_change_and_no_other():
    whole = ast.unparse(ast.parse(SUMS))
    texts = [ast.unparse(m.tree()) for m in all_mutants()]
    assert len({*texts, whole}) == len(texts) + 1


def test_chosen_ones_are_of_all_kinds_and_stay_when_others_come():
    some, more = all_mutants(), all_mutants(SUMS + "    out[0] = x[0] * x[1] + x[2]\n")
    kinds = {m.kind for m in some}
    assert {m.kind for m in spread(some, len(kinds))} == kinds
    assert {m.name for m in spread(some, 99)} == {m.name for m in some}
    first = {m.name for m in spread(some, len(kinds))} - {m.name for m in spread(more, len(kinds))}
    assert len(first) <= 3


def judge(wanted, x=(1.0, -2.0, 3.0), patience=2.0):
    import numpy as np

    def check():
        sums(np.array(x), out := np.full(len(x), np.nan))
        assert out.tolist() == wanted, out

    return Judge({"three": check}, patience)


def test_sees_what_is_wrong_and_lets_pass_what_is_not():
    watch, verdicts = judge([2, 2, 8]), {}
    for mutant in all_mutants():
        with broken([Form(sums)], mutant):
            verdicts[mutant.name] = watch.verdict()
        assert not watch.verdict(), "whole again"
    assert [name for name, verdict in verdicts.items() if not verdict] == [
        "sums: limit moved by one: x[t] > 0 -> x[t] >= 0"]  # no number is zero
    assert all(verdict.startswith("three: wrong: ") for verdict in verdicts.values() if verdict)


def test_does_not_begin_with_what_fails_unbroken():
    with pytest.raises(AssertionError):
        judge([2, 2, 7])


def test_an_endless_loop_is_found_out():
    endless, = all_mutants("def sums(x, out):\n    while 0 < 1: pass")[-1:]
    watch = judge([2, 2, 8], patience=0.1)
    with broken([Form(sums)], endless):
        assert watch.verdict().startswith("three: Endless: not done after")
