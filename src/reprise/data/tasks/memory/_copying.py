"""What tasks share in which symbols among blanks are to be said again."""
from reprise.data.tasks._task import Task

__all__ = ["ASK", "BLANK", "FIRST", "Copying"]

BLANK, ASK, FIRST = 0, 1, 2  # then the symbols


class Copying(Task):
    """Tokens: a blank, a mark at which a symbol is asked for, and `kinds` symbols, each as likely."""

    kinds: int

    @property
    def vocabulary(self):
        return FIRST + self.kinds

    @property
    def chance(self):
        return 1 / self.kinds
