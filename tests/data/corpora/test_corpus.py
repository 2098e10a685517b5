"""A corpus from files: nothing lost, nothing leaked, cached, mapped into memory; and each thing that can be wrong."""
import json
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from reprise.core.errors import InputError
from reprise.data.corpora import corpus as corpus_module
from reprise.data.corpora.corpus import MINIMUM
from reprise.data.named import open_corpus

PARTS = ("train", "valid", "test")


def documents(text):
    return [text.document(index) for index in range(len(text.starts))]


def parts(corpus):
    return [getattr(corpus, part) for part in PARTS]


@pytest.fixture
def folder(tmp_path, prose):
    """Sixty files, every tenth a copy of the one before."""
    path = tmp_path / "in"
    path.mkdir()
    for i in range(60):
        seed = i - (i % 10 == 9)
        (path / f"{i:02}.txt").write_bytes(prose(900 + seed % 7, seed))
    return path


def test_single_text_is_cut_in_order_at_paragraphs(tmp_path, prose):
    content = prose(200_000)
    (tmp_path / "book.txt").write_bytes(content)
    corpus = open_corpus(tmp_path / "book.txt")
    assert b"".join(text.tokens.tobytes() for text in parts(corpus)) == content
    assert [len(text.starts) for text in parts(corpus)] == [1, 1, 1]
    assert corpus.train.tokens[-2:].tobytes() == corpus.valid.tokens[-2:].tobytes() == b"\n\n"
    assert np.allclose([len(text) / len(content) for text in parts(corpus)], [0.9, 0.05, 0.05], atol=0.002)
    assert (corpus.name, corpus.card()["split"]) == ("book", "cut documents")


def test_pages_of_a_single_text_are_documents_in_order(tmp_path, prose):
    pages = [prose(500, seed) + b"\f" for seed in range(100)]
    (tmp_path / "book.txt").write_bytes(b"".join(pages))
    corpus = open_corpus(tmp_path / "book.txt")
    assert [documents(text) for text in parts(corpus)] == [pages[:90], pages[90:95], pages[95:]]


def test_files_are_whole_documents_and_copies_stay_together(folder):
    corpus = open_corpus(folder)
    found = [documents(text) for text in parts(corpus)]
    assert sorted(found[0] + found[1] + found[2]) == sorted(path.read_bytes() for path in folder.iterdir())
    train, valid, test = map(set, found)
    assert valid and test and not train & valid and not train & test and not valid & test
    card = corpus.card()
    assert (card["documents"], card["duplicates"], card["split"]) == (60, 6, "whole documents")


def test_few_files_are_each_cut_and_copies_alike(tmp_path, prose):
    one, two = prose(30_000, 1), prose(50_000, 2)
    for name, content in (("a.txt", one), ("b.txt", two), ("c.txt", one)):
        (tmp_path / name).write_bytes(content)
    corpus = open_corpus([tmp_path / name for name in ("a.txt", "b.txt", "c.txt")])
    found = [documents(text) for text in parts(corpus)]
    assert [b"".join(pieces) for pieces in zip(*found, strict=True)] == [one, two, one]
    assert all(part[0] == part[2] for part in found)
    assert corpus.name == "a+2"


def test_names_and_places_of_files_do_not_matter(tmp_path, folder):
    other = tmp_path / "other"
    other.mkdir()
    for path in folder.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    one, two = open_corpus(folder), open_corpus(other)
    assert one.card()["digest"] == two.card()["digest"]
    assert [documents(text) for text in parts(one)] == [documents(text) for text in parts(two)]


def test_split_can_be_chosen(tmp_path, prose):
    (tmp_path / "book.txt").write_bytes(prose(100_000))
    corpus = open_corpus(tmp_path / "book.txt", split=(0.5, 0.2, 0.3))
    assert np.allclose([len(text) / 100_000 for text in parts(corpus)], [0.5, 0.2, 0.3], atol=0.01)


def test_card_is_plain_and_tells_what_was_read(folder):
    (folder / "zz.txt").write_bytes(b"\x80 no UTF-8 " * 100)
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (folder / "empty.txt").touch()
    card = open_corpus(folder).card()
    assert json.loads(json.dumps(card)) == card
    assert card["bytes"] == sum(path.stat().st_size for path in folder.glob("*.txt"))
    assert card["bytes"] == sum(card[part]["bytes"] for part in PARTS)
    assert card["documents"] == sum(card[part]["documents"] for part in PARTS) == 61
    assert (card["files"], card["left_out"], card["binary"]) == (62, 1, {})
    assert card["sources"][:2] == ["00.txt", "01.txt"] and len(card["sources"]) == 20
    assert card["utf8"] == round(1 - 1100 / card["bytes"], 4) and card["printable"] == 1.0
    assert str(folder) not in json.dumps(card)


