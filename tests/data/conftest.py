"""Every test of this room has a cache of its own, and helpers to make text that differs from place to place."""
import random

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("REPRISE_CACHE", str(folder))
    monkeypatch.delenv("REPRISE_DATA", raising=False)
    return folder


@pytest.fixture
def prose():
    """prose(size, seed): readable text of exactly so many bytes, in paragraphs, different for every seed."""

    def write(size: int, seed: int = 0) -> bytes:
        draw = random.Random(seed)
        paragraphs = []
        while sum(map(len, paragraphs)) < size:
            words = (f"{draw.randrange(10**6):x}" for _ in range(draw.randint(5, 40)))
            paragraphs.append(" ".join(words).encode() + b".\n\n")
        return b"".join(paragraphs)[:size]

    return write
