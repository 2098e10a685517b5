"""Stays in intensive care: parts, scale and what is left out."""
import hashlib
import io
import os
import tarfile

import pytest
import torch

from reprise.core.errors import InputError
from reprise.data.irregular import physionet
from reprise.data.irregular.physionet import CHANNELS, SPAN, open_physionet

DATA = os.environ.get("REPRISE_DATA")  # read before a fixture hides it


def written(folder, monkeypatch, stays=25):
    outcomes, digest = "RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death\n", hashlib.sha256()
    with tarfile.open(folder / "set-a.tar.xz", "w:xz") as archive:
        for i in range(stays):
            lines = [f"00:00,RecordID,{i}", "00:00,Height,-1", "00:00,Age,54", f"01:30,HR,{60 + i}", "48:00,HR,80",
                     "48:00,HR,90"]
            content = ("Time,Parameter,Value\n" + "\n".join(lines) + "\n").encode()
            member = tarfile.TarInfo(f"set-a/{100 + i}.txt")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
            outcomes += f"{100 + i},6,1,5,-1,{i % 2}\n"
            digest.update(member.name.encode() + content)
    (folder / "Outcomes-a.txt").write_text(outcomes)
    monkeypatch.setitem(physionet.OUTCOMES, "a", hashlib.sha256(outcomes.encode()).hexdigest())
    return digest.hexdigest()


def test_files_of_the_form(tmp_path, monkeypatch):
    (tmp_path / "physionet2012").mkdir()
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    digest = written(tmp_path / "physionet2012", monkeypatch)
    with pytest.raises(InputError, match=r"set-a\.tar\.xz in physionet2012 does not hold the published 25 stays"):
        open_physionet()
    monkeypatch.setitem(physionet.RECORDS, "a", digest)
    found = open_physionet(seed=3)
    assert [part.size for part in found[:3]] == [16, 4, 5]
    rate, height = CHANNELS.index("HR"), CHANNELS.index("Height")
    x = found.train.x
    assert x.time[0].tolist() == [0, 1.5, 48] and x.lengths.tolist() == [3] * 16 and not x.seen[..., height].any()
    measured = x.value[..., rate] * found.deviations[rate] + found.means[rate]
    torch.testing.assert_close(measured[:, 2], torch.full((16,), 85.0))  # two at once: their mean
    assert (measured[:, 1].round().long() % 2 == found.train.y).all()  # the label is its own stay's
    torch.testing.assert_close(x.value[..., rate][x.seen[..., rate]].mean(), torch.tensor(0.0), atol=1e-5, rtol=0)
    assert found.test.x.value[..., rate].abs().max() < 10 and found.deviations[CHANNELS.index("Age")] == 1
    again = open_physionet(seed=3)
    assert torch.equal(again.test.y, found.test.y)
    with pytest.raises(InputError, match="PhysioNet 2012 has no set 'c'"):
        open_physionet("c")


@pytest.mark.timeout(60)
@pytest.mark.skipif(DATA is None, reason="REPRISE_DATA is not set, and the stays cannot be downloaded here")
def test_the_published_stays(monkeypatch):
    monkeypatch.setenv("REPRISE_DATA", DATA)
    found = open_physionet()
    assert [part.size for part in found[:3]] == [2560, 640, 800]
    deaths = sum(int(part.y.sum()) for part in found[:3])
    assert deaths == 554  # 13.85 in a hundred
    assert max(float(part.x.time.max()) for part in found[:3]) <= SPAN and found.train.x.value.isfinite().all()
    seen = found.train.x.value[found.train.x.seen]
    assert abs(seen.mean()) < 1e-3 and abs(seen.std() - 1) < 2e-2
    assert 80 < found.means[CHANNELS.index("HR")] < 95 and 7.3 < found.means[CHANNELS.index("pH")] < 7.7
