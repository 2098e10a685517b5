"""What every model has to beat, learnt from the training part and measured on the test part, in bits per byte."""
import bz2
import lzma
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from reprise.app.findings.summary import Baseline
from reprise.data import Text
from reprise.models.ngram import NGram

__all__ = ["BASELINES", "ORDERS", "measure_baselines"]

ORDERS = 6
MOST_COUNTED = 10_000_000  # bytes of training text the n-grams count: about five seconds, 800 MB of memory


@dataclass(frozen=True)
class _Compressor:
    """How many bytes of training text it is shown, how many it has to code, and how far back it can look."""

    name: str
    pack: Callable[[bytes], bytes]
    shown: int
    coded: int
    about: str


def _lzma(data: bytes) -> bytes:
    return lzma.compress(data, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 1 << 24}])


COMPRESSORS = (
    _Compressor("zlib", lambda data: zlib.compress(data, 9), 32_000, 1_000_000, "looks 32 kB back"),
    _Compressor("bz2", lambda data: bz2.compress(data, 9), 650_000, 240_000, "sorts blocks of 900 kB"),
    _Compressor("lzma", _lzma, 4_000_000, 1_000_000, "finds repetitions anywhere"),
)


BASELINES = ("n-grams", *(compressor.name for compressor in COMPRESSORS))


def measure_baselines(train: Text, test: Text, which: Sequence[str] = BASELINES) -> Iterator[Baseline]:
    """Bits per byte of `test` for what needs no gradient, one baseline at a time, cheapest first.

    Uniform and n-grams of every order up to six, compressors that have just read the training text. A document's first
    byte is not counted for n-grams, as it is not for models.
    """
    if BASELINES[0] in which:
        yield Baseline(name="uniform", group="", score=8.0, seconds=0.0, why="every byte as likely as any other")
        yield from _count(train, test)
    for compressor in COMPRESSORS:
        if compressor.name in which:
            yield _compress(compressor, train, test)


def _count(train: Text, test: Text) -> Iterator[Baseline]:
    began = time.perf_counter()
    read = train.beginning(MOST_COUNTED)
    which = "" if len(read) == len(train) else f"; from the first {_size(len(read))} of {_size(len(train))} to train on"
    bits = NGram(read, ORDERS).code_lengths(test)
    counted = np.ones(len(test), bool)
    counted[test.starts] = len(test.starts) == len(test)  # nothing else is left where every document is one byte
    means = bits[:, counted].mean(axis=1)
    seconds = time.perf_counter() - began  # the orders are made together, each on top of the one before
    for order, mean in enumerate(means.tolist(), 1):
        name, group, why = f"{order}-gram", "n-gram", f"counts of {order} bytes in a row, interpolated Kneser-Ney"
        if order == 1:
            name, group, why = "unigram", "unigram", "how often each byte comes"
        yield Baseline(name=name, group=group, score=mean, seconds=seconds, why=why + which)


def _compress(compressor: _Compressor, train: Text, test: Text) -> Baseline:
    began = time.perf_counter()
    shown = np.asarray(train.tokens[max(len(train) - compressor.shown, 0):]).tobytes()
    coded = np.asarray(test.tokens[: compressor.coded]).tobytes()
    added = len(compressor.pack(shown + coded)) - len(compressor.pack(shown))
    what = "the test part" if len(coded) == len(test) else f"the first {_size(len(coded))} of the test part"
    before = "all training text" if len(shown) == len(train) else f"the last {_size(len(shown))} of training text"
    why = f"{compressor.about}; what {what} adds to {before}"
    seconds = time.perf_counter() - began
    return Baseline(name=compressor.name, group="compressor", score=8 * added / len(coded), seconds=seconds, why=why)


def _size(count: int) -> str:
    return f"{count / 1e6:.3g} MB" if count >= 1e6 else f"{count / 1e3:.3g} kB" if count >= 1e3 else f"{count} B"
