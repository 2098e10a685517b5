"""What a comparison is: everything that its numbers depend on, and nothing else."""
from dataclasses import asdict, dataclass
from typing import Any

from reprise.app.comparison.contest import Contest, Recipe
from reprise.app.process import cores
from reprise.core.errors import InputError

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """One comparison: of which models, built how, on what. Times are seconds."""

    contest: Contest
    models: tuple[str, ...]
    recipe: Recipe
    budget: float = 60.0  # of training, for each model and seed, at its measured speed
    seeds: int = 3
    jobs: int = 0  # processes at once; 0 for one a core

    def __post_init__(self) -> None:
        for name in ("budget", "seeds"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}: expected more than 0, got {getattr(self, name)}")
        if not self.models:
            raise InputError("models: expected at least one name, got none; see `reprise layers`")
        for model in self.models:
            self.contest.check(model, self.recipe)
        if len(set(self.models)) < len(self.models):
            raise InputError(f"models: {', '.join(self.models)} names one twice; each is compared once")

    def told(self) -> dict[str, Any]:
        """All of it as one flat mapping of plain values."""
        about = {"kind": self.contest.kind, **asdict(self.contest)}
        about |= dict(about.pop("reading"))
        rest = {"models": self.models, "budget": self.budget, "seeds": self.seeds, "jobs": self.jobs}
        return {**about, **rest, **asdict(self.recipe)}

    def workers(self) -> int:
        """Processes at once: a GPU serves one, each core of a CPU one."""
        return self.jobs or (cores() if self.recipe.device == "cpu" else 1)

    def threads(self) -> int:
        return max(cores() // self.workers(), 1)
