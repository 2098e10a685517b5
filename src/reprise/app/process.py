"""What the command line does to its own processes for speed; importing the library does none of it."""
import ctypes
import os
import platform

import torch

__all__ = ["cores", "prepare", "told"]

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
KEPT = 1 << 30  # bytes: blocks below this are reused instead of being given back and faulted in again


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def prepare(threads: int) -> None:
    """Threads for torch, denormals flushed to zero, and freed memory kept for the next tensor where glibc is."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, KEPT)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT)


def told(threads: int) -> dict[str, str]:
    """What `prepare` sets, for `reprise info`."""
    glibc = platform.libc_ver()[0] == "glibc"
    return {
        "threads": f"{threads} for each of {max(cores() // threads, 1)} workers",
        "denormals": "flushed to zero" if torch.set_flush_denormal(True) else "kept (no such switch here)",
        "freed memory": f"kept below {KEPT >> 20} MiB a block (mallopt)" if glibc else "left to the system (no glibc)",
    }
