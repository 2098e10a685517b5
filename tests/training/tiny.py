"""The smallest model, batches and run with everything that can go wrong: dropout, shuffling, a carried state."""
from typing import NamedTuple

import torch
from torch import nn

from reprise.core.layer import SequenceLayer
from reprise.training.optimisers import adamw
from reprise.training.run import Run
from reprise.training.schedules import WarmupDecay


class Leak(SequenceLayer):
    """h_t = a h_{t-1} + (1 - a) W x_t, from zero where a sequence begins."""

    recurrent_parameters = ("decay",)

    def __init__(self, width):
        super().__init__()
        self.width, self.decay, self.mix = width, nn.Parameter(torch.linspace(-2, 2, width)), nn.Linear(width, width)

    def initial_state(self, batch):
        return (torch.zeros(batch, self.width),)

    def run(self, x, state, marks):
        (h,), a, outputs = state, self.decay.sigmoid(), []
        for t, u in enumerate(self.mix(x).unbind(1)):
            h = h if marks.fresh is None else torch.where(marks.fresh[:, t, None], 0.0, h)
            h = a * h + (1 - a) * u
            outputs.append(h)
        return torch.stack(outputs, 1), (h,)


class Tiny(nn.Module):
    def __init__(self, width=8, vocabulary=16, dropout=0.2):
        super().__init__()
        self.embedding, self.dropout = nn.Embedding(vocabulary, width), nn.Dropout(dropout)
        self.layers = nn.ModuleList([Leak(width), Leak(width)])
        self.head = nn.Linear(width, vocabulary)

    def initial_state(self, batch):
        return tuple(layer.initial_state(batch) for layer in self.layers)

    def forward(self, tokens, state=None, *, resets=None):
        x, after = self.embedding(tokens), []
        for layer, before in zip(self.layers, self.initial_state(len(tokens)) if state is None else state):
            y, following = layer(self.dropout(x), before, resets=resets)
            x = x + y
            after.append(following)
        return self.head(x), tuple(after)


class Batch(NamedTuple):
    x: torch.Tensor
    y: torch.Tensor
    resets: torch.Tensor


class Shuffled:
    """Endless epochs of the same chunks in a new order each; rows go on from batch to batch except at some resets."""

    def __init__(self, chunks=7, batch=3, time=6, vocabulary=16):
        generator = torch.Generator().manual_seed(1)
        self.tokens = torch.randint(vocabulary, (chunks, batch, time + 1), generator=generator)
        self.resets = torch.rand(chunks, batch, time, generator=generator) < 0.1
        self.generator, self.order, self.position = generator, torch.randperm(chunks, generator=generator), 0

    def __iter__(self):
        while True:
            if self.position == len(self.order):
                self.order, self.position = torch.randperm(len(self.order), generator=self.generator), 0
            chunk = self.order[self.position]
            self.position += 1
            yield Batch(self.tokens[chunk, :, :-1], self.tokens[chunk, :, 1:], self.resets[chunk])

    def state_dict(self):
        return {"generator": self.generator.get_state(), "order": self.order, "position": self.position}

    def load_state_dict(self, state):
        self.generator.set_state(state["generator"])
        self.order, self.position = state["order"], state["position"]


def tiny_run(steps=20):
    torch.manual_seed(3)
    model = Tiny()
    return Run(model, Shuffled(), adamw(model, rate=1e-2), WarmupDecay(steps, warmup=3))


def advance(run, steps):
    """Trains until `steps` updates are made; the records."""
    records = []
    for record in run:
        records.append(record)
        if record.step >= steps:
            break
    return records
