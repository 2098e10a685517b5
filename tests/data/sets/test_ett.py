"""Series of transformers: parts, scale and windows."""
import hashlib

import pytest
import torch

from reprise.core.errors import InputError
from reprise.data.sets import ett
from reprise.data.sets.ett import MONTH, open_ett, windows


def test_parts_and_scale(tmp_path, monkeypatch):
    rows = 20 * MONTH + 3
    lines = "\n".join(f"2016-07-01 {i:02},{i},{-2 * i}" for i in range(rows))
    content = f"date,UP,DOWN\n{lines}\n".encode()
    (tmp_path / "ett").mkdir()
    (tmp_path / "ett/ETTh1.csv").write_bytes(content)
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    with pytest.raises(InputError, match=r"ETTh1.csv in ett is not the published file"):
        open_ett()
    monkeypatch.setitem(ett.PUBLISHED, "ETTh1", hashlib.sha256(content).hexdigest())
    found = open_ett()
    assert found.names == ["UP", "DOWN"] and found.hour == 1
    train, test = found.part("train"), found.part("test", lead=5)
    assert len(train) == 12 * MONTH and len(found.part("valid")) == 4 * MONTH and len(test) == 4 * MONTH + 5
    torch.testing.assert_close(train.mean(0), torch.zeros(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(train.std(0, correction=0), torch.ones(2))
    torch.testing.assert_close(test[5:, 0], -test[5:, 1])
    assert torch.equal(found.part("train", lead=9), train)  # nothing comes before it


def test_windows_are_every_stretch():
    x, y = windows(torch.arange(10.0)[:, None], 3, 2)
    assert x.shape == (6, 3, 1) and x[4, :, 0].tolist() == [4, 5, 6] and y[4, :, 0].tolist() == [7, 8]
    with pytest.raises(InputError, match="together at most the 4 steps there are, got 3 and 2"):
        windows(torch.zeros(4, 1), 3, 2)


def test_unknown_set():
    with pytest.raises(InputError, match="ETT has no set 'ETTh3'; did you mean"):
        open_ett("ETTh3")
