"""Corpora of bytes from what the user has, and batches from them."""
from reprise.data.batches import IGNORED, Batch, Batches, carried, evaluation, windows
from reprise.data.corpora.corpus import Corpus
from reprise.data.corpora.text import Text
from reprise.data.named import list_corpora, open_corpus

__all__ = [
    "IGNORED",
    "Batch",
    "Batches",
    "Corpus",
    "Text",
    "carried",
    "evaluation",
    "list_corpora",
    "open_corpus",
    "windows",
]
