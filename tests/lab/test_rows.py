"""Rows outlive whatever ends the run that writes them; at most the one being written is lost."""
import errno
import json
import os
import resource

import pytest
from hypothesis import given, settings, strategies as st

from reprise.core.errors import InputError
from reprise.lab.rows import append_row, read_rows

ROWS = [{"layer": "gru", "seed": 0, "bits": 2.5}, {"layer": "né\n\r\u2028 \"x\"", "nested": {"a": [1, None, True]}}, {}]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rows.jsonl"


def write(path, rows):
    for row in rows:
        append_row(path, row)


def test_rows_come_back_in_order(path):
    assert read_rows(path) == []
    write(path, ROWS)
    assert read_rows(path) == ROWS
    assert len(path.read_bytes().splitlines()) == 3, "one line a row"
    assert [json.loads(line) for line in path.read_text().split("\n")[:-1]] == ROWS, "others can read it too"


json_rows = st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text() | st.floats(allow_nan=False,
                            allow_infinity=False) | st.lists(st.booleans(), max_size=3), max_size=3)


@settings(deadline=None, max_examples=50)
@given(st.lists(json_rows.filter(bool), min_size=1, max_size=4), st.data())
def test_torn_anywhere_loses_one_row_at_most(tmp_path_factory, rows, data):
    """However many bytes of the file a kill has left, what was whole is read, and a resumed run loses nothing more."""
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    write(path, rows)
    content = path.read_bytes()
    left = data.draw(st.integers(0, len(content)))
    os.truncate(path, left)
    whole = content[:left + 1].count(b"\n")  # a row that lacks only its line end is whole
    assert read_rows(path) == rows[:whole]
    write(path, [{"after": 1}, {"after": 2}])
    assert read_rows(path) == [*rows[:whole], {"after": 1}, {"after": 2}]


def test_killed_again_and_again(path):
    for i in range(5):
        append_row(path, {"row": i})
        with path.open("ab") as file:
            file.write(b'{"row": "to')
    assert read_rows(path) == [{"row": i} for i in range(5)]


def test_killed_in_the_first_row(path):
    path.write_bytes(b'{"layer": "gr')
    assert read_rows(path) == []
    append_row(path, ROWS[0])
    assert read_rows(path) == [ROWS[0]]


def test_a_row_is_on_the_disk_at_once(path, monkeypatch):
    synced, fsync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (fsync(handle), synced.append(path.read_bytes())))
    write(path, ROWS[:2])
    assert [content.count(b"\n") for content in synced] == [1, 2]


def test_a_disk_that_fills_up(path):
    """The system itself cuts the writing short, in the midst of a row; freeing space is enough to go on."""
    write(path, ROWS)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, before[1]))
    try:
        with pytest.raises(InputError, match=r"rows.jsonl: cannot be written \(File too large\); free some space, or"):
            append_row(path, {"long": "x" * 100})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert read_rows(path) == ROWS
    append_row(path, {"long": "x" * 100})
    assert read_rows(path) == [*ROWS, {"long": "x" * 100}]


def test_a_disk_that_fills_up_in_the_first_row(path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, before[1]))
    try:
        with pytest.raises(InputError, match="free some space"):
            append_row(path, {"long": "x" * 100})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert 0 < path.stat().st_size <= 20
    append_row(path, ROWS[0])
    assert read_rows(path) == [ROWS[0]]


def test_a_disk_that_refuses_to_sync(path, monkeypatch):
    def refuse(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(InputError, match=r"cannot be written \(No space left on device\)"):
        append_row(path, ROWS[0])


@pytest.mark.parametrize("content", [b"hello\n", b"PK\x03\x04" + bytes(range(256)), b"layer,bits\ngru,2.5\n", b"1\n2\n",
                                     b"null\n", b"[1, 2]\n", b"\xff\xfe\n", b"\n"], ids=repr)
def test_a_foreign_file_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"rows.jsonl: expected a row of JSON a line, got something else; choose"):
        read_rows(path)
    assert path.read_bytes() == content


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory\)"):
        read_rows(tmp_path)
    with pytest.raises(InputError, match=r"cannot be written \(Is a directory\)"):
        append_row(tmp_path, {})


def test_a_missing_folder(tmp_path):
    with pytest.raises(InputError, match=r"cannot be written \(No such file or directory\)"):
        append_row(tmp_path / "nowhere" / "rows.jsonl", {})


def test_what_is_not_json_leaves_the_file_alone(path):
    append_row(path, ROWS[0])
    for row in ({"bits": float("nan")}, {"bits": float("inf")}):
        with pytest.raises(ValueError, match="not JSON compliant"):
            append_row(path, row)
    with pytest.raises(TypeError, match="not JSON serializable"):
        append_row(path, {"what": object()})
    assert read_rows(path) == [ROWS[0]]
