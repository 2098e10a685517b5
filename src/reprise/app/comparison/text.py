"""Models of text, byte by byte, compared by the bits they need for a byte they have not seen."""
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from reprise.app.comparison.contest import Entry, Recipe, Result, schedule
from reprise.app.findings.baselines import BASELINES, measure_baselines
from reprise.app.findings.measure import Measure
from reprise.app.findings.summary import Baseline
from reprise.app.findings.units import several
from reprise.core.errors import InputError
from reprise.core.state import count_bytes
from reprise.data import carried, evaluation, open_corpus
from reprise.data.corpora.corpus import Corpus
from reprise.data.corpora.text import Text as Part
from reprise.models.language_model import LanguageModel
from reprise.models.patterns import expand, told_of
from reprise.training.objectives import evaluate
from reprise.training.optimisers import adamw
from reprise.training.run import Run

__all__ = ["Text"]

VALID_BYTES, TEST_BYTES, LANES = 24_000, 120_000, 16  # read for a point of the curve, and for the final score
PROMPT, SAMPLE = 120, 480  # bytes of test text the best model goes on from, and bytes it writes


@dataclass(frozen=True)
class Text:
    """Files, folders or a known corpus, read as bytes; length: how many a row goes on by in one update."""

    kind: ClassVar[str] = "text"
    unit: ClassVar[str] = "byte"
    models: ClassVar[tuple[str, ...]] = ("elman", "gru", "lstm", "mingru", "rg_lru", "gated_deltanet")
    recipe: ClassVar[Recipe] = Recipe()
    keeps_best: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ()
    measure: ClassVar[Measure] = Measure("bits_per_byte", "bits/byte", "bits per byte")
    further: ClassVar[tuple[Measure, ...]] = ()

    data: tuple[str, ...]
    length: int = 128
    binary: bool = False
    reading: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if not self.length > 0:
            raise InputError(f"length: expected more than 0, got {self.length}")

    def corpus(self) -> Corpus:
        """The data, from the cache after the first time."""
        what = self.data[0] if len(self.data) == 1 else list(self.data)
        return open_corpus(what, allow_binary=self.binary)

    def card(self) -> dict[str, Any]:
        return self.corpus().card()

    def told(self) -> str:
        card = self.card()
        return f"{card['bytes']:,} bytes in {several(card['documents'], 'document')}"

    def check(self, model: str, recipe: Recipe) -> None:
        expand(model, recipe.depth)

    def about(self, model: str) -> tuple[str, str]:
        return told_of(model)

    def run(self, entry: Entry, steps: int) -> Run:
        recipe = entry.recipe
        torch.manual_seed(entry.seed)
        built = LanguageModel(entry.model, recipe.width, recipe.depth, recipe.channel).to(recipe.device)
        batches = carried(self.corpus().train, recipe.batch, self.length, entry.seed)
        return Run(built, batches, adamw(built, recipe.rate), schedule(steps))

    def units(self, entry: Entry) -> int:
        return entry.recipe.batch * self.length

    def validate(self, entry: Entry, trained: nn.Module) -> float:
        return self._score(trained, self.corpus().valid, VALID_BYTES)

    def test(self, entry: Entry, trained: nn.Module) -> Result:
        return Result(self._score(trained, self.corpus().test, TEST_BYTES))

    def _score(self, model: nn.Module, part: Part, most: int) -> float:
        return evaluate(model, evaluation(part, LANES, self.length, most))

    def save(self, entry: Entry, trained: LanguageModel, folder: Path) -> None:
        trained.save_pretrained(folder, data=self.corpus().name)

    def load(self, entry: Entry, folder: Path) -> LanguageModel:
        return LanguageModel.from_pretrained(folder).to(entry.recipe.device)

    def stepper(self, entry: Entry, trained: LanguageModel) -> Callable[[], object]:
        state, token = trained.initial_state(1), torch.tensor([10], device=trained.head.weight.device)

        def step() -> None:
            nonlocal state, token
            logits, state = trained.step(token, state)
            token = logits.argmax(-1)

        return step

    def state_bytes(self, entry: Entry, trained: LanguageModel) -> int:
        return count_bytes(trained.initial_state(1))

    def baselines(self) -> tuple[str, ...]:
        return BASELINES

    def baseline(self, name: str) -> list[Baseline]:
        corpus = self.corpus()
        return list(measure_baselines(corpus.train, corpus.test.beginning(TEST_BYTES), (name,)))

    def shown(self, entry: Entry, trained: LanguageModel) -> dict[str, Any]:
        prompt = self.corpus().test.document(0)[:PROMPT]
        (text,) = trained.generate(prompt, SAMPLE, temperature=0.8, top_p=0.95, seed=0)
        return {"prompt": prompt.decode(errors="replace"), "text": text.decode(errors="replace")}
