"""What becomes of a model when some of it is silenced or its weights are moved: copies; the model stays as it is."""
import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from reprise.bases.cell import Cell
from reprise.core.errors import InputError, suggest
from reprise.core.state import named_tensors, refill

__all__ = ["perturbed", "silenced"]


def perturbed(model: nn.Module, names: Sequence[str], size: float, generator: torch.Generator) -> nn.Module:
    """A copy of a model whose named parameters are moved by `size` of their norm, each in a direction drawn evenly.

        w <- w + size |w| g / |g|,   g from a normal distribution, |.| the Frobenius norm

    Source: Khajehabdollahi et al. 2023, arXiv:2309.12927, after Wu et al. 2020, arXiv:2004.05884, eq. 5
    (khajehabdollahi2023emergent)
    """
    if not size >= 0:
        raise InputError(f"perturbed: expected a size of 0 or more, a share of each norm, got {size}")
    found = copy.deepcopy(model)
    known = dict(found.named_parameters())
    for name in names:
        if name not in known:
            raise InputError(f"perturbed: {type(model).__name__} has no parameter {name!r}{suggest(name, known)}")
        with torch.no_grad():
            p = known[name]
            direction = torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p)
            p.add_(direction * (size * p.norm() / direction.norm().clamp_min(1e-30)))
    return found


def silenced(model: nn.Module, units: Sequence[int]) -> nn.Module:
    """A copy of a model in which these units of every nonlinear cell are silent: nothing lasts in them, none reads it.

    Their memory is zero before each step, whatever state is carried in, and after it, in all parts that hold units of
    the cell (`Cell.unit_parts`): the small LSTM of a hyper_lstm goes on. A part with several times as many numbers, as
    the gates of lstm_fgr, has all units again and again. Parameters stay what they are. Steps are taken one by one,
    since fused operations know no silence.
    Raises InputError for a model without such cells, and for units that a cell has not.
    """
    found = copy.deepcopy(model)
    if isinstance(found, Cell):
        return _Silenced(found, units)
    cells = {name: module for name, module in found.named_modules(remove_duplicate=False) if isinstance(module, Cell)}
    if not cells:
        raise InputError(f"silenced: {type(model).__name__} has no nonlinear cell (bases/cell.py), whose units could "
                         "be silenced; lstm, gru and leaky_rnn are such")
    quiet = {cell: _Silenced(cell, units) for cell in cells.values()}  # one that has two names stays one
    for name, cell in cells.items():
        found.set_submodule(name, quiet[cell])
    return found


class _Silenced(Cell):
    """A cell with some units silent."""

    def __init__(self, cell: Cell, units: Sequence[int]):
        super().__init__(cell.width, cell.memory_shape)
        parts = [z for name, z in named_tensors(cell.initial_memory(1)) if _holds_units(cell, name)]
        self.size = parts[0].shape[-1]
        fits = all(z.ndim == 2 and z.shape[1] % self.size == 0 for z in parts)
        if type(cell).through_time is not Cell.through_time or not fits:
            raise InputError(f"silenced: expected a cell with memory (B, units), got {type(cell).__name__}; "
                             "lstm, gru and leaky_rnn are such")
        self.inside, self.local = cell, cell.local
        if wrong := [unit for unit in units if not 0 <= unit < self.size]:
            raise InputError(f"silenced: {type(cell).__name__} has units 0 to {self.size - 1}, got {wrong[0]}")
        self.register_buffer("silent", torch.zeros(self.size, dtype=torch.bool))
        self.silent[list(units)] = True

    def project(self, *seen):
        return self.inside.project(*seen)

    def advance(self, p, memory):
        return self._without(self.inside.advance(p, self._without(memory)))

    def emit(self, memory):
        return self.inside.emit(memory)

    def readout(self, read, *seen):
        return self.inside.readout(read, *seen)

    def initial_memory(self, batch):
        return self._without(self.inside.initial_memory(batch))

    def _without(self, memory: Any) -> Any:
        return refill(memory, [
            z.masked_fill(self.silent.repeat(z.shape[1] // self.size), 0.0) if _holds_units(self.inside, name) else z
            for name, z in named_tensors(memory)])


def _holds_units(cell: Cell, part: str) -> bool:
    return cell.unit_parts is None or part in cell.unit_parts
