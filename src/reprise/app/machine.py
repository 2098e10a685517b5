"""What this machine and installation are, for reports and `reprise info`."""
import os
import platform
from pathlib import Path

import torch

import reprise
from reprise.app.findings.summary import Machine
from reprise.app.process import cores

__all__ = ["describe", "free_memory"]


def describe(threads: int) -> Machine:
    """Processor, cores, threads a process, memory, system, versions."""
    return Machine(cpu=_processor(), cores=cores(), threads=threads, memory_gb=round(_memory() / 2**30, 1),
                   os=f"{platform.system()} {platform.release()}", python=platform.python_version(),
                   torch=torch.__version__, reprise=reprise.__version__)


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    if told.exists():
        for line in told.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def free_memory() -> int:
    """Bytes that programs may still take; a few GB are assumed where the system does not say."""
    told = Path("/proc/meminfo")
    if told.exists():
        for line in told.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return 4 << 30


def _memory() -> int:
    """Bytes of memory in all; 0 where the system does not say."""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 0
