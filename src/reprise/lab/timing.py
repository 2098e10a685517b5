"""How long things take, one beside the other."""
import time
from collections.abc import Callable, Mapping
from statistics import median

from reprise.core.errors import check_counts

__all__ = ["in_turn"]


def in_turn(ways: Mapping[str, Callable[[], object]], repeats: int = 7, warm_up: int = 2) -> dict[str, float]:
    """The median of the processor's seconds that each way takes, of so many rounds after a warm-up.

    Each round runs every way once, so that a machine that grows slow is slow for all. Seconds are those of this
    process: on one thread, what others do meanwhile does not count.
    """
    check_counts("in_turn", repeats=repeats)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(warm_up + repeats):
        for name, run in ways.items():
            began = time.process_time()
            run()
            if turn >= warm_up:
                taken[name].append(time.process_time() - began)
    return {name: median(seconds) for name, seconds in taken.items()}
