"""What a score is: its name in tables and sentences, how it is written, and which of two is the better."""
from dataclasses import asdict, dataclass
from typing import Any

from reprise.app.findings.units import UNKNOWN

__all__ = ["Measure"]


@dataclass(frozen=True)
class Measure:
    """One number a model is judged by.

    name: of the number in files ("mase").   title: of a narrow column ("bits/byte").   words: in a sentence ("1.932
    bits per byte").   about: what it is, for whoever points at the column.   least: a difference that is nobody's.
    """

    name: str
    title: str
    words: str
    digits: int = 3
    least: float = 0.001
    higher: bool = False  # is better
    about: str = ""

    @classmethod
    def of(cls, told: dict[str, Any]) -> "Measure":
        """The measure that `asdict` wrote down."""
        return cls(**told)

    def told(self) -> dict[str, Any]:
        return asdict(self)

    def cost(self, score: float) -> float:
        """Less of it is better, whatever the measure."""
        return -score if self.higher else score

    def write(self, score: float | None) -> str:
        """The score as every table says it; what is not known is a dash."""
        return UNKNOWN if score is None else f"{score:.{self.digits}f}"

    def gap(self, one: float, other: float) -> str:
        """How far two scores are apart: the last place is left out where it says nothing."""
        distance = abs(one - other)
        return f"{distance:.{max(self.digits - (distance >= 100 * 10**-self.digits), 0)}f}"

    @property
    def less(self) -> str:
        """What the better of two scores is, beside the other."""
        return "more" if self.higher else "less"

    @property
    def heading(self) -> str:
        """The words, as a sentence begins."""
        return self.words[:1].upper() + self.words[1:]

    @property
    def better(self) -> str:
        """A heading for the axis of a chart."""
        return f"{self.words}, {'higher' if self.higher else 'lower'} is better"
