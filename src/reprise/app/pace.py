"""How long a study will still take."""
import time
from collections.abc import Callable
from datetime import timedelta

from rich.progress import ProgressColumn, Task
from rich.text import Text

__all__ = ["Pace"]


class Pace(ProgressColumn):
    """Time left, by the cells measured since it began: those there were before cost nothing, and failures tell nothing.

    What counts is the whole way, not the last half minute, as a cell may take longer than that.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        super().__init__()
        self.clock, self.began, self.ends = clock, clock(), None

    def measured(self, cells: int, todo: int) -> None:
        """`cells` are measured since it began, `todo` are not."""
        now = self.clock()
        if cells:
            self.ends = now + todo * (now - self.began) / cells

    def left(self) -> float | None:
        """Seconds; None before there is anything to go by."""
        return None if self.ends is None else max(self.ends - self.clock(), 0.0)

    def render(self, task: Task) -> Text:
        left = self.left()
        return Text("-:--:--" if left is None else str(timedelta(seconds=round(left))), style="progress.remaining")
