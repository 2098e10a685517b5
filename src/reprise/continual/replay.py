"""Old data among new: batches of which a fixed share of rows comes from what was learned before."""
from math import floor
from typing import Any

import numpy as np
import torch

from reprise.core.errors import InputError
from reprise.data.batches import Batch, Batches

__all__ = ["ReplayMixer"]


class ReplayMixer:
    """Endless batches of new windows, in which old ones stand for a share of the rows: as many tokens as without.

        rows of old data in batch n:   floor((n + 1) share B) - floor(n share B)

    so that after any number of batches their count is right to within a row, also where a batch has less than one. Old
    windows come in the order of `old`, none is left out; which rows of the new batch they stand for, `seed` decides.

    old, new: batches whose rows all begin anew (`reprise.data.batches.windows`), of one shape.
    `state_dict` holds the whole position, those of `old` and `new` included: training goes on bit for bit.
    Raises InputError for a share outside of 0 to 1, for shapes that differ, and for rows that carry on.
    Source  Ibrahim et al. 2024, arXiv:2403.08763, sec. 3.3: compute-equivalent replay   (ibrahim2024simple)
    Differs  whole windows are replaced, not single documents

    >>> batches = ReplayMixer(windows(shakespeare, 16, 64), windows(treebank, 16, 64), share=0.05, seed=0)
    >>> for record in fit(model, islice(batches, 1000), next_token, optimiser, WarmupCosine(1000, 10)):
    ...     pass
    """

    def __init__(self, old: Batches, new: Batches, share: float, seed: int = 0):
        if not 0 <= share <= 1:
            raise InputError(f"ReplayMixer: expected a share of rows from 0 to 1, got {share}; try 0.05")
        shapes = [(batches.batch, batches.length) for batches in (old, new)]
        if shapes[0] != shapes[1]:
            raise InputError(f"ReplayMixer: expected old and new batches of one shape, got {shapes[0]} and {shapes[1]}")
        if kinds := [batches.kind for batches in (old, new) if batches.kind != "windows"]:
            raise InputError(f"ReplayMixer: expected batches of windows, got {kinds[0]} ones, whose rows carry on what "
                             "another row would have begun; use reprise.data.batches.windows")
        self.old, self.new, self.share, self.seed = old, new, share, seed
        self.step = 0
        self._used, self._began = new.batch, old.state_dict()  # rows of the old batch at hand, and where that began
        self._at_hand: Batch | None = None

    def __iter__(self) -> "ReplayMixer":
        return self

    def __next__(self) -> Batch:
        batch, size = next(self.new), self.new.batch
        count = floor((self.step + 1) * self.share * size) - floor(self.step * self.share * size)
        places = torch.from_numpy(np.random.default_rng((self.seed, self.step)).permutation(size)[:count])
        self.step += 1
        if not count:
            return batch
        return Batch(*(new.index_copy(0, places, rows) for new, rows in zip(batch, self._take(count), strict=True)))

    def state_dict(self) -> dict[str, Any]:
        """The position, and what it is a position in; plain values."""
        old = self.old.state_dict() if self._used == self.new.batch else dict(self._began)
        return {"share": self.share, "seed": self.seed, "step": self.step, "used": self._used, "old": old,
                "new": self.new.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved position; an InputError if it was saved with other data or settings."""
        if missing := self.state_dict().keys() - state.keys():
            raise InputError(f"a position in replay needs {', '.join(sorted(missing))} too; got {sorted(state)}")
        if (state["share"], state["seed"]) != (self.share, self.seed):
            raise InputError(f"this position belongs to a share of {state['share']} and seed {state['seed']}, "
                             f"not {self.share} and {self.seed}; use the same")
        self.new.load_state_dict(state["new"])
        self.old.load_state_dict(state["old"])
        self.step, self._used, self._began = state["step"], state["used"], dict(state["old"])
        self._at_hand = next(self.old) if self._used < self.new.batch else None

    def _take(self, count: int) -> Batch:
        """The next `count` old rows."""
        parts = []
        while count:
            if self._used == self.new.batch:
                self._began, self._at_hand, self._used = self.old.state_dict(), next(self.old), 0
            end = min(self._used + count, self.new.batch)
            parts.append([rows[self._used:end] for rows in self._at_hand])
            count -= end - self._used
            self._used = end
        return Batch(*(torch.cat(rows) for rows in zip(*parts, strict=True)))
