"""Sharing documents out: no leakage, near the shares, decided by content alone; cuts at the best break."""
import hashlib
from collections import Counter

import pytest
from hypothesis import given, settings, strategies as st

from reprise.core.errors import InputError
from reprise.data.corpora.splits import PARTS, check_shares, cut_places, nearest_break, share_out
from reprise.data.corpora.survey import Document

SHARES = (0.9, 0.05, 0.05)


def listed(contents):
    return [Document(i, len(c), hashlib.sha256(c).digest()) for i, c in enumerate(contents)]


CONTENTS = st.lists(st.integers(0, 60).map(lambda i: b"%d" % i * (i % 7 + 1)), min_size=20, max_size=120)


@settings(deadline=None)
@given(CONTENTS, st.booleans())
def test_equal_documents_share_a_part_and_shares_are_near(contents, in_order):
    documents = listed(contents)
    parts = share_out(documents, SHARES, in_order)
    if parts is None:  # too coarse: they will be cut
        return
    homes = {}
    for content, part in zip(contents, parts, strict=True):
        assert homes.setdefault(content, part) == part
    sizes = Counter()
    for document, part in zip(documents, parts, strict=True):
        sizes[part] += document.length
    for part, share in zip(PARTS[1:], SHARES[1:], strict=True):
        assert 0.5 * share <= sizes[part] / sum(sizes.values()) <= 1.5 * share


@settings(deadline=None)
@given(CONTENTS, st.randoms())
def test_content_decides_not_the_order_of_files(contents, random):
    parts = share_out(listed(contents), SHARES, in_order=False)
    mixed = random.sample(contents, len(contents))
    again = share_out(listed(mixed), SHARES, in_order=False)
    assert (parts is None) == (again is None)
    if parts is not None:
        assert dict(zip(contents, parts, strict=True)) == dict(zip(mixed, again, strict=True))


def test_many_documents_are_shared_out_exactly():
    parts = Counter(share_out(listed([b"%03d" % i for i in range(200)]), SHARES, in_order=False))
    assert parts == {"train": 180, "valid": 10, "test": 10}


def test_pages_keep_their_order():
    parts = share_out(listed([b"%03d" % i for i in range(100)]), SHARES, in_order=True)
    assert parts == ["train"] * 90 + ["valid"] * 5 + ["test"] * 5


def test_a_later_copy_of_a_page_stays_with_the_first():
    parts = share_out(listed([b"%03d" % (i if i < 99 else 3) for i in range(100)]), SHARES, in_order=True)
    assert parts[99] == parts[3] == "train"


@pytest.mark.parametrize("contents", [[b"one"], [b"a", b"b", b"c"], [b"x" * 1000, b"y"], [b"same"] * 50])
def test_few_or_unequal_documents_must_be_cut(contents):
    assert share_out(listed(contents), SHARES, in_order=False) is None


@pytest.mark.parametrize(("window", "target", "place"), [
    (b"a\n\nb c\nd e", 8, 3),            # a blank line before all else
    (b"a\n\nbb\n \nccc", 6, 8),          # the nearer of two; spaces do not hide a blank line
    (b"a\r\n\r\nb", 3, 5),               # also on Windows
    (b"aa b\nc dd", 1, 5),               # else a line
    (b"aa bb cc", 5, 6),                 # else a word
    (b"aaaa", 2, 2),                     # else anywhere
    ("éé".encode(), 3, 2),               # but not inside a character
    (b"\x80" * 6, 5, 5),                 # no UTF-8 at all
])
def test_nearest_break(window, target, place):
    assert nearest_break(window, target) == place


@given(st.integers(0, 10**9))
def test_cut_windows_lie_inside_and_apart(length):
    places = cut_places(length, SHARES)
    if places is None:
        assert length < 200
        return
    first, second, reach = places
    assert first > reach >= 4 and second - first >= 2 * reach and length - second > reach


@pytest.mark.parametrize("shares", [(0.9, 0.1), (1.0, 0.0, 0.0), (0.5, 0.2, 0.2), (1.2, -0.1, -0.1)])
def test_shares_must_be_three_positive_and_sum_to_one(shares):
    with pytest.raises(InputError, match="three positive shares that sum to 1"):
        check_shares(shares)
