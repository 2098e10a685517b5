"""The published sets with their real sizes, the Python library, and names that are none."""
import re
import sysconfig
from pathlib import Path

import pytest

from reprise.core.errors import InputError
from reprise.data import named
from reprise.data.batches import evaluation
from reprise.data.named import list_corpora, open_corpus

SIZES = {
    "tiny-shakespeare": 1_115_394,
    "penn-treebank": 5_101_618 + 399_782 + 449_945,
    "wikitext-2": 10_797_148 + 1_121_681 + 1_256_449,
}
OFFICIAL = {"penn-treebank": (5_101_618, 399_782, 449_945), "wikitext-2": (10_797_148, 1_121_681, 1_256_449)}


@pytest.fixture
def published(data_folder, monkeypatch):
    monkeypatch.setenv("REPRISE_DATA", str(data_folder))


def sizes(corpus):
    return len(corpus.train), len(corpus.valid), len(corpus.test)


@pytest.mark.parametrize("name", SIZES)
def test_published_sets_are_whole(published, name):
    corpus = open_corpus(name)
    assert (corpus.name, corpus.card()["bytes"], sum(sizes(corpus))) == (name, SIZES[name], SIZES[name])
    assert corpus.card()["printable"] == corpus.card()["utf8"] == 1.0


@pytest.mark.parametrize("name", OFFICIAL)
def test_official_splits_are_kept(published, name):
    corpus = open_corpus(name)
    assert sizes(corpus) == OFFICIAL[name]
    assert corpus.card()["split"] == "official"


def test_tiny_shakespeare_is_cut_between_speeches(published):
    corpus = open_corpus("tiny-shakespeare")
    assert corpus.train.tokens[:14].tobytes() == b"First Citizen:"
    assert corpus.train.tokens[-2:].tobytes() == corpus.valid.tokens[-2:].tobytes() == b"\n\n"
    assert abs(len(corpus.train) - 0.9 * SIZES["tiny-shakespeare"]) < 1000
    scored = sum(int((batch.y >= 0).sum()) for batch in evaluation(corpus.valid, 8, 100))
    assert scored == len(corpus.valid) - 1


def test_a_set_that_is_not_the_published_one_is_refused(tmp_path, monkeypatch, prose):
    (tmp_path / "tiny-shakespeare").mkdir()
    (tmp_path / "tiny-shakespeare" / "input.txt").write_bytes(prose(20_000))
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    with pytest.raises(InputError, match=r"input.txt in tiny-shakespeare is not the published file \(sha256"):
        open_corpus("tiny-shakespeare")


def test_download_is_checked_and_cached(tmp_path, monkeypatch, prose, cache):
    import hashlib

    import pooch

    content, asked = prose(20_000), []
    entry = named.PUBLISHED["tiny-shakespeare"][0]._replace(sha256=hashlib.sha256(content).hexdigest())
    monkeypatch.setitem(named.PUBLISHED, "tiny-shakespeare", [entry])

    def retrieve(url, known_hash, fname, path):
        asked.append((url, known_hash))
        target = Path(path) / fname
        target.write_bytes(content)
        return str(target)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    assert sum(sizes(open_corpus("tiny-shakespeare"))) == 20_000
    assert asked == [(named.CHAR_RNN + "input.txt", f"sha256:{entry.sha256}")]
    assert (cache / "downloads" / "tiny-shakespeare" / "input.txt").exists()


@pytest.mark.parametrize("failure", [ConnectionError("no route"), ValueError("hash of downloaded file does not match")])
def test_failed_download_says_what_else_to_do(monkeypatch, failure):
    import pooch

    def retrieve(*arguments, fname, path):
        raise failure

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    with pytest.raises(InputError, match=r"cannot download wikitext-2 .*set REPRISE_DATA .*wikitext-2/train.txt, or"):
        open_corpus("wikitext-2")


@pytest.mark.parametrize("name", list(named.PUBLISHED))
def test_addresses_and_checksums_have_their_form(name):
    parts = [file.part for file in named.PUBLISHED[name]]
    assert parts in ([None], ["train", "valid", "test"])
    for file in named.PUBLISHED[name]:
        assert file.url.startswith("https://") and file.url.endswith("/")
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)


def test_python_library_needs_nothing():
    corpus = open_corpus("python-stdlib")
    assert 4_000_000 < corpus.card()["bytes"] <= named.STDLIB_LIMIT
    assert corpus.card()["split"] == "whole documents" and corpus.card()["utf8"] > 0.99
    root = sysconfig.get_paths()["stdlib"]
    assert not [s for s in named._standard_library() if {"test", "site-packages"} & {*s.path.relative_to(root).parts}]


def test_python_without_its_source(tmp_path, monkeypatch):
    monkeypatch.setattr("sysconfig.get_paths", lambda: {"stdlib": str(tmp_path)})
    with pytest.raises(InputError, match=r"no library source at .*; give a text file"):
        open_corpus("python-stdlib")


@pytest.mark.parametrize(("what", "message"), [
    ("tiny-shakespear", "neither a file or folder here nor a known data set; did you mean 'tiny-shakespeare'?"),
    ("wikitext2", "did you mean 'wikitext-2'"),
    ("qqqq", "known: penn-treebank, python-stdlib, tiny-shakespeare, wikitext-2"),
    ("./wikitext-2", "no file or folder at './wikitext-2'"),
    ("book.txt", "no file or folder at 'book.txt'"),
    ("", "empty name"),
])
def test_names_that_are_none(what, message):
    with pytest.raises(InputError, match=re.escape(message)):
        open_corpus(what)


@pytest.mark.parametrize(("what", "name"), [
    ("notes.txt", "notes"), ("notes.txt.xz", "notes"), ("a.b/c", "c"), ("in/*.txt", "in"), ("*.txt", "files"),
    (["x.md", "y.md"], "x+1"), (["x.md"], "x"),
])
def test_a_corpus_is_called_like_its_files(what, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in what if isinstance(what, list) else [what]:
        if "*" not in path:
            Path(path).parent.mkdir(exist_ok=True)
            Path(path).touch()
    assert named._name(what) == name


def test_the_folder_of_a_pattern_may_be_home(monkeypatch, tmp_path, prose):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.txt").write_bytes(prose(20_000))
    assert open_corpus("~/*.txt").card()["bytes"] == open_corpus("~/a.txt").card()["bytes"] == 20_000


def test_list_of_names():
    assert list_corpora() == sorted([*SIZES, "python-stdlib"])
