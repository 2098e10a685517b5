"""Any step function over all steps at once, by Newton's iteration: linearise, solve the linear recurrence, repeat."""
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.core.state import map_state, named_tensors
from reprise.ops.newton_scan.linearised import Steps, rows
from reprise.ops.newton_scan.settings import Convergence, Newton, NotConverged
from reprise.ops.newton_scan.solve import iterate, with_gradient
from reprise.ops.precision import own_precision
from reprise.ops.unroll import unroll

__all__ = ["Convergence", "Newton", "NotConverged", "newton_scan"]

FULL = Newton()


def newton_scan(
    advance: Callable[[Any, Any], Any], p: Any, memory: Any, marks: Marks = NO_MARKS, *, start: Any,
    emit: Callable[[Any], Any] = lambda memory: memory, newton: Newton = FULL, guess: Any = None,
    loop: Callable[[Any, Any, Marks], tuple[Any, Any]] | None = None,
) -> tuple[Any, Any, Convergence]:
    """m_t = advance(p_t, m_{t-1}) as `unroll` has it, parallel over time: what `emit` keeps, last memory, how it went.

        h <- h + d,   d_t = J_t d_{t-1} + f(p_t, h_{t-1}) - h_t,   J_t = df(p_t, h_{t-1}) / dh_{t-1},   d_0 = 0

    p: tree of (B T ...).   memory, start: trees of (B ...) and (1 ...), real or complex.   advance: rows must not mix,
    for it is handed all steps as rows of one batch.   guess: tree of (B T ...), a trajectory to begin from, such as
    that of the last training step; without one, the first memory everywhere, and zero where that is infinite.
    loop: what else computes the same recurrence, as `loop(p, memory, marks)`; without one, `unroll`. It runs where the
    iteration stops at its limit (after a warning that gives the residual; or NotConverged is raised), for a single
    step, and where nothing can be looked at: under torch.compile, on the meta device, over no numbers.

    The first t steps are exact after t iterations, whatever f is. The gradient is that of the solution (one linear
    recurrence from the right, no graph over iterations), with respect to all that `advance` uses; it cannot be
    differentiated again. Raises InputError for a memory of whole numbers.

    Source   full: Lim et al. 2023, arXiv:2309.12252, sec. 3; diagonal: Gonzalez et al. 2024, arXiv:2407.19115,
             sec. 4.1, and damping: app. A.4 (scale-ELK)
    Differs  solves for the correction; elementwise needs one product for all Jacobians; where the trajectory overflows
             it takes f once more, not zero; the gradient of the diagonal form is exact, not through the diagonal
    """
    def otherwise() -> tuple[Any, Any]:
        if loop is not None:
            return loop(p, memory, marks)
        return unroll(advance, p, memory, marks, start=start, emit=emit)

    numbers = [x for _, x in named_tensors((p, memory))]
    blind = torch.compiler.is_compiling() or any(x.is_meta or not x.numel() for x in numbers)
    if blind or numbers[0].shape[1] == 1:
        return *otherwise(), Convergence(0, 0.0, True)
    read, found = _solve(advance, (p, memory, start, guess), marks, newton)
    if found.converged:
        flat = map_state(lambda m: m.flatten(0, 1), read)
        kept = map_state(lambda m: m.unflatten(0, (len(numbers[0]), -1)), emit(flat))
        return kept, map_state(lambda m: m[:, -1], read), found
    said = (f"newton_scan: residual {found.residual:.2g} after {found.iterations} iterations "
            f"({newton.jacobian} Jacobians, damping {newton.damping:g})")
    if newton.otherwise == "raise":
        raise NotConverged(f"{said}; give more iterations, another Jacobian, or otherwise='loop'")
    warnings.warn(f"{said}; running the loop instead", RuntimeWarning, stacklevel=2)
    return *otherwise(), found


def _solve(advance: Callable, given: tuple, marks: Marks, newton: Newton) -> tuple[Any, Convergence]:
    """The memory after every step, as a tree of (B T ...)."""
    p, memory, start, guess = (None if tree is None else map_state(_recordable, tree) for tree in given)
    recording = torch.is_grad_enabled()
    with torch.inference_mode(False), torch.enable_grad(), own_precision(next(x for _, x in named_tensors(memory))):
        steps = Steps(advance, p, memory, marks, start)
        B, T = steps.shape
        every = steps.first.detach()[:, None].repeat(1, T, 1)
        if guess is not None:
            every = rows(map_state(lambda x: x.detach().flatten(0, 1), guess)).view_as(every)
        every = torch.where(every.isfinite(), every, 0)  # by infinity no residual can be measured
        every, around, found = iterate(steps, every, newton)
        if found.converged and recording and steps.learn():
            every = with_gradient(every, around, newton)
        return map_state(lambda m: m.unflatten(0, (B, T)), steps.tree(every.flatten(0, 1))), found


def _recordable(x: Tensor) -> Tensor:
    return x.clone() if x.is_inference() else x
