"""The adding problem: two of many numbers are marked, and their sum is asked for at the end."""
import torch

from reprise.core.errors import InputError
from reprise.data.labelled import Labelled

__all__ = ["BASELINE", "adding"]

BASELINE = 1 / 6  # the mean squared error of answering 1, the mean of the sum: its variance


def adding(rows: int, length: int, seed: int) -> Labelled:
    """x (N T 2): numbers drawn evenly from 0 to 1, and a mark, 1 at one step of each half and 0 elsewhere; y (N 1):
    the sum of the two numbers marked. Raises InputError for fewer than two steps.

    Source  Hochreiter & Schmidhuber 1997, sec. 5.4, as posed by Le et al. 2015, arXiv:1504.00941, sec. 4.1
    Differs  one mark in each half, as in most later work; in the original the first is among the first ten steps
    """
    if rows < 1 or length < 2:
        raise InputError(f"adding: expected a row and 2 steps or more, got {rows} rows of {length} steps")
    generator, half = torch.Generator().manual_seed(seed), length // 2
    numbers, marks = torch.rand(rows, length, generator=generator), torch.zeros(rows, length)
    marks.scatter_(1, torch.randint(0, half, (rows, 1), generator=generator), 1.0)
    marks.scatter_(1, torch.randint(half, length, (rows, 1), generator=generator), 1.0)
    return Labelled(torch.stack([numbers, marks], -1), (numbers * marks).sum(1, keepdim=True))
