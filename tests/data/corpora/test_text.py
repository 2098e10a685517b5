"""A Text: its documents, its beginning, and what it refuses."""
import numpy as np
import pytest
from hypothesis import given, strategies as st

from reprise.core.errors import InputError
from reprise.data.corpora.text import Text


@given(st.lists(st.binary(max_size=5), min_size=1, max_size=8).filter(any))
def test_documents_come_back(documents):
    text = Text.of(documents)
    kept = [document for document in documents if document]
    assert [text.document(index) for index in range(len(text.starts))] == kept
    assert len(text) == sum(map(len, kept))


@given(st.lists(st.binary(min_size=1, max_size=5), min_size=1, max_size=8), st.integers(1, 50))
def test_beginning_is_a_text_of_the_first_bytes(documents, limit):
    text = Text.of(documents)
    first = text.beginning(limit)
    assert first.tokens.tobytes() == b"".join(documents)[:limit]
    assert first.starts.tolist() == [start for start in text.starts.tolist() if start < limit]


def test_beginning_needs_a_byte():
    with pytest.raises(InputError, match="limit must be at least 1 byte, got 0"):
        Text.of([b"abc"]).beginning(0)


@pytest.mark.parametrize("starts", [[], [1], [0, 2, 2], [0, 5], [0, 3, 1]])
def test_refuses_starts_that_are_none(starts):
    with pytest.raises(InputError, match="documents that start at 0, rise and are not empty"):
        Text(np.zeros(5, np.uint8), np.array(starts, np.int64))
