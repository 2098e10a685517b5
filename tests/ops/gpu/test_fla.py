"""How flash-linear-attention is called: by a stand-in with the signatures of its version 0.6.0, which refuses the rest.

What its kernels compute is not tested here: they run on a GPU only.
"""
import sys
from types import ModuleType

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from reprise.core.errors import InputError
from reprise.ops import backend, delta_rule, linear_attention
from reprise.ops.backend import choose
from reprise.ops.delta_rule.reference import delta_rule as correct
from reprise.ops.linear_attention.reference import linear_attention as attend
from reprise.testing.operations import LONG, cases_of, evaluate, home_of
from reprise.testing.rows import assert_rows_agree

HOMES = {"delta_rule": delta_rule, "linear_attention": linear_attention}
CASES = [pytest.param(name, case, id=f"{name}-{case.name}") for name in HOMES for case in cases_of(name)
         if case.name != f"T{LONG}"]


def chunk_gla(
    q, k, v, *, g, scale=None, initial_state=None, output_final_state=False, state_v_first=False, cu_seqlens=None,
    cu_seqlens_cpu=None,
):
    assert q.shape == k.shape == g.shape
    assert v.shape == (*q.shape[:3], v.shape[-1])
    return _finish(attend, (q * _scale(scale, k), k, v, g), initial_state, output_final_state)


def chunk_simple_gla(
    q, k, v, *, g=None, g_gamma=None, scale=None, initial_state=None, output_final_state=False, state_v_first=False,
    cu_seqlens=None, cu_seqlens_cpu=None,
):
    assert g.shape == q.shape[:3]
    return _finish(attend, (q * _scale(scale, k), k, v, g[..., None]), initial_state, output_final_state)


def chunk_dplr_delta_rule(
    q, k, v, *, a, b, gk, scale=None, initial_state=None, output_final_state=False, cu_seqlens=None,
    cu_seqlens_cpu=None, safe_gate=False, chunk_size=None, disable_recompute=False, cp_context=None, lower_bound=None,
):
    """Reads with a, writes with b: S_t = (diag(exp gk_t) + b_t a_t') S_{t-1} + k_t v_t'."""
    assert q.shape == k.shape == a.shape == b.shape == gk.shape
    given = q * _scale(scale, k), k, v, gk, b, a
    return _finish(lambda *p: correct(p[:-1], p[-1]), given, initial_state, output_final_state)


def _scale(scale, k):
    return k.shape[-1] ** -0.5 if scale is None else scale


def _finish(run, given, state, wanted):
    """These kernels take differences of log-decays, so that -inf would become NaN."""
    assert all(z.isfinite().all() for z in given)
    o, end = run(*given, state)
    return o, end if wanted else None


@pytest.fixture
def stand_in(monkeypatch):
    """As if it were installed, and took tensors on the CPU."""
    modules = {name: ModuleType(name) for name in ("fla", "fla.ops")}
    for function in (chunk_gla, chunk_simple_gla, chunk_dplr_delta_rule):
        setattr(modules["fla.ops"], function.__name__, function)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(backend.INSTALLED, "fla", True)
    for home in HOMES.values():
        monkeypatch.setattr(home.BACKENDS["fla"], "language", backend.FLA._replace(device="cpu", dtypes=backend.REALS))
    yield
    for name in HOMES:
        sys.modules.pop(f"reprise.ops.{name}.fla", None)


@pytest.mark.parametrize(("name", "case"), CASES)
def test_is_called_as_it_wants(name, case, stand_in):
    want, got = (evaluate(name, case, way) for way in ("reference", "fla"))
    for part in want:
        far = got[part].abs() > 1e-20  # what is closer to zero may be left of something forgotten
        assert_rows_agree(got[part] * far, want[part] * far, part, tolerance=1e-9)


@pytest.mark.parametrize("name", HOMES)
def test_only_when_asked_for(name, monkeypatch):
    backends = home_of(name).BACKENDS
    with FakeTensorMode():
        there = torch.empty(2, 3, 1, 4, device="cuda")
    monkeypatch.setitem(backend.INSTALLED, "fla", True)
    assert choose(name, backends, there) != "fla"
    assert choose(name, backends, there, "fla") == "fla"
    for wrong in (torch.empty(2, 3, 1, 4), there.double()):
        with pytest.raises(InputError, match=f"{name}: fla cannot take .*: it takes float32 on cuda"):
            choose(name, backends, wrong, "fla")
    monkeypatch.setitem(backend.INSTALLED, "fla", False)
    with pytest.raises(InputError, match="pip install 'fla-core"):
        choose(name, backends, there, "fla")
