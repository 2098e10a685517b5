"""ListOps: nested expressions of operators on digits, with value and tree; published test files, and fresh ones."""
import random
from collections.abc import Iterator, Sequence
from math import prod
from statistics import median
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from reprise.core.errors import InputError, suggest
from reprise.data.published import Published, read_published

__all__ = ["OPERATORS", "WORDS", "Expressions", "Shape", "draw_listops", "list_listops", "open_listops", "work_out"]

OPERATORS = {
    "MIN": min, "MAX": max, "MED": lambda a: int(median(a)), "SM": lambda a: sum(a) % 10, "FIRST": lambda a: a[0],
    "LAST": lambda a: a[-1], "PM": lambda a: prod(a) % 10, "FLSUM": lambda a: sum(a[:2]) % 10,
}  # the last three are in the published files of depth 5 only; FLSUM is of the first two there, whatever its name says
END = "]"
WORDS = (*"0123456789", END, *(f"[{name}" for name in OPERATORS))  # the place of a word is its token
ADDRESS = "https://raw.githubusercontent.com/nyu-mll/spinn/master/python/spinn/data/listops/"
PUBLISHED = {
    "d5c": "d96f90fcdbf2456e1a5c425b4b933350cb6c30b9fbe509248429c9f32ec367ef",
    "d5f": "1fc3f37bbf47f0608abca61c94c2529fbf451d1d2cba10586a0b7092519090f3",
    "d5p": "147b721b5fcb104f8002d626898341547bea5ff2b624637e3df00fa8924de385",
    "d8": "881061477e62e9941332825bf417e25a13de50a38bf74a893e23f4ef05b18087",
    "d14": "f8ac731a421911d214835ace5c9ec6850c41c133aeffa3a7cd55e7b0e3ad7ab7",
    "d20": "25cdb7cede34db6f7b344bf7ac2728a0b00f1fe8d2742a0e4c07ad8249ac2963",
    "d20a": "51aa6a544f3bbf66b82b016071c0f045ad4006442937b788c8f0a448c7abc4b9",
    "d20s": "71335416e6896e8dd8dc69281c8ed9b37316382d05d3705d660461564e843840",
}
AHEAD = 16  # batches that are put in order of length together


class Expressions(NamedTuple):
    """Tokens, places in `WORDS`, padded on the right with 0; the value of each; how long; and its tree as `heights`.

    The tree is that of the published files: an operator and its first argument meet, then they and the second, in the
    end all and the bracket; heights are as in `core.structure`.
    """

    x: Int64[Tensor, "N T"]
    y: Int64[Tensor, "N"]
    lengths: Int64[Tensor, "N"]
    heights: Int64[Tensor, "N T"]

    @property
    def size(self) -> int:
        """How many expressions."""
        return len(self.y)

    def take(self, rows: Tensor | slice) -> "Expressions":
        """Some of them, cut to the longest."""
        lengths = self.lengths[rows]
        T = int(lengths.max()) if len(lengths) else 0
        return Expressions(self.x[rows, :T], self.y[rows], lengths, self.heights[rows, :T])

    def batches(self, batch: int, seed: int) -> Iterator["Expressions"]:
        """Endless batches of expressions nearly as long as each other, each expression at most once an epoch.

        Raises InputError for fewer expressions than one batch.
        """
        if not 1 <= batch <= self.size:
            raise InputError(f"expected a batch of 1 to {self.size} rows, as many as there are, got {batch}")
        generator = torch.Generator().manual_seed(seed)
        while True:
            for some in torch.randperm(self.size, generator=generator).split(AHEAD * batch):
                alike = some[self.lengths[some].argsort(stable=True)].split(batch)
                for place in torch.randperm(len(alike), generator=generator).tolist():
                    if len(alike[place]) == batch:
                        yield self.take(alike[place])


class Shape(NamedTuple):
    """What expressions are drawn: of which operators, with how many arguments each, how deep and how long (in words).

    nested: the chance that an argument is an expression of its own, above `depth`.
    """

    operators: tuple[str, ...] = ("MIN", "MAX", "MED", "SM")
    arguments: tuple[int, int] = (2, 5)
    depth: int = 20
    lengths: tuple[int, int] = (4, 100)
    nested: float = 0.25


def list_listops() -> list[str]:
    """The names `open_listops` knows."""
    return list(PUBLISHED)


