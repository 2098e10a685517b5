"""`reprise train`: one language model, checkpoints on the way, resumed bit for bit."""
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from reprise.app.process import cores, prepare
from reprise.app.show import bars, console
from reprise.data import carried, evaluation, open_corpus
from reprise.lab.folder import claim, sole_use
from reprise.models.language_model import LanguageModel
from reprise.models.stack import Spec
from reprise.training.checkpoint import Checkpoints
from reprise.training.objectives import evaluate
from reprise.training.optimisers import adamw
from reprise.training.run import Run
from reprise.training.schedules import WarmupDecay

__all__ = ["Plan", "train_model"]

LANES, SCORED = 16, 200_000  # rows and bytes of an evaluation


@dataclass(frozen=True)
class Plan:
    """What is trained on what."""

    data: tuple[str, ...]
    layers: tuple[Spec, ...]
    width: int = 256
    channel: str | None = "glu"
    dropout: float = 0.0
    batch: int = 16
    length: int = 256
    rate: float = 2e-3
    steps: int = 1000
    seed: int = 0
    binary: bool = False
    device: str = "cpu"


def train_model(plan: Plan, folder: Path, every: int) -> None:
    """Train to the end of the plan, saving every so many updates; the model ends up in `folder`.

    Raises InputError for a plan that differs from the one the folder was begun with.
    """
    prepare(cores())
    what = plan.data[0] if len(plan.data) == 1 else list(plan.data)
    corpus = open_corpus(what, allow_binary=plan.binary)
    torch.manual_seed(plan.seed)
    model = LanguageModel(list(plan.layers), plan.width, channel=plan.channel, dropout=plan.dropout).to(plan.device)
    batches = carried(corpus.train, plan.batch, plan.length, plan.seed)
    schedule = WarmupDecay(plan.steps, warmup=min(max(plan.steps // 20, 1), 200), floor=0.05)
    run = Run(model, batches, adamw(model, plan.rate), schedule)
    claim(folder / "plan.json", "run", asdict(plan))  # not before the plan has proved to make sense
    with sole_use(folder):
        _updates(run, plan, Checkpoints(folder / "checkpoints"), every)
    model.save_pretrained(folder, data=corpus.name)
    score = evaluate(model, evaluation(corpus.test, LANES, plan.length, SCORED))
    console.print(f"{score:.3f} bits per byte on test text; the model is in {folder}", soft_wrap=True, markup=False)


def _updates(run: Run, plan: Plan, checkpoints: Checkpoints, every: int) -> None:
    if (found := checkpoints.restore(run)) is not None:
        console.print(f"going on from {found}", style="dim", markup=False)
    if run.step >= plan.steps:
        return
    with bars() as progress:
        line = progress.add_task("training", total=plan.steps, completed=run.step)
        for record in run:
            bits = run.smoothed_loss / math.log(2)
            told = f"training: {bits:.3f} bits per byte, rate {record.rate:.1e}"
            progress.update(line, completed=record.step, description=told)
            if record.step % every == 0 or record.step == plan.steps:
                checkpoints.save(run)
            if record.step == plan.steps:
                return
