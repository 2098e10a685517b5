"""Texts drawn from any model that steps, each until its end; and how many never reach one."""
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Int, Integer
from torch import Tensor, nn
from torch.nn import functional as F

from reprise.core.errors import InputError, check_counts
from reprise.core.modes import undisturbed
from reprise.core.state import select
from reprise.data.batches import IGNORED
from reprise.models.sampling import Sampler
from reprise.training.objectives import Objective, Scored

__all__ = ["continuation", "decode", "non_termination", "read_prompts"]


def read_prompts(model: nn.Module, prompts: Integer[Tensor, "B P"]) -> tuple[Tensor, Any]:
    """Logits (B V) of the first token after each prompt, and the state there; a model that counts the steps of a text
    (it has `begin`) has made the first. Raises InputError for prompts without a token.
    """
    if prompts.ndim != 2 or not prompts.shape[1]:
        raise InputError(f"expected prompts of one token or more, (B P), got {tuple(prompts.shape)}; "
                         "give each the token that begins a text")
    _, state = model(prompts[:, :-1], model.initial_state(len(prompts)))
    return model.step(prompts[:, -1], _begun(model, state))


@torch.no_grad()
def decode(
    model: nn.Module, prompts: Integer[Tensor, "B P"], end: int, length: int, sampler: Sampler, seed: int = 0,
) -> Int[Tensor, "B L"]:
    """What follows each prompt: at most `length` tokens, `end` from the first one on. Greedy is `Sampler(0.0)`.

    A row depends on its prompt, the seed and its place alone, and is no longer computed once it has ended. Without
    dropout; the model is left in the mode it was in.
    """
    check_counts("decode", length=length)
    with undisturbed(model.modules()):
        return _drawn(model, prompts, end, length, sampler, seed)


def _drawn(
    model: nn.Module, prompts: Integer[Tensor, "B P"], end: int, length: int, sampler: Sampler, seed: int,
) -> Int[Tensor, "B L"]:
    logits, state = read_prompts(model, prompts)
    going, texts = torch.arange(len(prompts)), torch.full((len(prompts), length), end)
    generators = [torch.Generator().manual_seed(seed + row) for row in range(len(prompts))]
    for t in range(length):
        token = sampler(logits, [generators[row] for row in going.tolist()])
        texts[going, t] = token.cpu()
        kept = (token != end).nonzero()[:, 0]
        if not len(kept):
            break
        if len(kept) < len(going):
            going, token, state = going[kept.cpu()], token[kept], select(state, kept)
        logits, state = model.step(token, state)
    return texts


def non_termination(texts: Integer[Tensor, "B L"], end: int, lengths: Sequence[int]) -> list[float]:
    """The share of texts that have no end among their first so many tokens, for each of `lengths`.

    Source  Welleck et al. 2020, arXiv:2002.02492, non-termination ratio (welleck2020consistency)
    """
    if wrong := [length for length in lengths if not 0 <= length <= texts.shape[1]]:
        raise InputError(f"non_termination: texts of {texts.shape[1]} tokens say nothing of {wrong[0]}; decode further")
    return [(texts[:, :length] != end).all(1).double().mean().item() for length in lengths]


def continuation(prompt: int) -> Objective:
    """Cross entropy of what follows the first `prompt` tokens of every row; a model that counts begins after them.

    Raises InputError for a batch in which a row begins anew after its first step: its prompt would be another.
    """
    check_counts("continuation", prompt=prompt)

    def objective(model: nn.Module, batch: Any, state: Any = None) -> Scored:
        resets = getattr(batch, "resets", None)
        if resets is not None and (resets[:, 1:].any() or (state is not None and resets[:, 0].any())):
            raise InputError("continuation: expected rows of one text each, and some begin anew (`resets`); "
                             "give every text a row of its own")
        _, state = model(batch.x[:, : prompt - 1], state)
        logits, state = model(batch.x[:, prompt - 1 :], _begun(model, state))
        y = batch.y[:, prompt - 1 :]
        total = F.cross_entropy(logits.flatten(0, 1).float(), y.flatten(), ignore_index=IGNORED, reduction="sum")
        return Scored(total, int((y != IGNORED).sum()), state)

    return objective


def _begun(model: nn.Module, state: Any) -> Any:
    begin = getattr(model, "begin", None)
    return state if begin is None else begin(state)
