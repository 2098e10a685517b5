"""How much memory something takes while it runs."""
import os
from collections.abc import Callable

from torch.profiler import ProfilerActivity, profile

__all__ = ["peak_bytes"]


def peak_bytes(way: Callable[[], object]) -> int:
    """The most memory that tensors made by it took at one time, beyond what was there; it is called twice."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else the profiler itself has something to say, at every start
    way()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        way()
    events = [e for e in seen.profiler.kineto_results.events() if e.name() == "[memory]"]
    now = most = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    return most
