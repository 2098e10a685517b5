"""Piano rolls as they are published, and as they would be."""
import hashlib
import io

import numpy as np
import pytest
import torch
from scipy.io import savemat

from reprise.core.errors import InputError
from reprise.data.sets import music
from reprise.data.sets.music import open_music


def test_pieces_predict_their_next_step(tmp_path, monkeypatch):
    rolls = [np.eye(88, dtype=np.uint8)[[1, 5, 5]], np.eye(88, dtype=np.uint8)[[7, 2]], np.zeros((1, 88), np.uint8)]
    cell = np.empty((1, 3), object)
    cell[0] = rolls
    file = io.BytesIO()
    savemat(file, {"traindata": cell, "validdata": cell, "testdata": cell})
    (tmp_path / "polyphonic-music").mkdir()
    (tmp_path / "polyphonic-music/JSB_Chorales.mat").write_bytes(file.getvalue())
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    with pytest.raises(InputError, match=r"JSB_Chorales.mat in polyphonic-music is not the published file"):
        open_music()
    checksum = hashlib.sha256(file.getvalue()).hexdigest()
    monkeypatch.setitem(music.PUBLISHED, "jsb-chorales", ("JSB_Chorales.mat", checksum))
    for part in open_music("jsb-chorales"):
        assert part.lengths.tolist() == [2, 1]  # a piece of one step predicts nothing
        assert part.x.argmax(-1)[0].tolist() == [1, 5] and part.y.argmax(-1)[0].tolist() == [5, 5]
        assert part.y.argmax(-1)[1, 0] == 2 and torch.count_nonzero(part.y[1, 1]) == 0


def test_unknown_music():
    with pytest.raises(InputError, match="no music is named 'nottinham'; did you mean 'nottingham'"):
        open_music("nottinham")
