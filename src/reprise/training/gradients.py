"""Gradients without going back in time: what a memory owes to the parameters is carried forward beside it."""
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.func import functional_call, vjp, vmap

from reprise.bases.cell import Cell
from reprise.bases.recurrent import State
from reprise.core.errors import InputError
from reprise.core.state import map_state, named_tensors, refill
from reprise.training.through_time.truncation import Losses

__all__ = ["Carried", "RealTime"]

FEWEST, MOST = 8, 64  # places where the layout of a cell is looked at: more than the fewest while some units rest
SCALES = (0.1, 0.3, 1.0, 3.0)  # of parameters, inputs and memories there


class Carried(NamedTuple):
    """What goes from step to step: a row's memory, and its derivative by each parameter that it depends on."""

    memory: Float[Tensor, "B M N"]  # M numbers a unit
    owed: dict[str, Float[Tensor, "B M _"]]  # of every parameter, flattened: d memory of the one unit that it concerns


class RealTime:
    """Exact real-time recurrent learning of a cell whose units do not see each other's memory.

    Where every parameter concerns one unit, what a memory owes to all of them is as large as they are, and moves on by

        S_t = J_t S_{t-1} + dm_t / dtheta,   J_t = dm_t / dm_{t-1} of the unit that theta concerns

    so that the gradient of a loss at any step is there at that step, in memory that does not grow with time. The sum
    over steps is that of backpropagation through the whole sequence, while parameters stay what they are.

    Raises InputError for a layer that looks back by other ways, and for one whose units see each other.
    Source  Williams & Zipser 1989; for gated cells Irie et al. 2023, arXiv:2305.19044, sec. 3   (irie2023exploring)

    >>> cell = create_layer("elementwise_lstm", 8)
    >>> online = RealTime(cell)
    >>> carried = online.start(batch=2)
    >>> for x_t in torch.randn(100, 2, 8):
    ...     y_t, carried = online.step(x_t, carried, lambda y: y.square().mean())   # adds to every p.grad
    """

    def __init__(self, cell: Cell):
        name = type(cell).__name__
        if not isinstance(cell, Cell) or cell.local is not None or type(cell).through_time is not Cell.through_time:
            raise InputError(f"RealTime: expected a cell that looks back by its memory alone, got {name}; "
                             "elementwise_lstm, columnar and indrnn are such")
        parts = [part for _, part in named_tensors(cell.initial_memory(1))]
        if len({part.shape for part in parts}) != 1 or not all(p.ndim == 2 and p.is_floating_point() for p in parts):
            raise InputError(f"RealTime: expected a memory of so many numbers for each unit, got "
                             f"{[tuple(part.shape[1:]) for part in parts]} in {name}")
        self.cell, self._one = cell, _Advance(cell)
        self.unit = self._units()

    def start(self, batch: int) -> Carried:
        """Before the first step, and after a reset: nothing is owed."""
        memory = self._stacked(self.cell.initial_memory(batch)).detach()
        sizes = {name: self.cell.get_parameter(name).numel() for name in self.unit}
        return Carried(memory, {name: memory.new_zeros(*memory.shape[:2], n) for name, n in sizes.items()})

    def step(
        self, x: Float[Tensor, "B D"], carried: Carried, loss: Callable[[Float[Tensor, "B D"]], Tensor] | None = None
    ) -> tuple[Float[Tensor, "B D"], Carried]:
        """One step: the output, and what is carried on. Gradients of `loss` of the output, if any, are added up in
        the parameters' `grad`, as `backward` does, those of a head in `loss` as well; the output itself has none, and
        nothing below the cell has.
        """
        x = x.detach()
        carried = self._advance(x, carried)
        memory = carried.memory.clone().requires_grad_()
        with torch.enable_grad():
            read = map_state(lambda r: r[:, None], self.cell.emit(self._tree(memory)))
            y = self.cell.readout(read, x[:, None])[:, 0]
            if loss is not None:
                self._collect(loss(y), memory, carried)
        return y.detach(), carried

    def sequence(
        self, x: Float[Tensor, "B T D"], loss: Losses, carried: Carried | None = None, *,
        resets: Bool[Tensor, "B T"] | None = None,
    ) -> tuple[Float[Tensor, "B T D"], Carried]:
        """Step by step: all outputs, and what is carried on. `loss` is asked at every step, as `Losses` says."""
        carried, ys = self.start(len(x)) if carried is None else carried, []
        for t, x_t in enumerate(x.unbind(1)):
            if resets is not None and resets[:, t].any():
                carried = self.restart(carried, resets[:, t])
            y, carried = self.step(x_t, carried, lambda y, t=t: loss(y[:, None], t))
            ys.append(y)
        return torch.stack(ys, 1) if ys else torch.zeros_like(x), carried

    def restart(self, carried: Carried, fresh: Bool[Tensor, "B"]) -> Carried:
        """The same, but rows that are `fresh` begin anew."""
        first = self.start(len(fresh)).memory
        kept = {name: S.masked_fill(fresh[:, None, None], 0) for name, S in carried.owed.items()}
        return Carried(torch.where(fresh[:, None, None], first, carried.memory), kept)

    def state(self, carried: Carried) -> State:
        """What is carried, as the state of the layer."""
        return State((), self._tree(carried.memory))

    @torch.no_grad()
    def _advance(self, x: Tensor, carried: Carried) -> Carried:
        parameters = {name: self.cell.get_parameter(name).detach() for name in self.unit}
        parts = carried.memory.shape[1]

        def one(x: Tensor, memory: Tensor):
            """Of one row: the next memory; and its derivatives, part by part, summed over units."""
            after, back = vjp(lambda p, m: self._next(x, m, p), parameters, memory)
            ones = torch.eye(parts, dtype=after.dtype, device=after.device)[:, :, None].expand(-1, -1, after.shape[1])
            direct, through = vmap(back)(ones)
            return after, direct, through

        after, direct, J = vmap(one)(x, carried.memory)  # (B M N); of parameters (B M ...); (B M M N)
        owed = {}
        for name, S in carried.owed.items():
            moved = torch.einsum("bpqs,bqs->bps", J[..., self.unit[name]], S)
            owed[name] = moved + direct[name].flatten(2)
        return Carried(after, owed)

    def _collect(self, loss: Tensor, memory: Tensor, carried: Carried) -> None:
        loss.backward()
        if memory.grad is None:  # nothing that the memory had a part in
            return
        for name, S in carried.owed.items():
            p = self.cell.get_parameter(name)
            share = (memory.grad[..., self.unit[name]] * S).sum((0, 1)).view_as(p)
            p.grad = share if p.grad is None else p.grad + share

    def _next(self, x: Float[Tensor, "D"], memory: Float[Tensor, "M N"], parameters: dict[str, Tensor]) -> Tensor:
        return functional_call(self._one, {f"cell.{n}": p for n, p in parameters.items()}, (x, memory, self))

    @torch.no_grad()
    def _units(self) -> dict[str, Int[Tensor, "_"]]:
        """Which unit every number of every parameter concerns; parameters that concern none only read the memory out.

        Looked for where parameters are drawn anew: as they are now, a unit may rest, and mixing may happen to be zero.
        """
        g, found, looked, who = torch.Generator().manual_seed(0), {}, 0, type(self.cell).__name__
        for place in range(MOST):
            shown = self._looked(g, place)
            looked += shown is not None
            for name, unit in (shown or {}).items():
                known = found.setdefault(name, unit)
                if ((known >= 0) & (unit >= 0) & (known != unit)).any():
                    raise self._crossed(f"each other through {name!r}")
                found[name] = torch.maximum(known, unit)
            half = [name for name, unit in found.items() if (unit >= 0).any() and (unit < 0).any()]
            if looked >= FEWEST and not half:
                break
        if looked < FEWEST:
            raise InputError(f"RealTime: derivatives of {who} are not finite where its parameters are drawn anew")
        if half:
            raise InputError(f"RealTime: some numbers of {half[0]!r} of {who} concern a unit and others none, as far "
                             f"as {MOST} places show; leave out what has no part in it")
        return {name: unit for name, unit in found.items() if (unit >= 0).any()}

    def _looked(self, g: torch.Generator, place: int) -> dict[str, Int[Tensor, "_"]] | None:
        """What one place shows: the unit of every number that moves the memory there, else -1; None where derivatives
        are not finite. In float64.
        """
        scale = SCALES[place % len(SCALES)]
        cell, around = self.cell, float(place // len(SCALES) % 2 == 0)  # what parameters are now, or zero
        like = torch.zeros(1, dtype=torch.float64, device=next(cell.parameters()).device)

        def drawn(p: Tensor, around: float = 1.0, near: float = 1.0) -> Tensor:
            return around * p.to(like) + scale * near * torch.randn(p.shape, generator=g, dtype=like.dtype).to(like)

        still = {name: p.to(like) for name, p in (*cell.named_parameters(), *cell.named_buffers())
                 if p.is_floating_point()}
        learned = {name: drawn(p, around, p.shape[-1] ** -0.5 if p.ndim > 1 else 1.0)
                   for name, p in cell.named_parameters() if p.requires_grad}
        memory = drawn(self._stacked(cell.initial_memory(1))[0])
        x = drawn(like.new_zeros(cell.width))
        after, back = vjp(lambda p, m: self._next(x, m, {**still, **p}), learned, memory)
        weights = torch.linspace(1, 2, after.shape[1]).to(after)
        weighed = [back((weights**power).expand_as(after)) for power in (0, 1, 2)]
        if not all(d.isfinite().all() for of_p, of_m in weighed for d in (of_m, *of_p.values())):
            return None
        self._concerned("each other's memory", *(w[1] for w in weighed))
        return {name: self._concerned(f"each other through {name!r}", *(w[0][name].flatten() for w in weighed))
                for name in learned}

    def _concerned(self, what: str, plain: Tensor, once: Tensor, twice: Tensor) -> Int[Tensor, "..."]:
        """From derivatives of the sum over units, of that with weights from 1 to 2, and with their squares: the unit
        whose weight explains them, -1 where there is none. If several units were concerned, none would explain both.
        """
        near = 1e-8 * float(twice.abs().max())
        moved = plain.abs() > 0.1 * near
        weight = torch.where(moved, once / torch.where(moved, plain, 1), 1)
        if not (torch.allclose(weight * plain, once, atol=near) and torch.allclose(weight * once, twice, atol=near)):
            raise self._crossed(what)
        units = self._stacked(self.cell.initial_memory(0)).shape[2]
        return torch.where(moved, ((weight - 1) * (units - 1)).round().long(), -1)

    def _crossed(self, what: str) -> InputError:
        return InputError(f"RealTime: units of {type(self.cell).__name__} see {what}; expected elementwise "
                          "recurrence, as in elementwise_lstm, columnar or indrnn")

    def _stacked(self, memory) -> Float[Tensor, "B M N"]:
        return torch.stack([part for _, part in named_tensors(memory)], 1)

    def _tree(self, memory: Float[Tensor, "B M N"]):
        return refill(self.cell.initial_memory(0), memory.unbind(1))


class _Advance(torch.nn.Module):
    """One step of one row, as a module, so that its parameters can be given."""

    def __init__(self, cell: Cell):
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor, memory: Tensor, owner: RealTime) -> Tensor:
        p = map_state(lambda z: z[:, 0], self.cell.project(x[None, None]))
        return owner._stacked(self.cell.advance(p, owner._tree(memory[None])))[0]