def open_listops(name: str = "d20s", longest: int | None = None) -> Expressions:
    """A published test file, from listops in `REPRISE_DATA`, else downloaded once; those of at most `longest` words.

    d20s is the one that papers report on: four operators, depth 20.
    Source  Nangia & Bowman 2018, arXiv:1804.06028
    Raises InputError for another name, and where neither place has the file.
    """
    if name not in PUBLISHED:
        raise InputError(f"ListOps has no file {name!r}{suggest(name, PUBLISHED)}")
    content = read_published("listops", Published(f"test_{name}.tsv", None, ADDRESS, PUBLISHED[name])).decode()
    rows = (line.split("\t") for line in content.splitlines())
    found = [(int(y), text.replace("(", "").replace(")", "").split()) for y, text in rows]
    found = [(y, words) for y, words in found if longest is None or len(words) <= longest]
    if not found:
        raise InputError(f"open_listops: no expression of {name} has {longest} words or fewer; allow more")
    return _expressions([words for _, words in found])._replace(y=torch.tensor([y for y, _ in found]))


def draw_listops(count: int, shape: Shape, generator: np.random.Generator) -> Expressions:
    """`count` fresh expressions, no two alike, drawn as the published ones are and kept where they are of `shape`.

    Raises InputError for a shape that has too few, or none.
    """
    low, high = shape.lengths
    few, many = shape.arguments
    known = set(shape.operators) <= set(OPERATORS) and shape.operators
    if not known or not 1 <= few <= many or shape.depth < 1 or low > high or not 0 <= shape.nested <= 1:
        raise InputError(f"draw_listops: expected operators among {', '.join(OPERATORS)}, arguments and lengths from "
                         f"few to many, a depth of 1 or more and nested from 0 to 1, got {shape}")
    draw, found, tries = random.Random(int(generator.integers(2**63))), {}, 0
    while len(found) < count:
        tries += 1
        if tries > 1000 * (count + 10):
            raise InputError(f"draw_listops: {count} different expressions were asked, and {tries} draws gave "
                             f"{len(found)}; allow other lengths, more operators or more depth than {shape}")
        words: list[str] = []
        _grow(words, shape, draw, 1)
        if low <= len(words) <= high:
            found[tuple(words)] = None
    return _expressions(list(found))


def work_out(words: Sequence[str]) -> tuple[int, list[int]]:
    """The value of an expression, and the heights of its tree, a number a word. Raises InputError for what is none."""
    heights, open_ = [0] * len(words), []  # of each open bracket: its operator, arguments, height and last place
    for place, word in enumerate(words):
        if word[1:] in OPERATORS and word[0] == "[":
            open_.append([word[1:], [], 0, place])
            continue
        value, height = word, 0
        if word == END and open_ and open_[-1][1]:
            operator, arguments, tall, before = open_.pop()
            value, height = OPERATORS[operator](arguments), tall + 1
            heights[before] = height
        elif not (word.isdigit() and len(word) == 1):
            break
        if not open_:
            if place == len(words) - 1:
                return int(value), heights
            break
        mine = open_[-1]
        mine[1].append(int(value))
        heights[mine[3]] = mine[2] = max(mine[2], height) + 1
        mine[3] = place
    raise InputError(f"{' '.join(words)!r} is no expression of ListOps, such as '[MAX 2 9 [MIN 4 7 ] ]'")


def _grow(words: list[str], shape: Shape, draw: random.Random, depth: int) -> None:
    """One operator with its arguments; no further than one word too many."""
    words.append(f"[{draw.choice(shape.operators)}")
    for _ in range(draw.randint(*shape.arguments)):
        if len(words) > shape.lengths[1]:
            return
        if depth < shape.depth and draw.random() < shape.nested:
            _grow(words, shape, draw, depth + 1)
        else:
            words.append(str(draw.randrange(10)))
    words.append(END)


def _expressions(found: Sequence[Sequence[str]]) -> Expressions:
    token = {word: place for place, word in enumerate(WORDS)}
    worked = [work_out(words) for words in found]
    x, heights = (pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
                  for rows in ([[token[word] for word in words] for words in found], [h for _, h in worked]))
    y, lengths = torch.tensor([value for value, _ in worked]), torch.tensor([len(words) for words in found])
    return Expressions(x, y, lengths, heights)
