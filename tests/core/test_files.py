import errno
import hashlib
import json
import os
import random
import resource
import stat
from unittest.mock import Mock

import pytest
import torch
from hypothesis import given, settings, strategies as st
from safetensors.torch import save

from reprise.core.errors import InputError
from reprise.core.files import atomic_write, digest, load_tensors, save_tensors

TYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.complex64, torch.complex128, torch.bool,
         torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]


def filled(shape, dtype):
    generator = torch.Generator().manual_seed(7)
    if dtype.is_complex:
        return torch.randn(shape, dtype=dtype, generator=generator)
    return (torch.randn(shape, generator=generator) * 3).to(dtype)


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b)


def some_tensors():
    return {"weight": filled((5, 3), torch.float32), "blocks.0.bias": filled((7,), torch.bfloat16),
            "mask": filled((9,), torch.bool), "count": torch.tensor(12), "poles": filled((3,), torch.complex64)}


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (2, 3, 5)], ids=str)
def test_every_type_and_shape_comes_back(tmp_path, dtype, shape):
    path, given = tmp_path / "a.safetensors", {"x": filled(shape, dtype), "other": torch.ones(3)}
    said = {"kind": "state", "note": [1, 2.5, None, "é"]}
    save_tensors(path, given, said)
    tensors, about = load_tensors(path, "state")
    assert about == said
    assert list(tensors) == ["x", "other"]
    assert same(tensors["x"], given["x"])
    assert digest(tensors) == digest(given)


def test_views_come_back_as_values(tmp_path):
    x = torch.arange(12.0).reshape(3, 4)
    z = torch.randn(3, dtype=torch.complex64)
    views = {"whole": x, "shared": x, "turned": x.t(), "row": x[1], "strided": x[:, ::2], "conjugate": z.conj(),
             "imaginary": z.conj().imag, "expanded": torch.ones(1, 2).expand(3, 2), "parameter": torch.nn.Parameter(x)}
    save_tensors(tmp_path / "a", views, {"kind": "state"})
    back, _ = load_tensors(tmp_path / "a", "state")
    assert all(same(back[name], views[name].detach()) for name in views)
    back["shared"].zero_()
    assert x.any()
    assert back["whole"].any()


def test_bits_that_no_comparison_sees_come_back(tmp_path):
    x = torch.tensor([0x7FC00001, -0x3FFFFF, -0x80000000, 0x7F800000], dtype=torch.int32)  # two NaNs, -0.0, infinity
    save_tensors(tmp_path / "a", {"x": x.view(torch.float32)}, {"kind": "state"})
    assert torch.equal(load_tensors(tmp_path / "a", "state")[0]["x"].view(torch.int32), x)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(max_size=8).filter(lambda name: name != "__metadata__"), st.integers(0, 5), max_size=5))
def test_any_names(tmp_path_factory, sizes):
    path = tmp_path_factory.mktemp("names") / "a"
    tensors = {name: torch.arange(float(size)) for name, size in sizes.items()}
    save_tensors(path, tensors, {"kind": "state"})
    assert list(load_tensors(path, "state")[0]) == list(tensors)


def test_the_same_content_is_the_same_file(saved, tmp_path):
    save_tensors(tmp_path / "again", some_tensors(), {"kind": "checkpoint", "step": 3})
    assert (tmp_path / "again").read_bytes() == saved.read_bytes()


def test_digest_is_of_names_types_shapes_and_values():
    tensors = some_tensors()
    assert digest(tensors) == digest(dict(reversed(tensors.items())))
    assert digest({"w": torch.ones(2, 3).t()}) == digest({"w": torch.ones(3, 2)})
    w = torch.zeros(4)
    others = [{"w": w}, {"v": w}, {"w": w.reshape(2, 2)}, {"w": w.int()}, {"w": w + 1}, {"w": w, "v": w}, {}]
    assert len(set(map(digest, others))) == len(others)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "a.safetensors"
    save_tensors(path, some_tensors(), {"kind": "checkpoint", "step": 3})
    return path


def owner(data: bytes) -> dict[int, str]:
    """Of every byte after the header, the tensor it belongs to; read without our own code."""
    length = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:length])
    spans = {name: entry["data_offsets"] for name, entry in header.items() if name != "__metadata__"}
    return {length + i: name for name, (start, stop) in spans.items() for i in range(start, stop)}


@pytest.mark.timeout(60)
def test_every_single_bit_is_watched(saved, tmp_path):
    data, path = saved.read_bytes(), tmp_path / "flipped"
    owners = owner(data)
    assert len(owners) == 60 + 14 + 9 + 8 + 24
    path.write_bytes(data)
    handle = os.open(path, os.O_WRONLY)
    for bit in range(8 * len(data)):  # every one, not a sample
        place = bit // 8
        os.pwrite(handle, bytes([data[place] ^ 1 << bit % 8]), place)
        with pytest.raises(InputError) as caught:
            load_tensors(path, "checkpoint")
        os.pwrite(handle, data[place:place + 1], place)
        name = owners.get(place)
        assert (f"tensor {name!r} is damaged" if name else "header") in str(caught.value), bit
    os.close(handle)
    assert load_tensors(path, "checkpoint")


