"""What a user may give is found in order; what cannot be read is told in a line."""
import bz2
import gzip
import lzma
import os
import zipfile

import pytest

from reprise.core.errors import InputError
from reprise.data.corpora.kinds import binary_kind
from reprise.data.corpora.sources import PACKED, find_sources


@pytest.fixture
def folder(tmp_path):
    """b.txt, A.txt, sub/c.txt, what is hidden, and an empty folder."""
    for name in ("b.txt", "A.txt", "sub/c.txt", ".hidden", ".git/config", "sub/.d/e.txt"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text of {name}")
    (tmp_path / "in" / "empty").mkdir()
    return tmp_path / "in"


def names(what):
    return [source.name for source in find_sources(what)]


def content(source):
    with source.open() as reader:
        return b"".join(iter(lambda: reader.read(7), b""))


def test_folder_is_recursive_sorted_and_without_hidden_files(folder):
    assert names(folder) == ["A.txt", "b.txt", "c.txt"]
    assert not any(source.chosen for source in find_sources(folder))


def test_pattern_is_sorted_and_takes_files_only(folder):
    assert names(str(folder / "*")) == ["A.txt", "b.txt"]
    assert names(str(folder / "**" / "*.txt")) == ["A.txt", "b.txt", "c.txt"]


def test_several_keep_their_order_and_come_once(folder):
    found = find_sources([folder / "b.txt", folder, str(folder / "sub" / ".." / "A.*")])
    assert [source.name for source in found] == ["b.txt", "A.txt", "c.txt"]
    assert [source.chosen for source in found] == [True, False, False]


def test_a_name_that_looks_like_a_pattern_is_a_file_first(tmp_path):
    (tmp_path / "notes [old].txt").write_text("x")
    assert names(str(tmp_path / "notes [old].txt")) == ["notes [old].txt"]


@pytest.mark.parametrize(("ending", "pack"), [(".xz", lzma.compress), (".gz", gzip.compress), (".bz2", bz2.compress)])
def test_packed_files_are_unpacked(tmp_path, ending, pack):
    path = tmp_path / f"text.txt{ending}"
    path.write_bytes(pack(b"what was packed"))
    assert content(find_sources(path)[0]) == b"what was packed"


def test_zip_stands_for_its_members(tmp_path):
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("b.txt", "a/a.txt", "__MACOSX/x", "a/.hidden"):
            archive.writestr(name, f"text of {name}")
        archive.mkdir("folder")
    assert names(path) == ["all.zip:a/a.txt", "all.zip:b.txt"]
    assert content(find_sources(path)[1]) == b"text of b.txt"


@pytest.mark.parametrize(("what", "message"), [
    ("missing.txt", r"no file or folder at '.*missing.txt'; check the path"),
    ("in/empty", r"folder '.*in/empty' holds no file to read"),
    ("in/*.csv", r"no file matches the pattern '.*in/\*.csv'; quote it"),
    ("x" * 5000, "cannot read .* \\.\\.\\.: File name too long"),
    ("pipe", "is not a regular file or folder"),
])
def test_nothing_to_read(folder, tmp_path, what, message):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=message):
        find_sources(str(tmp_path / what))


@pytest.mark.parametrize(("what", "message"), [([], "an empty list"), ("", "an empty name"), ([""], "an empty name")])
def test_nothing_given(what, message):
    with pytest.raises(InputError, match=message):
        find_sources(what)


@pytest.mark.parametrize("ending", [".xz", ".gz", ".bz2", ".zip"])
def test_damaged_archives_are_named(tmp_path, ending):
    path = tmp_path / f"text{ending}"
    path.write_bytes(b"not packed at all")
    with pytest.raises(InputError, match=rf"cannot read text{ending}: .*; check that the file is complete"):
        content(find_sources(path)[0])


def test_archive_cut_short(tmp_path):
    path = tmp_path / "text.gz"
    path.write_bytes(gzip.compress(os.urandom(5000))[:3000])
    with pytest.raises(InputError, match=r"cannot read text.gz: .*end"):
        content(find_sources(path)[0])


def test_archive_without_files(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.mkdir("folder")
    with pytest.raises(InputError, match=r"all.zip holds no file to read"):
        find_sources(tmp_path / "all.zip")


def test_locked_archive(tmp_path):
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "text")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flag that says a password is needed
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"all.zip is locked with a password"):
        find_sources(path)


def test_unreadable_file(tmp_path, monkeypatch):
    def refuse(path, mode):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setitem(PACKED, ".locked", refuse)
    (tmp_path / "a.locked").write_text("text")
    with pytest.raises(InputError, match=r"cannot read a.locked: Permission denied; check that .* may be read"):
        content(find_sources(tmp_path / "a.locked")[0])


def test_reading_more_than_there_is(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    with find_sources(tmp_path / "a.txt")[0].open() as reader, pytest.raises(InputError, match=r"a.txt became shorter"):
        list(reader.exactly(5))


@pytest.mark.parametrize("head", [
    b"", b"plain\r\n\ttext\f", "日本語".encode(), "déjà vu".encode("latin-1"), b"MZ is how this text begins",
    b"ID3, BZh, RIFF", b"\x1b[31mcoloured\x1b[0m",
])
def test_text_is_text(head):
    assert binary_kind(head) is None


@pytest.mark.parametrize(("head", "kind"), [
    (b"\x7fELF\x02\x01", "an executable"), (b"MZ\x90\x00\x03", "a Windows executable"), (b"PK\x03\x04", "a zip"),
    (b"\x89PNG\r\n", "a PNG image"), (b"\xff\xd8\xff\xe0", "a JPEG image"), (lzma.compress(b"a"), "an xz archive"),
    ("text".encode("utf-16"), "UTF-16"), (b"a\x00b", "zero bytes"), (b"\x01\x02abc", "control characters"),
    (b"a" * 257 + b"ustar", "a tar archive"), (b"%PDF-1.4", "a PDF"),
])
def test_what_is_no_text_is_named(head, kind):
    assert kind in binary_kind(head)
