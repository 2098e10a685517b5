"""A substitution of letters: one to one, the same everywhere, nothing but the chosen letters; and texts joined."""
import string

import numpy as np
import pytest

from reprise.core.errors import InputError
from reprise.data.corpora.cipher import substituted
from reprise.data.corpora.text import Text

EVERY = Text.of([bytes(range(128)), bytes(range(128, 256))])


@pytest.mark.parametrize("count", [0, 2, 13, 26])
def test_a_share_of_the_letters_becomes_others_and_no_byte_is_lost(count):
    got = substituted(EVERY, count / 26, seed=5)
    changed = {chr(was) for was, now in zip(EVERY.tokens, got.tokens, strict=True) if was != now}
    assert len(changed) == 2 * count and changed <= set(string.ascii_letters)
    assert sorted(got.tokens) == sorted(EVERY.tokens) and got.starts.tolist() == [0, 128]
    assert {c.lower() for c in changed} == {c for c in changed if c.islower()}


def test_cases_go_alike_and_the_seed_decides():
    low, high = (substituted(Text.of([letters.encode()]), 0.5, 3).document(0) for letters in
                 (string.ascii_lowercase, string.ascii_uppercase))
    assert low.upper() == high
    other = substituted(Text.of([string.ascii_lowercase.encode()]), 0.5, 4).document(0)
    assert other != low


@pytest.mark.parametrize("share", [-0.1, 1.1, 1 / 26])
def test_a_share_that_cannot_be_is_refused(share):
    with pytest.raises(InputError, match="none or two of them or more"):
        substituted(EVERY, share)


def test_joined_texts_keep_their_documents():
    parts = [Text.of([b"one", b"two"]), Text.of([b"three"]), Text.of([b"x"])]
    joined = Text.joined(parts)
    assert [joined.document(i) for i in range(4)] == [b"one", b"two", b"three", b"x"]
    assert joined.tokens.dtype == np.uint8 and Text.joined(parts[:1]).starts.tolist() == [0, 3]
