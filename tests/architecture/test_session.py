"""The session is as hostile as tests/conftest.py promises."""
import socket
import warnings

import pytest
import torch


def test_warnings_are_errors():
    with pytest.raises(DeprecationWarning):
        warnings.warn("old", DeprecationWarning, stacklevel=1)


def test_memory_never_written_reads_nan():
    assert torch.empty(1000).isnan().all()


def test_one_thread():
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("connect", ["connect", "connect_ex"])
def test_no_network(connect):
    with socket.socket() as s, pytest.raises(RuntimeError, match="tests bring their own data"):
        getattr(s, connect)(("127.0.0.1", 9))


def test_processes_may_talk_to_each_other():
    left, right = socket.socketpair()
    with left, right:
        left.send(b"x")
        assert right.recv(1) == b"x"
    with socket.socket(socket.AF_UNIX) as s, pytest.raises(FileNotFoundError):
        s.connect("nowhere")
