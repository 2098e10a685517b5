"""The n-gram equals its definition written with dictionaries; baselines are measured on what they say."""
import bz2
import itertools
import math
import random
import time
from collections import Counter, defaultdict

import numpy as np
import pytest

from reprise.app.findings import baselines
from reprise.app.findings.baselines import measure_baselines
from reprise.core.errors import InputError
from reprise.data import Text
from reprise.models.ngram import NGram

DOCUMENTS = [b"the cat sat on the mat. the cat ate. ", b"a", b"on the mat the hat and the rat sat. ", b"tatata"]


class Reference:
    """Interpolated, modified Kneser-Ney, gram by gram."""

    def __init__(self, documents: list[bytes], order: int) -> None:
        raw: dict[int, Counter] = {n: Counter() for n in range(1, order + 1)}
        for document, n in itertools.product(documents, raw):
            raw[n].update(document[i:i + n] for i in range(len(document) - n + 1))
        continued = {n - 1: Counter(gram[1:] for gram in raw[n]) for n in range(2, order + 1)}
        self.raw = {n: self.prepared(counts) for n, counts in raw.items()}
        self.continued = {n: self.prepared(counts) for n, counts in continued.items()}

    @staticmethod
    def prepared(counts: Counter) -> tuple[Counter, list[float], dict[bytes, list[bytes]]]:
        times = [sum(count == n for count in counts.values()) for n in range(5)]
        discounts = [0, 0.5, 0.5, 0.5]
        if all(times[1:]):
            share = times[1] / (times[1] + 2 * times[2])
            for n in (1, 2, 3):
                discounts[n] = min(max(n - (n + 1) * share * times[n + 1] / times[n], 0.05), n - 0.05)
        after = defaultdict(list)
        for gram in counts:
            after[gram[:-1]].append(gram)
        return counts, discounts, after

    def chance(self, context: bytes, byte: int, order: int, raw: bool = True) -> float:
        if order == 0:
            return 1 / 256
        counts, discounts, after = (self.raw if raw else self.continued)[order]
        context = context[len(context) - order + 1:]
        lower = self.chance(context, byte, order - 1, raw=False)
        grams = after[context]
        if not grams:
            return lower
        total = sum(counts[gram] for gram in grams)
        kept = sum(discounts[min(counts[gram], 3)] for gram in grams)
        count = counts[context + bytes([byte])]
        return (count - discounts[min(count, 3)] + kept * lower) / total


@pytest.mark.parametrize("documents", [DOCUMENTS, [bytes(random.Random(3).choices(b"abcd", k=400))]])
def test_ngram_equals_its_definition(documents):
    order = 5
    model, reference = NGram(Text.of(documents), order), Reference(documents, order)
    test = [b"the rat sat on the zebra. ", b"x", b"tatatabcddd"]
    bits = model.code_lengths(Text.of(test))
    wanted = [[-math.log2(reference.chance(document[:i], byte, min(n, i + 1))) for document in test
               for i, byte in enumerate(document)] for n in range(1, order + 1)]
    np.testing.assert_allclose(bits, wanted, rtol=1e-12)


def test_ngram_is_a_distribution():
    generator = random.Random(0)
    model = NGram(Text.of(DOCUMENTS), 6)
    contexts = [bytes(generator.choices(range(256), k=generator.randint(0, 8))) for _ in range(20)]
    contexts += [b"", b"the ", b"n the mat", b"\xff\xff\xff\xff\xff\xff"]
    for context in contexts:
        chances = model.distribution(context)
        assert (chances > 0).all()
        np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-12)


def test_ngram_blocks_do_not_show(monkeypatch):
    model, test = NGram(Text.of(DOCUMENTS), 4), Text.of(DOCUMENTS[::-1])
    whole = model.code_lengths(test)
    monkeypatch.setattr("reprise.models.ngram.BLOCK", 7)
    np.testing.assert_array_equal(model.code_lengths(test), whole)


def test_ngram_does_not_look_across_documents():
    model = NGram(Text.of([b"ab", b"ab"]), 3)
    after_b = model.distribution(b"b")[1]
    assert after_b[ord("a")] == after_b[ord("z")]  # an a was never seen after anything


@pytest.mark.parametrize("order", [0, 9])
def test_ngram_refuses_orders(order):
    with pytest.raises(InputError, match="from 1 to 8"):
        NGram(Text.of(DOCUMENTS), order)


@pytest.fixture(scope="module")
def english() -> bytes:
    """Text with structure: words from a small vocabulary."""
    generator = random.Random(1)
    words = ["".join(generator.choices("etaoinshrdlu", k=generator.randint(2, 8))) for _ in range(300)]
    return " ".join(generator.choices(words, weights=range(300), k=20_000)).encode()


def test_baselines_are_in_order_and_sane(english):
    train, test = Text.of([english[:90_000]]), Text.of([english[90_000:110_000]])
    found = {baseline["name"]: baseline for baseline in measure_baselines(train, test)}
    names = ["uniform", "unigram", *(f"{order}-gram" for order in range(2, 7)), "zlib", "bz2", "lzma"]
    assert list(found) == names
    assert found["uniform"]["score"] == 8
    bits = [found[name]["score"] for name in ("unigram", "2-gram", "3-gram", "4-gram")]
    assert bits == sorted(bits, reverse=True)
    assert found["4-gram"]["score"] < 2 < found["unigram"]["score"] < 4
    assert all(0.5 < found[name]["score"] < 3.5 for name in ("zlib", "bz2", "lzma"))
    assert all(b["why"] and b["seconds"] >= 0 for b in found.values())


def test_a_compressor_adds_what_the_test_part_costs(english):
    train, test = english[:60_000], english[60_000:80_000]
    found = {b["name"]: b["score"] for b in measure_baselines(Text.of([train]), Text.of([test]))}
    added = len(bz2.compress(train + test)) - len(bz2.compress(train))
    assert found["bz2"] == pytest.approx(8 * added / len(test))


def test_a_documents_first_byte_is_not_counted(english):
    train, test = Text.of([english[:5000]]), Text.of([b"et", b"eta", b"e"])
    found = {b["name"]: b["score"] for b in measure_baselines(train, test)}
    bits = NGram(train, 2).code_lengths(test)
    assert found["2-gram"] == pytest.approx(bits[1, [1, 3, 4]].mean())


def test_caps_are_told(english, monkeypatch):
    monkeypatch.setattr(baselines, "MOST_COUNTED", 20_000)
    found = {b["name"]: b for b in measure_baselines(Text.of([english[:50_000]]), Text.of([english[50_000:60_000]]))}
    assert "from the first 20 kB of 50 kB" in found["3-gram"]["why"]
    assert "the last 32 kB of training text" in found["zlib"]["why"]
    assert "all training text" in found["lzma"]["why"]


@pytest.mark.slow
def test_five_megabytes_take_seconds():
    """A machine that does other things as well gets twice the time that is promised."""
    generator = np.random.default_rng(0)
    train = Text.of([generator.integers(97, 123, 5_000_000, dtype=np.uint8).tobytes()])
    began = time.process_time()
    for _ in measure_baselines(train, train.beginning(250_000)):
        pass
    assert time.process_time() - began < 40
