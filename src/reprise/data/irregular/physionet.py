"""Stays in intensive care: 41 channels, each measured when someone did, and who died in hospital."""
import hashlib
import io
import tarfile
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from reprise.core.errors import InputError, suggest
from reprise.data.corpora.sources import Source
from reprise.data.irregular.series import Aligned, Triples, align, gather
from reprise.data.published import Published, locate, read_published

__all__ = ["CHANNELS", "SPAN", "PhysioNet", "Stays", "open_physionet"]

SPAN = 48.0  # hours
CHANNELS = (
    "ALP", "ALT", "AST", "Age", "Albumin", "BUN", "Bilirubin", "Cholesterol", "Creatinine", "DiasABP", "FiO2", "GCS",
    "Gender", "Glucose", "HCO3", "HCT", "HR", "Height", "ICUType", "K", "Lactate", "MAP", "MechVent", "Mg", "NIDiasABP",
    "NIMAP", "NISysABP", "Na", "PaCO2", "PaO2", "Platelets", "RespRate", "SaO2", "SysABP", "Temp", "TroponinI",
    "TroponinT", "Urine", "WBC", "Weight", "pH")
ADDRESS = "https://physionet.org/files/challenge-2012/1.0.0/"
RECORDS = {  # of the names and contents of all files in it, in their order: archives of them differ
    "a": "20a3d3beefe525e7892f8c582704f416789620bc60d07a89832a6e26dc1e6795",
    "b": "871e1458bb19683a38f4b3cef8faa6a03671f9bc001f00821b77d5a76548972b",
}
OUTCOMES = {
    "a": "2613ea60ccda29f87571a7d6b09ad130858a8ccd66325bd073365925026883c2",
    "b": "1305f29734da374a809483229a99f33a9230aa8d4fa74b1a2d6ad788136423d5",
}
UNKNOWN = -1.0  # what the set writes for a height, weight or gender that nobody noted


class Stays(NamedTuple):
    """Events of each stay, in hours since its beginning, and 1 where it ended in death."""

    x: Aligned
    y: Int64[Tensor, "B"]

    @property
    def size(self) -> int:
        """How many stays."""
        return len(self.y)

    def take(self, rows: Tensor | slice) -> "Stays":
        """Some of them."""
        return Stays(self.x.take(rows), self.y[rows])


class PhysioNet(NamedTuple):
    """Standardised by the means and deviations of what was measured in the training part."""

    train: Stays
    valid: Stays
    test: Stays
    means: Float[Tensor, "41"]  # as measured; of what is standardised they are 0
    deviations: Float[Tensor, "41"]


def open_physionet(part: str = "a", seed: int = 0) -> PhysioNet:
    """The 4,000 stays of set "a" or "b" of the PhysioNet Challenge 2012, from physionet2012 in `REPRISE_DATA`.

    `seed` draws who is in which part: 64, 16 and 20 of a hundred to train, to choose and to test. Age, gender, height
    and kind of ward are channels seen at hour 0; what the set marks as unknown is not seen. Errors of measurement, such
    as temperatures of -17.8, are left as they are. Else the set is downloaded once.

    Source   Silva et al. 2012, doi:10.13026/C2M01R (silva2012predicting); parts as Rubanova et al. 2019,
             arXiv:1907.03907, have them
    Raises InputError for another set, where neither place has it, and where it is not the published one.
    """
    if part not in RECORDS:
        raise InputError(f"PhysioNet 2012 has no set {part!r}{suggest(part, RECORDS)}")
    outcomes = read_published("physionet2012", Published(f"Outcomes-{part}.txt", None, ADDRESS, OUTCOMES[part]))
    died = {line.split(",")[0]: int(line.rpartition(",")[2]) for line in outcomes.decode().splitlines()[1:]}
    records = _records(part)
    x, y = align(_triples(records), len(CHANNELS)), torch.tensor([died[name] for name in records])
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    train, valid, test = (Stays(x, y).take(rows) for rows in order.tensor_split([len(y) * 64 // 100, len(y) * 4 // 5]))
    means, deviations = _scale(train.x)
    found = (each._replace(x=_standardised(each.x, means, deviations)) for each in (train, valid, test))
    return PhysioNet(*found, means, deviations)


def _records(part: str) -> dict[str, bytes]:
    """What is in the files of a set, by the number of the stay. Raises InputError where it is not as published."""
    path = locate("physionet2012", Published(f"set-{part}.tar", None, ADDRESS, "", ".gz"))
    with Source(path).open() as reader:
        content = reader.read(-1)
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive:
                if member.isfile():
                    found[f"set-{part}/{member.name.rpartition('/')[2]}"] = archive.extractfile(member).read()
    except tarfile.TarError as error:
        raise InputError(f"{path.name} in {path.parent.name} is no archive ({error}); delete it and it will be fetched "
                         "again") from error
    digest = hashlib.sha256()
    for name in sorted(found):
        digest.update(name.encode() + found[name])
    if digest.hexdigest() != RECORDS[part]:
        raise InputError(f"{path.name} in {path.parent.name} does not hold the published {len(found)} stays (sha256 of "
                         f"all {digest.hexdigest()[:12]}..., expected {RECORDS[part][:12]}...); delete it and it will "
                         "be fetched again")
    return {name.rpartition("/")[2].removesuffix(".txt"): found[name] for name in sorted(found)}


def _triples(records: dict[str, bytes]) -> Triples:
    """Lines of hours, minutes, channel and number, without those that say which stay it is, or that nobody knows."""
    import pandas

    bodies = [content.partition(b"\n")[2] for content in records.values()]
    case = np.repeat(np.arange(len(bodies)), [body.count(b"\n") for body in bodies])
    table = pandas.read_csv(io.BytesIO(b"".join(bodies).replace(b":", b",")), header=None,
                            names=["hours", "minutes", "channel", "value"])
    channel = pandas.Categorical(table.channel, categories=CHANNELS).codes.astype(np.int64)
    value, kept = table.value.to_numpy(float), (channel >= 0) & (table.value.to_numpy() != UNKNOWN)
    time = (table.hours + table.minutes / 60).to_numpy(float)
    return gather(case[kept], time[kept], channel[kept], value[kept], len(bodies))


def _scale(x: Aligned) -> tuple[Float[Tensor, "D"], Float[Tensor, "D"]]:
    """Mean and deviation of what was seen; 1 for a channel that is always the same."""
    value, seen = x.value.double(), x.seen.double()
    count = seen.sum((0, 1)).clamp_min(1)
    means = value.sum((0, 1)) / count
    spread = (((value - means) * seen).square().sum((0, 1)) / count).sqrt()
    return means.float(), torch.where(spread > 0, spread, 1.0).float()


def _standardised(x: Aligned, means: Tensor, deviations: Tensor) -> Aligned:
    return x._replace(value=torch.where(x.seen, (x.value - means) / deviations, 0.0))
