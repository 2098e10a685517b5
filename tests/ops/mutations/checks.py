"""What must hold of an operation's kernels: what test_operations.py tests of them, case by case."""
from collections.abc import Callable
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import torch
from torch import Tensor

from reprise.core.state import named_tensors
from reprise.ops import cell_kernel, threads
from reprise.ops.case import Case
from reprise.testing.operations import LONG, call, cases_of, evaluate, operation
from reprise.testing.rows import assert_rows_agree

__all__ = ["checks_of"]

FAR = "weights far beyond the range of exp, where a sum of decays in another order rounds to other maxima"
INTERPRETED = {  # Triton's interpreter needs a tenth of a second a case, and more
    "linear_scan": [("linear_scan", "T3", "whole"), ("linear_scan", "T17", "in small pieces"),
                    ("linear_scan", "packed and padded", "in small pieces"),
                    ("linear_scan", "complex, decay shared by all rows", "in small pieces"),
                    ("normalised_scan", "T3", "whole"), ("normalised_scan", FAR, "in small pieces")],
    "selective_scan": [("selective_scan", "T3", "in small pieces"), ("selective_scan", "packed and padded", "whole"),
                       ("selective_scan", "T63", "whole")],
}
LARGE = 5_000  # numbers of a case that is judged in one way only: plain Python takes seconds


def checks_of(subject: str) -> dict[str, Callable[[], None]]:
    """By name; each raises AssertionError where it does not hold."""
    if subject == "row_product":
        return _products()
    name, _, on = subject.partition("/")
    return _interpreted(name) if on == "triton" else _operation(name)


def _operation(name: str) -> dict[str, Callable[[], None]]:
    found = {}
    for case in cases_of(name):
        if case.name != f"T{LONG}":
            found[case.name] = same = partial(_same_function, name, case, evaluate(name, case, "reference"))
            if sum(z.numel() for _, z in named_tensors(case.arguments())) <= LARGE:
                found[f"{case.name}, in shares"] = partial(_in_shares, same)
                found[f"{case.name}, without gradients"] = partial(_same_without_gradients, name, case)
    return found


def _same_function(name: str, case: Case, want: dict[str, Tensor], backend: str = "numba") -> None:
    got = evaluate(name, case, backend)
    for part in want:
        assert_rows_agree(got[part], want[part], part, tolerance=1e-10 * case.drift)


def _same_without_gradients(name: str, case: Case) -> None:
    want = evaluate(name, case, "numba")
    with torch.inference_mode():
        got = call(operation(name), case.arguments(), case.marks, "numba", **case.options)
    for part, z in named_tensors(got, "result"):
        assert torch.equal(z, want[part]), part


class OneByOne:
    """Stands in for threads: an endless loop in one could not be stopped."""

    def submit(self, kernel: Callable, *arguments: object) -> "OneByOne":
        kernel(*arguments)
        return self

    def result(self) -> None:
        pass


def _in_shares(check: Callable[[], None]) -> None:
    kept = torch.get_num_threads, threads._pool, cell_kernel.WORTH_A_THREAD
    torch.get_num_threads, threads._pool, cell_kernel.WORTH_A_THREAD = lambda: 3, lambda count: OneByOne(), 0
    try:
        check()
    finally:
        torch.get_num_threads, threads._pool, cell_kernel.WORTH_A_THREAD = kept


def _interpreted(name: str) -> dict[str, Callable[[], None]]:
    found = {}
    for of, wanted, how in INTERPRETED[name]:
        case, = (case for case in cases_of(of) if case.name == wanted)
        same = partial(_same_function, of, case, evaluate(of, case, "reference"), "triton")
        found[f"{of}, {wanted}, {how}"] = same if how == "whole" else partial(_in_small_pieces, same)
    return found


def _in_small_pieces(check: Callable[[], None]) -> None:
    """As in test_triton.py: several blocks of columns, and several spans of time."""
    from reprise.ops import gpu
    from reprise.ops.linear_scan import triton

    kept = gpu.WIDEST, triton.TILE, triton.FULL
    gpu.WIDEST, triton.TILE, triton.FULL = 4, 64, 8
    try:
        check()
    finally:
        gpu.WIDEST, triton.TILE, triton.FULL = kept


def _products() -> dict[str, Callable[[], None]]:
    spec = spec_from_file_location("test_cell_kernels", Path(__file__).parents[1] / "test_cell_kernels.py")
    spec.loader.exec_module(home := module_from_spec(spec))
    test = home.test_product_is_the_product
    return {str(sizes): partial(_seeded, test, sizes) for sizes in test.pytestmark[0].args[1]}


def _seeded(test: Callable[..., None], arguments: tuple) -> None:
    torch.manual_seed(0)
    test(*arguments)
