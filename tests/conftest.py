"""A hostile session: arithmetic is deterministic, memory never written reads NaN, nothing reaches a network."""
import os
import socket
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when huggingface_hub is imported; child processes inherit all three
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import pytest
import torch

SLOW_SECONDS = 600

if not torch.cuda.is_available():  # before Triton is imported: its kernels then run on the CPU, very slowly
    os.environ.setdefault("TRITON_INTERPRET", "1")

torch.use_deterministic_algorithms(True)  # and with it torch.utils.deterministic.fill_uninitialized_memory
torch.set_num_threads(1)


class NetworkBlocked(RuntimeError):
    """Not an OSError: code that expects a network to fail must not swallow it."""


def _only_local(connect):
    def guarded(self, address):
        if self.family != socket.AF_UNIX:
            raise NetworkBlocked(f"a test tried to reach {address}; tests bring their own data")
        return connect(self, address)

    return guarded


socket.socket.connect = _only_local(socket.socket.connect)
socket.socket.connect_ex = _only_local(socket.socket.connect_ex)


def pytest_sessionstart(session):
    """Kernels compile before the clock of a test runs, once for all workers, and stay on disk."""
    if hasattr(session.config, "workerinput") or session.config.option.collectonly:
        return
    from reprise.testing.operations import cases_of, evaluate, home_of, list_operations

    for name in list_operations():
        if "numba" in home_of(name).BACKENDS:
            for case in cases_of(name):
                if case.name in ("T3", "complex"):  # one for each kind of number a kernel is compiled for
                    for dtype in (torch.float32, torch.float64):
                        evaluate(name, case, "numba", case.arguments(dtype))


def pytest_addoption(parser):
    parser.addoption("--regold", action="store_true", help="write the golden numbers of layers anew")
    parser.addoption("--peers", metavar="FILE", help="write a table of how far layers are from other people's code")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SLOW_SECONDS))


@pytest.fixture(autouse=True)
def _same_seed():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Where real corpora lie, as REPRISE_DATA says: never downloaded, and never missing in continuous integration."""
    folder = os.environ.get("REPRISE_DATA")
    if folder is None and os.environ.get("CI"):
        pytest.fail("REPRISE_DATA is not set: continuous integration must have the corpora")
    if folder is None:
        pytest.skip("REPRISE_DATA is not set")
    if not Path(folder).is_dir():
        pytest.fail(f"REPRISE_DATA={folder} is not a folder")
    return Path(folder)
