"""Handwritten digits, as images and as sequences of pixels."""
import struct
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from reprise.core.errors import InputError, need, suggest
from reprise.data.labelled import Labelled
from reprise.data.published import Published, read_published

__all__ = ["Digits", "as_pixels", "list_digits", "open_digits"]

MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"
MNIST = {
    "train": ("train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
              "train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    "test": ("t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
             "t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
}
HELD_OUT = 360  # of scikit-learn's 1,797 the last: other writers than the first


class Digits(NamedTuple):
    """Images (N rows columns), from 0 to 1, and the digit on each, in the official parts."""

    train: Labelled
    test: Labelled


def list_digits() -> list[str]:
    """The names `open_digits` knows."""
    return ["digits", "mnist"]


def open_digits(name: str = "mnist") -> Digits:
    """MNIST (60,000 and 10,000 of 28 x 28), or scikit-learn's digits (1,437 and 360 of 8 x 8), by name.

    MNIST comes from the folder `REPRISE_DATA`, else it is downloaded once; "digits" needs neither, but the extra
    `studies`. Raises InputError for another name, and where neither place has the files.
    """
    if name == "digits":
        images, labels = need("sklearn.datasets", "studies").load_digits(return_X_y=True)
        x, y = torch.from_numpy(images).float().view(-1, 8, 8) / 16, torch.from_numpy(labels).long()
        return Digits(Labelled(x[:-HELD_OUT], y[:-HELD_OUT]), Labelled(x[-HELD_OUT:], y[-HELD_OUT:]))
    if name != "mnist":
        raise InputError(f"no set of digits is named {name!r}{suggest(name, list_digits())}")
    return Digits(_mnist("train"), _mnist("test"))


def as_pixels(
    images: Float[Tensor, "N R C"], order: Int64[Tensor, "T"] | None = None
) -> Float[Tensor, "N T 1"]:
    """Images row by row, a pixel a step; or in another order of the same pixels, as in permuted MNIST."""
    pixels = images.flatten(1)[..., None]
    return pixels if order is None else pixels[:, order]


def _mnist(part: str) -> Labelled:
    images, images_sum, labels, labels_sum = MNIST[part]
    x, y = (_idx(read_published("mnist", Published(file, part, MIRROR, checksum, ".gz"),
                                instead='open the set "digits", which needs neither'))
            for file, checksum in ((images, images_sum), (labels, labels_sum)))
    return Labelled(x.float() / 255, y.long())


def _idx(content: bytes) -> Tensor:
    """What a file in the format IDX holds: two zero bytes, the type (8: bytes), how many sizes, the sizes, numbers."""
    sizes = struct.unpack_from(f">{content[3]}i", content, 4)
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=4 + 4 * len(sizes)).reshape(sizes).copy())