def test_every_truncation_is_found(saved, tmp_path):
    data, path = saved.read_bytes(), tmp_path / "cut"
    path.write_bytes(data)
    for length in reversed(range(len(data))):
        os.truncate(path, length)
        with pytest.raises(InputError, match=r"cut short|not a reprise checkpoint"):
            load_tensors(path, "checkpoint")
    path.write_bytes(data + b"\0")
    with pytest.raises(InputError, match="cut short or damaged"):
        load_tensors(path, "checkpoint")


def test_swapped_and_overwritten_stretches_are_found(saved, tmp_path):
    data, path, chance = saved.read_bytes(), tmp_path / "broken", random.Random(0)
    for _ in range(300):
        start, length = chance.randrange(len(data)), chance.randrange(1, 64)
        path.write_bytes(data[:start] + chance.randbytes(length) + data[start + length:])
        with pytest.raises(InputError):
            load_tensors(path, "checkpoint")


def test_says_what_is_wrong_with_the_wrong_file(saved, tmp_path):
    with pytest.raises(InputError, match="expected a file of kind 'state', got 'checkpoint'"):
        load_tensors(saved, "state")
    with pytest.raises(InputError, match=r"nowhere: cannot be read \(no such file or directory\); check the path"):
        load_tensors(tmp_path / "nowhere", "state")
    x = {"x": torch.ones(2)}
    for content in (b"", b"hello", b"\xff" * 100, save(x), save(x, {"format": "pt"}), save(x, {"reprise": "no seal"})):
        (tmp_path / "other").write_bytes(content)
        with pytest.raises(InputError, match=r"not a reprise checkpoint|the header is damaged"):
            load_tensors(tmp_path / "other", "state")


SAID = {"about": {"kind": "state"}, "checksums": {"x": "0" * 8}, "complex": ["x"]}


@pytest.mark.parametrize("text", [
    "", "{", "[]", "1", "[" * 100_000, *(json.dumps(SAID | change) for change in (
        {}, {"about": 1}, {"about": {}}, {"about": {"kind": 1}}, {"checksums": []}, {"checksums": {}}, {"complex": 3},
        {"checksums": {"y": "0"}}))], ids=lambda text: text[:60])
def test_a_made_up_header_is_an_error_like_any_other(tmp_path, text):
    """Sealed by someone who knows how, so that nothing but the content is wrong."""
    data = bytearray(save({"x": torch.ones(3)}, {"reprise": "0" * 64 + text}))
    length, at = 8 + int.from_bytes(data[:8], "little"), data.index(b"0" * 64)
    data[at:at + 64] = hashlib.sha256(data[:length]).hexdigest().encode()
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(InputError, match=r"the header is damaged|tensor 'x' is damaged"):
        load_tensors(tmp_path / "a", "state")


def test_refuses_what_it_cannot_hold(tmp_path):
    path = tmp_path / "a"
    with pytest.raises(InputError, match="expected about"):
        save_tensors(path, {}, {})
    with pytest.raises(InputError, match="about must be plain JSON"):
        save_tensors(path, {}, {"kind": "state", "x": torch.ones(1)})
    with pytest.raises(InputError, match="rename it"):
        save_tensors(path, {"__metadata__": torch.ones(1)}, {"kind": "state"})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("call", ["fsync", "replace", "open"])
@pytest.mark.parametrize("code, message", [(errno.ENOSPC, "no space left: free some or choose another --out"),
                                           (errno.EROFS, r"cannot be written \(read-only file system\); choose")])
def test_a_refusal_leaves_the_previous_file(saved, tmp_path, monkeypatch, call, code, message):
    path = tmp_path / "a"
    path.write_bytes(saved.read_bytes())
    refused = Mock(side_effect=OSError(code, os.strerror(code)))
    monkeypatch.setattr("builtins.open" if call == "open" else f"os.{call}", refused)
    with pytest.raises(InputError, match=message) as caught:
        save_tensors(path, some_tensors(), {"kind": "checkpoint", "step": 4})
    monkeypatch.undo()
    assert str(path) in str(caught.value)
    assert load_tensors(path, "checkpoint")[1]["step"] == 3
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_fills_up_half_way(saved, tmp_path):
    """The system itself cuts the writing short, in the midst of the data."""
    path = tmp_path / "a"
    path.write_bytes(saved.read_bytes())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(InputError, match="no space left"):
            save_tensors(path, {"big": torch.ones(200_000)}, {"kind": "checkpoint"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert load_tensors(path, "checkpoint")[1]["step"] == 3
    assert list(tmp_path.iterdir()) == [path]


def test_atomic_write_of_bytes_and_of_a_function(tmp_path):
    path = tmp_path / "new" / "folder" / "a"
    atomic_write(path, b"one")
    assert path.read_bytes() == b"one"
    atomic_write(path, lambda file: file.write(b"two"))
    assert path.read_bytes() == b"two"

    def stop(file):
        file.write(b"thr")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        atomic_write(path, stop)
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(InputError, match="cannot be written"):
        atomic_write(path / "below", b"a file is no folder")


def test_written_before_it_is_named(tmp_path, monkeypatch):
    """The order that power loss asks for: data to disk, then the name, then the folder."""
    calls, fsync, replace = [], os.fsync, os.replace

    def note_sync(handle):
        calls.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("name"), replace(a, b)))
    atomic_write(tmp_path / "a", b"x")
    assert calls == ["file", "name", "folder"]
