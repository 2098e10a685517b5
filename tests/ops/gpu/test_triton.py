"""Kernels for a GPU: long ones in pieces, the real compiler without a GPU, and on a GPU where there is one."""
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from reprise.core.errors import InputError
from reprise.core.marks import Marks
from reprise.core.state import map_state
from reprise.ops import backend
from reprise.ops.backend import choose
from reprise.testing.operations import LONG, backends_of, cases_of, distinct, evaluate, home_of, list_operations
from reprise.testing.rows import assert_rows_agree

OPERATIONS = [name for name in list_operations() if "triton" in home_of(name).BACKENDS]
ON_CUDA = [pytest.param(name, case, id=f"{name}-{case.name}") for name in OPERATIONS for case in cases_of(name)
           if case.name != f"T{LONG}"]
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
needs_interpreter = pytest.mark.skipif(torch.cuda.is_available(), reason="kernels are compiled for the CUDA device")
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="Triton comes for Linux only")


@only_linux
def test_triton_is_here_to_be_tested():
    assert importlib.util.find_spec("triton"), "pip install triton: without it no kernel for a GPU is tested"


@only_linux
@needs_interpreter
@pytest.mark.parametrize("name", OPERATIONS)
def test_interpreter_runs_them_on_the_cpu_when_asked(name):
    assert "triton" in backends_of(name)
    assert choose(name, home_of(name).BACKENDS, torch.empty(2, 3, 4)) == "numba"


@only_linux
@needs_interpreter
@pytest.mark.parametrize(("name", "case"), [
    ("linear_scan", "T63"), ("linear_scan", "complex"), ("linear_scan", "reverse, packed"),
    ("normalised_scan", "log-decay -1e-06"),
])
def test_scans_of_long_spans_of_time(name, case, monkeypatch):
    from reprise.ops.linear_scan import triton

    monkeypatch.setattr(triton, "TILE", 64)
    monkeypatch.setattr(triton, "FULL", 4)  # programs: fewer than there are tiles, so that spans have several
    case, = (one for one in cases_of(name) if one.name == case)
    want, got = (evaluate(name, case, way) for way in ("reference", "triton"))
    for part in want:
        assert_rows_agree(got[part], want[part], part, tolerance=1e-10)


@only_linux
@needs_interpreter
@pytest.mark.parametrize("name", OPERATIONS)
def test_several_blocks_of_columns(name, monkeypatch):
    monkeypatch.setattr("reprise.ops.gpu.WIDEST", 2)
    case, = (case for case in cases_of(name) if case.name == "packed and padded")
    want, got = (evaluate(name, case, way) for way in ("reference", "triton"))
    for part in want:
        assert_rows_agree(got[part], want[part], part, tolerance=1e-10)


@pytest.mark.parametrize("name", OPERATIONS)
def test_serves_cuda(name, monkeypatch):
    backends = home_of(name).BACKENDS
    with FakeTensorMode():
        many, one = torch.empty(2, 3, 4, device="cuda"), torch.empty(2, 1, 4, device="cuda")
    monkeypatch.setitem(backend.INSTALLED, "triton", True)
    assert [choose(name, backends, z) for z in (many, one)] == ["triton", "reference"]
    monkeypatch.setitem(backend.INSTALLED, "triton", False)
    with pytest.warns(RuntimeWarning, match="Triton is not installed: .* pip install triton"):
        assert choose(name, backends, many) == "parallel"
    with pytest.raises(InputError, match=f"{name}: triton cannot take torch.float32 on cuda.*: pip install triton"):
        choose(name, backends, many, "triton")


def test_other_precisions_are_not_for_kernels():
    home = home_of("linear_scan")
    with FakeTensorMode():
        half = torch.empty(2, 3, 4, device="cuda", dtype=torch.bfloat16)
    assert home.plan(half) == "parallel"
    with pytest.raises(InputError, match=r"triton cannot take torch.bfloat16 .* it takes float32, float64, complex64"):
        home.plan(half, "triton")


@only_linux
@pytest.mark.slow
@pytest.mark.parametrize("real", ["fp32", "fp64"])
def test_compiles_for_a_gpu_without_one(real):
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    command = [sys.executable, str(Path(__file__).with_name("compile_for_gpu.py")), real]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert len(run.stdout.splitlines()) >= 12, run.stdout


@needs_cuda
@pytest.mark.parametrize(("name", "case"), ON_CUDA)
def test_same_function_on_cuda(name, case):
    there = case._replace(marks=Marks(*(None if m is None else m.cuda() for m in case.marks)))
    want = evaluate(name, case, "reference")
    arguments = map_state(lambda x: distinct(x).cuda().expand(x.shape), case.arguments())
    got = evaluate(name, there, "triton", arguments)
    for part in want:
        assert_rows_agree(got[part].cpu(), want[part], part, tolerance=1e-9 * case.drift)


@needs_cuda
@pytest.mark.slow
@pytest.mark.parametrize("name", OPERATIONS)
def test_long_stays_finite_on_cuda(name):
    case, = (case for case in cases_of(name) if case.name == f"T{LONG}")
    found = evaluate(name, case, "auto", map_state(torch.Tensor.cuda, case.arguments(torch.float32)))
    assert all(z.isfinite().all() for z in found.values())