def test_binary_is_read_when_allowed(tmp_path):
    path = tmp_path / "data.bin"
    path.write_bytes(np.random.default_rng(0).bytes(20_000))
    with pytest.raises(InputError, match=r"data.bin looks like binary data .*, text was expected; .*--binary"):
        open_corpus(path)
    corpus = open_corpus(path, allow_binary=True)
    assert b"".join(text.tokens.tobytes() for text in parts(corpus)) == path.read_bytes()
    assert "binary data" in corpus.card()["binary"]["data.bin"]


def test_parts_are_mapped_not_read(folder):
    for text in parts(open_corpus(folder)):
        assert isinstance(text.tokens, np.memmap) and text.tokens.dtype == np.uint8 and text.starts.dtype == np.int64


def test_second_time_comes_from_the_cache(folder, monkeypatch):
    first = open_corpus(folder)
    with monkeypatch.context() as patch:
        patch.setattr(corpus_module, "take_survey", None)
        assert open_corpus(folder).card() == first.card()
    (folder / "00.txt").write_text("changed")
    assert open_corpus(folder).card()["digest"] != first.card()["digest"]


@pytest.mark.parametrize("damage", [
    lambda f: (f / "valid.bin").write_bytes(b"short"),
    lambda f: (f / "train.starts.npy").write_bytes(b"short"),
    lambda f: (f / "test.bin").unlink(),
    lambda f: (f / "card.json").write_text("{}"),
    lambda f: (f / "card.json").write_text("[]"),
])
def test_damaged_cache_is_written_again(folder, cache, damage):
    before = [documents(text) for text in parts(open_corpus(folder))]
    damage(next((cache / "corpora").iterdir()))
    assert [documents(text) for text in parts(open_corpus(folder))] == before


def test_failure_leaves_nothing_behind(folder, cache, monkeypatch):
    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(corpus_module, "copy_documents", fail)
    with pytest.raises(InputError, match=r"cannot write to the cache .*: No space left on device; set REPRISE_CACHE"):
        open_corpus(folder)
    assert list((cache / "corpora").iterdir()) == []


def test_full_disk_is_told_before_writing(folder, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(100, 90, 10))
    with pytest.raises(InputError, match=r"has 10 bytes free and [\d,]+ are needed; make room"):
        open_corpus(folder)


def test_cache_that_is_no_folder(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("REPRISE_CACHE", str(folder / "00.txt"))
    with pytest.raises(InputError, match=r"cannot write to the cache folder .*; set REPRISE_CACHE to another"):
        open_corpus(folder)


def test_another_process_may_be_first(folder, cache, monkeypatch):
    first = open_corpus(folder)
    place = next((cache / "corpora").iterdir())
    original = Path.rename

    def late(self, target):
        original(place.with_name("set-aside"), target)
        return original(self, target)

    original(place, place.with_name("set-aside"))
    monkeypatch.setattr(Path, "rename", late)
    assert open_corpus(folder).card() == first.card()


def test_files_that_change_meanwhile_are_refused(folder, monkeypatch):
    survey = corpus_module.take_survey

    def slow(*arguments, paged):
        found = survey(*arguments, paged=paged)
        (folder / "05.txt").write_bytes((folder / "05.txt").read_bytes() + b"more")
        return found

    monkeypatch.setattr(corpus_module, "take_survey", slow)
    with pytest.raises(InputError, match="changed while they were read"):
        open_corpus(folder)


@pytest.mark.parametrize(("content", "message"), [
    (b"", "a.txt: empty; at least 10,000 bytes are needed"),
    (b"short", "a.txt: 5 bytes; at least 10,000 are needed"),
    (b"x" * (MINIMUM - 1), "a.txt: 9,999 bytes; at least 10,000 are needed"),
])
def test_too_little(tmp_path, content, message):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(InputError, match=message):
        open_corpus(tmp_path / "a.txt")


def test_folder_of_pictures_only(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"\x89PNG\r\n" + bytes(20_000))
    with pytest.raises(InputError, match=r"none of 1 files is text, a.png for one; .*--binary"):
        open_corpus(tmp_path / "in")


def test_copies_of_one_tiny_document(tmp_path):
    (tmp_path / "in").mkdir()
    for i in range(100):
        (tmp_path / "in" / f"{i}.txt").write_text("the same short line over again " * 4)
    with pytest.raises(InputError, match="in: nothing is left for valid and test, documents are too alike"):
        open_corpus(tmp_path / "in")


@pytest.mark.slow
def test_memory_stays_small_for_a_large_file(tmp_path, prose):
    block = prose(1 << 20)
    with open(tmp_path / "large.txt", "wb") as file:
        for i in range(200):
            file.write(b"%d\n\n" % i + block)
    tracemalloc.start()
    corpus = open_corpus(tmp_path / "large.txt")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert corpus.card()["bytes"] > 200 << 20
    assert peak < 20 << 20
