"""Kernels that release Python's lock, on as many threads as torch may use."""
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

__all__ = ["share_out"]


def share_out(kernel: Callable, count: int, *arguments: object) -> None:
    """`kernel(first, last, *arguments)` over shares of `count` independent pieces of work, all done on return."""
    threads = min(torch.get_num_threads(), count)
    if threads <= 1:
        kernel(0, count, *arguments)
        return
    ends = [count * i // threads for i in range(threads + 1)]
    others = [_pool(threads).submit(kernel, ends[i], ends[i + 1], *arguments) for i in range(1, threads)]
    kernel(0, ends[1], *arguments)
    for other in others:
        other.result()


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="reprise")
