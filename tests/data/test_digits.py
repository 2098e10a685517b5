"""Digits as they are published, and batches of what has one answer each."""
import gzip
import struct

import pytest
import torch

from reprise.core.errors import InputError, need
from reprise.data import digits as module
from reprise.data.digits import as_pixels, open_digits
from reprise.data.labelled import Labelled, in_order, labelled_batches


def test_small_digits():
    found = open_digits("digits")
    assert found.train.x.shape == (1437, 8, 8) and found.test.x.shape == (360, 8, 8)
    assert found.train.x.min() == 0 and found.train.x.max() == 1
    assert set(found.test.y.tolist()) == set(range(10))


def written(folder, images, labels):
    """The four files of MNIST in their format, with these images and labels in every part."""
    made, (N, R, C) = {}, images.shape
    for _part, (x, _, y, _) in module.MNIST.items():
        made[x] = struct.pack(">4i", 0x803, N, R, C) + images.numpy().tobytes()
        made[y] = struct.pack(">2i", 0x801, N) + labels.numpy().tobytes()
    (folder / "mnist").mkdir()
    for name, content in made.items():
        (folder / "mnist" / f"{name}.gz").write_bytes(gzip.compress(content))
    return made


def test_mnist_is_read_and_checked(tmp_path, monkeypatch):
    import hashlib

    images = torch.arange(3 * 28 * 28).view(3, 28, 28).remainder(256).to(torch.uint8)
    labels = torch.tensor([7, 0, 9], dtype=torch.uint8)
    made = written(tmp_path, images, labels)
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte.gz in mnist is not the published file"):
        open_digits()
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in made.items()}
    monkeypatch.setattr(module, "MNIST", {part: (x, sums[x], y, sums[y])
                                          for part, (x, _, y, _) in module.MNIST.items()})
    for part in open_digits("mnist"):
        assert torch.equal(part.x, images.float() / 255) and part.y.tolist() == [7, 0, 9]


def test_mnist_that_is_nowhere(monkeypatch):
    import pooch

    def retrieve(*arguments, fname, path):
        raise ConnectionError("no route")

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    with pytest.raises(InputError, match=r"cannot download mnist .*mnist/train-images-idx3-ubyte, or open the set"):
        open_digits()


def test_unknown_digits_and_packages():
    with pytest.raises(InputError, match="no set of digits is named 'mnst'; did you mean 'mnist'"):
        open_digits("mnst")
    with pytest.raises(InputError, match=r"needs no_such, which is not installed .*pip install 'reprise\[studies\]'"):
        need("no_such.thing", "studies")


def test_pixels_come_row_by_row_or_in_an_order():
    images = torch.arange(8.0).view(2, 2, 2)
    assert as_pixels(images)[1, :, 0].tolist() == [4, 5, 6, 7]
    assert as_pixels(images, torch.tensor([3, 0, 1, 2]))[0, :, 0].tolist() == [3, 0, 1, 2]


def rows(count):
    return Labelled(torch.arange(count), torch.arange(count) * 2, torch.arange(count) + 1)


def test_every_sequence_once_an_epoch():
    batches = labelled_batches(rows(7), 3, seed=0)
    for _ in range(3):
        epoch = [next(batches) for _ in range(2)]
        seen = torch.cat([batch.x for batch in epoch]).tolist()
        assert len(set(seen)) == 6
        assert all(torch.equal(b.y, b.x * 2) and torch.equal(b.lengths, b.x + 1) for b in epoch)
    assert torch.equal(next(labelled_batches(rows(7), 3, 0)).x, next(labelled_batches(rows(7), 3, 0)).x)
    orders = {tuple(next(labelled_batches(rows(7), 7, seed)).x.tolist()) for seed in range(8)}
    assert len(orders) > 1
    assert [batch.x.tolist() for batch in in_order(rows(5), 2)] == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize("batch", [0, 8])
def test_batches_that_cannot_be(batch):
    with pytest.raises(InputError, match=f"1 to 7 rows, as many as there are, got {batch}"):
        labelled_batches(rows(7), batch, 0)
