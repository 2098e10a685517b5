"""Distances of whole cases and of their strangest stretch find strange cases of more kinds than either alone.

Paper    Wang et al. 2020, arXiv:2008.13361 (wang2020multiscale)
Claim    Of what is strange in a sequence of events some shows in a few events, some in the order of all: a network of
         one class that looks at both finds more than one that looks at either, than DeepLog, and than a one-class SVM.
Here     Cases of 32 to 58 events from a workflow of twelve states in three phases, 40 kinds: 2000 normal ones to learn
         from, 500 to be told from 100 each with a rare event, five events reversed, or two phases swapped. GRUs of
         width 32, stretches of seven events, 14 epochs. As in DeepLog, the least expected event by a GRU of as many
         updates; a one-class SVM on how often each kind occurs. AUC and average precision. Three seeds.
Not here Logs of Hadoop, BGL and RUBiS; 100 epochs; the mean over stretches; isolation forests, PCA and autoencoders.
"""
from dataclasses import dataclass
from itertools import islice, product

import torch

from reprise.core.errors import need
from reprise.data.events.split import EventSplit, split_events
from reprise.data.events.workflow import STRANGE, workflow
from reprise.data.labelled import Labelled, in_order, labelled_batches
from reprise.forecasting.events.anomalies import area_under_curve, average_precision, case_scores
from reprise.forecasting.events.neural import EventNetwork
from reprise.lab.claims import all_hold, exceeds
from reprise.lab.figures import bars
from reprise.models.events.oc4seq import OC4Seq
from reprise.training.fit import fit
from reprise.training.objectives import distance

KEY = ("method", "seed")
TABLE = ("method", "strange", "auc")
FIGURES = (*(bars("method", f"auc_{kind}", title=f"AUC: {kind}") for kind in STRANGE),
           bars("method", "auc", title="AUC: mean of the three"))

WEIGHTS = {"both": (1.0, 1.0), "whole": (1.0, 0.0), "part": (0.0, 1.0)}  # of the whole, and of the strangest stretch


@dataclass(frozen=True)
class Config:
    methods: tuple[str, ...] = (*WEIGHTS, "deeplog", "ocsvm")
    seeds: int = 3
    normal: int = 2000
    tested: int = 500
    strange: int = 100
    width: int = 32
    window: int = 7
    epochs: int = 14
    batch: int = 64
    rate: float = 5e-3


SMOKE = ("seeds=1", "normal=40", "tested=8", "strange=4", "width=4", "epochs=1", "batch=8")


def cells(c: Config):
    yield from ({"method": method, "seed": seed} for seed, method in product(range(c.seeds), c.methods))


def measure(c: Config, method: str, seed: int) -> dict[str, float | str]:
    torch.manual_seed(seed)
    split = split_events(workflow(c.normal + c.tested, 2 * seed), shares=(
        c.normal / (c.normal + c.tested), 0.0, c.tested / (c.normal + c.tested)))
    score = {"deeplog": deeplog, "ocsvm": ocsvm}.get(method, one_class)(c, method, split, seed)
    normal, row = score(split.test.cases), {"strange": "mean"}
    for kind in STRANGE:
        found = score(workflow(c.strange, 2 * seed + 1, kind).under(split.vocabulary).cases)
        row |= {f"auc_{kind}": area_under_curve(normal, found), f"ap_{kind}": average_precision(normal, found)}
    return row | {"auc": sum(row[f"auc_{kind}"] for kind in STRANGE) / len(STRANGE)}


def one_class(c: Config, method: str, split: EventSplit, seed: int):
    whole, part = WEIGHTS[method]
    model = OC4Seq(len(split.vocabulary), c.width, window=c.window, whole=whole, part=part)
    train = padded(split.train.cases)
    model.centre(in_order(train, c.batch))
    updates = c.epochs * (c.normal // c.batch)
    optimiser = torch.optim.Adam(model.parameters(), c.rate, weight_decay=1e-6)
    list(fit(model, islice(labelled_batches(train, c.batch, seed), updates), distance, optimiser))
    model.eval()

    @torch.no_grad()
    def score(cases):
        return torch.cat([model(b.x, lengths=b.lengths) for b in in_order(padded(cases), c.batch)]).double().numpy()

    return score


def deeplog(c: Config, method: str, split: EventSplit, seed: int):
    network = EventNetwork("gru", c.width, depth=2, channel=None, clock=None, steps=c.epochs * (c.normal // c.batch),
                           batch=c.batch, length=48, seed=seed).fit(split)
    return lambda cases: case_scores(network, cases, "largest", ends=False)


def ocsvm(c: Config, method: str, split: EventSplit, seed: int):
    def counts(cases):
        return torch.stack([torch.from_numpy(case.kinds).bincount(minlength=len(split.vocabulary))
                            for case in cases]).numpy()

    machine = need("sklearn.svm", "studies").OneClassSVM(nu=0.05).fit(counts(split.train.cases))
    return lambda cases: -machine.score_samples(counts(cases))


def padded(cases) -> Labelled:
    """Cases as rows of one tensor, padded on the right."""
    lengths = torch.tensor([len(case) for case in cases])
    rows = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(case.kinds) for case in cases], True)
    return Labelled(rows, torch.zeros(len(rows)), lengths)


def claims(t):
    def auc(method, kind=""):
        return t.over_seeds(f"auc_{kind}" if kind else "auc", method=method)

    yield all_hold("on a rare event, and on events reversed, both beat the whole alone by 3 points of AUC", [
        exceeds(kind, auc("both", kind), auc("whole", kind), by=0.03) for kind in ("rare", "reversed")])
    yield exceeds("on phases swapped, both beat the strangest stretch alone by 3 points", auc("both", "swapped"),
                  auc("part", "swapped"), by=0.03)
    yield exceeds("both beat the least expected event by a point in the mean", auc("both"), auc("deeplog"), by=0.01)
    yield exceeds("both beat a one-class SVM on counts by a point in the mean", auc("both"), auc("ocsvm"), by=0.01)
