import numpy as np

from reprise.core.errors import InputError, check_counts
from reprise.data.batches import IGNORED
from reprise.data.tasks._task import Task

__all__ = ["RepeatedPhrases"]


class RepeatedPhrases(Task):
    """Strings of phrases, each said several times over, that end: greedy decoding of a model that lost count loops.

    A string opens with `opening` random letters. The last of them calls for its phrase: every letter has one, fixed by
    `language`, of 2 to 4 letters. A phrase comes 1 to `most` times, all as likely; then the string ends with chance
    1/2, or another phrase, any, follows. All but the opening is a target, the end among them; then comes padding, the
    end as a token that is no target. What is longer than the row is cut.

    Differs  a task of our own, for what Choi et al. 2022, arXiv:2210.00660, claim of text
    """

    def __init__(self, letters: int = 24, opening: int = 6, most: int = 6, language: int = 0):
        check_counts("RepeatedPhrases", letters=letters, opening=opening, most=most)
        if letters < 2:
            raise InputError(f"RepeatedPhrases: expected 2 letters or more, got {letters}; try 24")
        self.letters, self.opening, self.most, self.end = letters, opening, most, letters
        generator = np.random.default_rng(language)
        self.phrases = [generator.integers(0, letters, 2 + letter % 3).tolist() for letter in range(letters)]
        self.shortest = opening + 1

    @property
    def vocabulary(self):
        return self.letters + 1

    @property
    def chance(self):
        often = np.bincount(np.concatenate(self.phrases), minlength=self.letters) / self.letters  # in a phrase
        said = 2 * (1 + self.most) / 2  # phrases of a string, with all repetitions
        return float(max(often.max() * said, 1) / (often.sum() * said + 1))

    def draw(self, rows, length, generator):
        x, y = np.full((rows, length), self.end), np.full((rows, length), IGNORED)
        for row in range(rows):
            string = self._string(length, generator)
            x[row, : len(string)] = string[:length]
            following = [*string[1:], self.end][self.opening - 1 : length]
            y[row, self.opening - 1 : self.opening - 1 + len(following)] = following
        return x, y

    def _string(self, length: int, generator: np.random.Generator) -> list[int]:
        """At least the first `length` letters of one, and no end."""
        string = generator.integers(0, self.letters, self.opening).tolist()
        phrase = string[-1]
        while len(string) <= length:
            string += self.phrases[phrase] * int(generator.integers(1, self.most + 1))
            if generator.random() < 0.5:
                break
            phrase = int(generator.integers(0, self.letters))
        return string
