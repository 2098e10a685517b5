"""Corpora of bytes from what the user has, and batches from them."""
from reprise.data.batches import IGNORED, Batch, Batches, carried, evaluation, windows
from reprise.data.corpus import Corpus
from reprise.data.named import list_corpora, open_corpus
from reprise.data.text import Text

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
