"""Every backend of every operation is its definition: what it reads, last state and all gradients, over its cases."""
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from reprise.core.errors import InputError
from reprise.core.state import map_state, named_tensors
from reprise.ops import cell_kernel
from reprise.testing.operations import (
    LONG,
    backends_of,
    call,
    cases_of,
    evaluate,
    fast_cases,
    home_of,
    list_operations,
    operation,
)
from reprise.testing.rows import assert_rows_agree, assert_rows_as_good

FAST = [pytest.param(*case, id=f"{case[0]}-{case[1]}-{case[2].name}") for case in fast_cases()]
BACKENDS = [(name, backend) for name in list_operations() for backend in backends_of(name)]
CELLS = {"elman", "gru", "lstm", "slstm"}  # their memory is multiplied by parameters, which autocast may round
per_operation = pytest.mark.parametrize("name", list_operations())


def find(name, wanted):
    case, = (case for case in cases_of(name) if case.name == wanted)
    return case


@pytest.mark.parametrize(("name", "backend", "case"), FAST)
def test_same_function_in_float64(name, backend, case):
    want, got = (evaluate(name, case, way) for way in ("reference", backend))
    for part in want:
        assert_rows_agree(got[part], want[part], part, tolerance=1e-10 * case.drift)


@pytest.mark.parametrize(("name", "backend", "case"), FAST)
def test_as_accurate_as_the_loop_in_float32(name, backend, case):
    rough = case.arguments(torch.float32)
    exact = map_state(lambda x: x.to(torch.complex128 if x.is_complex() else torch.float64), rough)
    want, loop, got = (
        dict(named_tensors(call(operation(name), given, case.marks, way, **case.options), "result"))
        for given, way in ((exact, "reference"), (rough, "reference"), (rough, backend))
    )
    for part in want:
        assert got[part].dtype == loop[part].dtype
        assert_rows_as_good(got[part], loop[part], want[part], part, factor=4 * case.drift)


@pytest.mark.slow
@per_operation
def test_long_stays_finite(name):
    case = find(name, f"T{LONG}")
    found = evaluate(name, case, "auto", case.arguments(torch.float32))
    assert all(z.isfinite().all() for z in found.values())


@pytest.mark.parametrize(("name", "backend"), [pair for pair in BACKENDS if pair[0] not in CELLS])
def test_autocast_does_not_reach_the_memory(name, backend):
    case, run = find(name, "T63"), operation(name)
    given = case.arguments(torch.float32)
    plain = call(run, given, case.marks, backend)
    with torch.autocast("cpu", torch.bfloat16):
        found = call(run, given, case.marks, backend)
    for (part, got), (_, want) in zip(named_tensors(found), named_tensors(plain), strict=True):
        assert torch.equal(got, want), part


@per_operation
def test_has_the_awkward_cases(name):
    steps = {next(named_tensors(case.arguments()))[1].shape[1] for case in cases_of(name)}
    assert {0, 1, 2, 3, 63, LONG} <= steps
    assert any(case.marks.real is not None for case in cases_of(name))


@pytest.mark.parametrize(("name", "backend"), BACKENDS)
def test_leaves_its_arguments_alone(name, backend):
    case = find(name, "T3")
    given, kept = case.arguments(), case.arguments()
    call(operation(name), given, case.marks, backend, **case.options)
    for (part, now), (_, before) in zip(named_tensors(given), named_tensors(kept), strict=True):
        assert torch.equal(now, before), part


@pytest.mark.parametrize(("name", "backend"), BACKENDS)
def test_same_without_gradients(name, backend):
    run = operation(name)
    for case in (case for case in cases_of(name) if case.name == "T63" or case.marks.real is not None):
        given = map_state(torch.Tensor.requires_grad_, case.arguments())
        recorded = call(run, given, case.marks, backend, **case.options)
        with torch.inference_mode():
            plain = call(run, given, case.marks, backend, **case.options)
        for (part, got), (_, want) in zip(named_tensors(plain), named_tensors(recorded), strict=True):
            assert torch.equal(got, want), (case.name, part)


@pytest.mark.parametrize("name", [name for name, backend in BACKENDS if backend == "numba"])
def test_rows_are_shared_out_among_threads(name, monkeypatch):
    monkeypatch.setattr(cell_kernel, "WORTH_A_THREAD", 0)
    torch.set_num_threads(3)
    try:
        for case in (case for case in cases_of(name) if case.name != f"T{LONG}"):
            want, got = (evaluate(name, case, way) for way in ("reference", "numba"))
            for part in want:
                assert_rows_agree(got[part], want[part], f"{case.name}: {part}", tolerance=1e-10 * case.drift)
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize(("name", "backend"), BACKENDS)
def test_plan_names_what_runs(name, backend):
    many, one = (find(name, f"T{T}").arguments()[0] for T in (3, 1))
    plan = home_of(name).plan
    assert plan(many, backend) == backend
    assert plan(many) in set(home_of(name).BACKENDS) - {"reference"}
    assert plan(one) == "reference"


@per_operation
def test_unknown_backend_is_an_error(name):
    case = find(name, "T3")
    for attempt in (lambda: home_of(name).plan(case.arguments()[0], "paralel"),
                    lambda: call(operation(name), case.arguments(), case.marks, "paralel")):
        with pytest.raises(InputError, match=f"{name}: no backend is named 'paralel'; did you mean 'parallel'"):
            attempt()


@pytest.mark.parametrize(("name", "backend"), BACKENDS)
def test_work_grows_with_time_and_no_faster(name, backend):
    few, many = (_written(name, backend, T) for T in (128, 512))
    assert many < 5 * few


def _written(name, backend, T):
    """Numbers that the operation and its gradient write, over the first T steps of the long case."""
    long = find(name, f"T{LONG}")
    arguments = map_state(lambda x: x[:, :T] if x.ndim > 1 and x.shape[1] == LONG else x, long.arguments())
    with Written() as written:
        evaluate(name, long, backend, arguments)
    return written.count


class Written(TorchDispatchMode):
    """Counts the elements that operations write; views write none."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        results = result if isinstance(result, tuple | list) else (result,)
        for z, returned in zip(results, function._schema.returns, strict=False):
            views = returned.alias_info is not None and not returned.alias_info.is_write
            self.count += z.numel() if isinstance(z, torch.Tensor) and not views else 0
        return result


def test_counting_sees_quadratic_work():
    def quadratic(T):
        x = torch.ones(1, T, 4, requires_grad=True)
        with Written() as written:
            sum(x[:, t].sum() for t in range(T)).backward()
        return written.count

    assert quadratic(1024) > 12 * quadratic(256)


@pytest.mark.parametrize(("name", "backend"), [pair for pair in BACKENDS if pair[1] != "reference"])
def test_compiles_whole(name, backend):
    case, run = find(name, "T3"), operation(name)
    arguments = map_state(torch.Tensor.requires_grad_, case.arguments())

    def whole(arguments):
        return call(run, arguments, case.marks, backend)

    torch.compiler.reset()  # it would refuse to compile the same `whole` for the ninth time
    compiled = torch.compile(whole, fullgraph=True, backend="eager")
    got, want = (dict(named_tensors(f(arguments))) for f in (compiled, whole))
    for part in want:
        assert_rows_agree(got[part], want[part], part)
    sum(z.abs().sum() for z in got.values()).backward()
